"""Identifiers of whole columns: canonical forms, verdicts and keys, as Spark expressions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame, functions as F
from pyspark.sql.pandas.functions import arrow_udf

from databank.sources.forms import FORMS, IdentifierForm, have_no_zeros
from databank.sources.keys import Collision, corrected_key, key_of
from databank.sources.spelling import EMPTY, EMPTY_BEGINS, FLOAT, LONGEST, PLACEHOLDERS

IDENTIFIERS = (
    "array<struct<id_key:bigint,id_type:string,scope:string,id_value:string,entity:boolean>>"
)
REFUSED_IDENTIFIERS = "array<struct<id_key:bigint,id_type:string,id_value:string,why:string>>"
_PREFIX = "identifier_"
_LONGEST_PLACEHOLDER = max(map(len, PLACEHOLDERS))


@dataclass(frozen=True)
class IdentifierField:
    """A type of identifier that is normalised in one way; all sources of a load share its columns.

    Field n of a load has the columns identifier_<n>_text, the text as given without blanks around
    it, and identifier_<n>_scope ('' = unique everywhere, null = there should be one, and is none);
    and identifier_<n>_region, where the region differs from record to record.
    """

    id_type: str
    form: str
    region: str
    region_by_record: bool = False

    @property
    def entry(self) -> IdentifierForm:
        """Look up how the identifier is normalised."""
        return FORMS[self.form]

    @property
    def is_usual_in_sql(self) -> bool:
        """Tell whether SQL decides the usual spellings of the identifier."""
        return not self.entry.by_region or self.region in self.entry.sql_regions


@dataclass(frozen=True)
class IdentifierColumns:
    """What a record says about identifiers; the strongest identifier is the first.

    Attributes:
        ids: Distinct keys of identifiers of a person.
        entity_ids: Distinct keys of identifiers of entities; null = none.
        identifiers: Valid identifiers, IDENTIFIERS.
        refused: Texts that are no identifier, with the reason, REFUSED_IDENTIFIERS.
    """

    ids: Column
    entity_ids: Column
    identifiers: Column
    refused: Column


def given_column(n: int, part: str) -> str:
    """Name the column of field n that holds its `text`, `scope` or `region`."""
    return f"{_PREFIX}{n}_{part}"


def other_columns(rows: DataFrame) -> list[str]:
    """List the columns that belong to no identifier field."""
    return [name for name in rows.columns if not name.startswith(_PREFIX)]


# ---- canonical form


def is_placeholder(text: Column, *, zeros: bool = True) -> Column:
    """Tell whether a trimmed text only says that there is no identifier; also by zeros, or not."""
    # the guards spare most values the list and the pattern
    word = (F.length(text) <= _LONGEST_PLACEHOLDER) & F.lower(text).isin(*PLACEHOLDERS)
    if not zeros:
        return word
    return word | (F.substring(text, 1, 1).isin(*EMPTY_BEGINS) & text.rlike(EMPTY))


def whole_number(text: Column) -> Column:
    """Write a whole number that went through a floating point number by its digits."""
    number = text.cast("decimal(32,14)")
    digits = F.when(number == F.floor(number), number.cast("decimal(18,0)").cast("string"))
    return F.when(text.rlike(FLOAT), F.coalesce(digits, text)).otherwise(text)


def canonical_by_sql(form: str, column: str, *, region: str) -> Column:
    """Give the canonical form of a column; null for a text that SQL cannot decide or accept.

    Args:
        form: Name of the form.
        column: Name of the column.
        region: Spark SQL that gives the region.
    """
    sql = FORMS[form].sql
    return F.expr(sql.replace("{text}", f"`{column}`").replace("{region}", region))


def canonical_by_python(form: str, rest: Column, *, region: Column) -> Column:
    """Give the canonical form of what SQL left over, once for each distinct value of a batch."""
    normalise = FORMS[form].canonical

    def distinct(values: pa.Array) -> pa.Array:
        encoded = values.dictionary_encode()
        texts = [value and value.split("|", 1) for value in encoded.dictionary.to_pylist()]
        forms = [text and normalise(text[1], text[0]) for text in texts]
        return pa.array(forms, pa.string()).take(encoded.indices)

    given = F.concat(region, F.lit("|"), rest)
    canonical: Column = arrow_udf(distinct, "string")(given)  # type: ignore[call-overload]
    return canonical


def is_dummy_value(form: str, canonical: Column) -> Column:
    """Tell whether a canonical value is one that people make up."""
    listed = FORMS[form].dummy_values
    return canonical.isin(*listed) if listed else F.lit(False)


def with_canonical(
    rows: DataFrame, fields: Sequence[IdentifierField], *, by_python: bool = True
) -> DataFrame:
    """Add identifier_<n>_placeholder and identifier_<n>_canonical for each field.

    Args:
        rows: The text of each field.
        fields: How each is normalised.
        by_python: Whether Python decides what SQL cannot; all rows wait for its workers then.
            Without it these texts have no canonical form, and `is_undecided` tells of them.
    """
    spelled, by_sql, parsed, canonical = [], [], [], []
    for n, field in enumerate(fields):
        text, given = F.col(given_column(n, "text")), F.col(given_column(n, "spelled"))
        # before any pattern sees it
        short = F.when(F.length(text) <= LONGEST, text)
        spelling = whole_number(short) if field.entry.of_digits else short
        placeholder = is_placeholder(short, zeros=have_no_zeros(field.id_type, field.form))
        region = given_column(n, "region") if field.region_by_record else f"'{field.region}'"
        plain = canonical_by_sql(field.form, given_column(n, "spelled"), region=region)
        spelled.append(spelling.alias(given_column(n, "spelled")))
        spelled.append(placeholder.alias(given_column(n, "placeholder")))
        is_none = F.col(given_column(n, "placeholder"))
        by_sql.append(F.when(~is_none, plain).alias(given_column(n, "plain")))
        value = F.col(given_column(n, "plain"))
        if not field.entry.complete and by_python:
            left = F.when(_sql_gives_none(n), given)
            form = canonical_by_python(field.form, left, region=F.expr(region))
            parsed.append(form.alias(given_column(n, "parsed")))
            value = F.coalesce(value, F.col(given_column(n, "parsed")))
        canonical.append(value.alias(given_column(n, "canonical")))
    steps = (spelled, by_sql, parsed, canonical)
    return reduce(lambda frame, columns: frame.select("*", *columns), steps, rows)


def is_undecided(fields: Sequence[IdentifierField]) -> Column:
    """Tell of rows of `with_canonical`, without Python, whether it has to decide a text of them."""
    undecided = F.lit(False)
    for n, field in enumerate(fields):
        if not field.entry.complete:
            left = (F.col(given_column(n, "spelled")) != "") & _sql_gives_none(n)
            undecided = undecided | F.coalesce(left, F.lit(False))
    return undecided


def _sql_gives_none(n: int) -> Column:
    """Tell whether the text of field n, which is no placeholder, has no canonical form by SQL."""
    placeholder, plain = (F.col(given_column(n, part)) for part in ("placeholder", "plain"))
    return ~placeholder & plain.isNull()


# ---- verdict and key


def identifier_columns(
    fields: Sequence[IdentifierField], entity_types: Collection[str]
) -> IdentifierColumns:
    """Say of rows of `with_canonical` which identifiers they name, and what was refused.

    Args:
        fields: Fields of the load, the strongest type first.
        entity_types: Types whose identifiers belong to entities and to no person.
    """
    keys, entity_keys = list[Column](), list[Column]()
    identifiers, refused = [], []
    for n, field in enumerate(fields):
        text, scope = F.col(given_column(n, "text")), F.col(given_column(n, "scope"))
        value = F.col(given_column(n, "canonical"))
        dummy, valid, key = _verdict_and_key(n, field)
        of_entity = field.id_type in entity_types
        (entity_keys if of_entity else keys).append(F.when(valid, key))
        struct = F.struct(
            key.alias("id_key"),
            F.lit(field.id_type).alias("id_type"),
            scope.alias("scope"),
            value.alias("id_value"),
            F.lit(of_entity or None).cast("boolean").alias("entity"),
        )
        identifiers.append(F.when(valid, struct))
        why = (
            F.when(F.col(given_column(n, "placeholder")) | dummy, F.lit("placeholder"))
            .when(value.isNull(), F.lit("malformed"))
            .otherwise(F.lit("no scope"))
        )
        refusal = F.struct(
            # never the key of a valid identifier with the same text
            key_of(F.lit(f"refused {field.id_type}"), F.lit(""), text).alias("id_key"),
            F.lit(field.id_type).alias("id_type"),
            F.substring(text, 1, LONGEST).alias("id_value"),
            why.alias("why"),
        )
        given = text.isNotNull() & (text != "")
        refused.append(F.when(given & ~F.coalesce(valid, F.lit(False)), refusal))
    of_entities = _distinct(entity_keys)
    return IdentifierColumns(
        ids=_distinct(keys),
        entity_ids=F.when(F.size(of_entities) > 0, of_entities) if entity_keys else F.lit(None),
        identifiers=_compact(identifiers, IDENTIFIERS),
        refused=_compact(refused, REFUSED_IDENTIFIERS),
    )


def with_keys(
    rows: DataFrame, fields: Sequence[IdentifierField], collisions: Sequence[Collision]
) -> DataFrame:
    """Key identifiers that come from no source as ingest keys those of sources.

    Args:
        rows: The text and scope of each field; at most one text of a row is not null.
        fields: Types, and how each is normalised.
        collisions: Of `key_collisions`.

    Returns:
        The other columns of the rows, and id_key (bigint); null = no identifier, or a malformed
        one.
    """
    keys = []
    for n, field in enumerate(fields):
        _, valid, key = _verdict_and_key(n, field)
        name = [F.col(given_column(n, part)) for part in ("scope", "canonical")]
        full_name = (F.lit(field.id_type), *name)
        keys.append(F.when(valid, corrected_key(key, full_name, collisions)))
    id_key = F.coalesce(*keys).alias("id_key")
    return with_canonical(rows, fields).select(*other_columns(rows), id_key)


def _verdict_and_key(n: int, field: IdentifierField) -> tuple[Column, Column, Column]:
    """Tell of field n whether its value is a dummy, whether it is valid, and then its key."""
    scope, value = (F.col(given_column(n, part)) for part in ("scope", "canonical"))
    dummy = is_dummy_value(field.form, value)
    valid = value.isNotNull() & ~dummy & scope.isNotNull()
    return dummy, valid, key_of(F.lit(field.id_type), scope, value)


def strongest() -> Column:
    """Give the first of `ids`, which are in order of strength; null = there is none."""
    return F.when(F.size("ids") > 0, F.col("ids")[0])


def no_keys() -> Column:
    """Give an empty array of keys."""
    return F.array().cast("array<bigint>")


def _distinct(keys: Sequence[Column]) -> Column:
    return F.array_distinct(F.array_compact(F.array(*keys).cast("array<bigint>")))


def _compact(structs: Sequence[Column], type_: str) -> Column:
    return F.array_compact(F.array(*structs)) if structs else F.array().cast(type_)
