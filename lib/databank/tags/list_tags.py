"""The values that lists beside the configuration give the persons whose identifiers they name."""

from collections.abc import Collection, Mapping, Sequence
from itertools import islice

import pyarrow as pa
from pyspark.sql import Column, DataFrame, functions as F

from databank.archive.config import TagType
from databank.columns import is_one_of
from databank.identity.ownership.periods import holds_on
from databank.runs import Context
from databank.session import arrow_frame, checkpoint, checkpoint_keys
from databank.sources.erasure.persons import remaining_periods
from databank.sources.erasure.request import erased_keys, hashed_rows
from databank.sources.erasure.tables import ERASED_IDENTIFIER
from databank.sources.identifiers import IdentifierField, given_column, with_keys
from databank.sources.keys import key_collisions
from databank.sources.tables import IDENTIFIER
from databank.tags.columns import SPARK_TYPES, input_column
from databank.tags.list_file import ListFile, rows_of
from databank.tags.tables import LISTED

Files = Mapping[str, ListFile]
Types = Mapping[str, TagType]
_BATCH = 100_000  # rows that are Python's own at a time
# what becomes of a row
_NO_IDENTIFIER, _NO_VALUE = "without a valid {}", "without a value"
_ERASED, _UNMATCHED, _MATCHED = "erased, to be removed", "unmatched so far", "matched"
_SHAPE = pa.schema(
    [
        ("tag", pa.string()),
        ("field", pa.int32()),
        ("scope", pa.string()),
        ("line", pa.int64()),
        ("text", pa.string()),
        ("value", pa.string()),
    ]
)


def listed_persons(
    context: Context, files: Files, types: Types
) -> tuple[DataFrame, dict[str, str]]:
    """Find who has the identifiers of some lists on the run day, and the value of each person.

    Identifiers are keyed as ingest keys them. A row has no date, and is taken for an old one, as
    ingest takes a record without a day: what was erased from its first holder gives nothing, even
    if it is seen again; of one that passed to another person afterwards, this one has the value.
    Of several rows of a person that in the last line counts: corrections are appended.

    Cost: each file is read once, by the driver, which holds its rows (some 50 bytes each); one
    join of all of them with identity.person, which is scanned once.

    Args:
        context: The run.
        files: The list of each tag.
        types: Type of each tag.

    Returns:
        person_id, tag (unique together), line, value (string); and, by tag and file, how many
        rows came to nothing.

    Raises:
        DataBankError: If a file has a row that cannot be read, with its line.
    """
    fields = sorted({_field(file) for file in files.values()}, key=repr)
    rows = _keyed(context, _rows(context, files, types, fields), fields)
    completed = hashed_rows(context, context.store.read(ERASED_IDENTIFIER))
    erased = checkpoint_keys(erased_keys(context, rows.select("id_key").dropna(), completed))
    gone = F.broadcast(erased.select("id_key").distinct().withColumn("erased", F.lit(True)))
    rows = checkpoint_keys(rows.join(gone, "id_key", "left"))
    usable = rows.where(F.col("id_key").isNotNull() & F.col("value").isNotNull())
    held = context.store.require("identity.person").where(holds_on(F.lit(context.day)))
    matches = checkpoint(remaining_periods(held.join(usable, "id_key"), erased))
    last = matches.groupBy("person_id", "tag").agg(
        F.max("line").alias("line"), F.max_by("value", "line").alias("value")
    )
    return last, _notes(rows, matches, files)


def listed_values(persons: DataFrame, types: Types) -> DataFrame:
    """Turn the values of lists into columns.

    Args:
        persons: Of `listed_persons`.
        types: Type of each tag.

    Returns:
        person_id (unique), and per tag its `input_column`, of the tag's type; null = nothing.
    """
    return persons.groupBy("person_id").agg(
        *(
            F.max(F.when(F.col("tag") == name, F.col("value")))
            .cast(SPARK_TYPES[kind])
            .alias(input_column(name))
            for name, kind in types.items()
        )
    )


def write_provenance(
    context: Context, persons: DataFrame, files: Files, every: Collection[str]
) -> None:
    """Write which line gave each value of some tags; lines of tags without a list go.

    Args:
        context: The run.
        persons: Of `listed_persons`.
        files: The list of each tag that is built.
        every: All tags of the configuration that are by a list.
    """
    lines = persons.withColumns(
        {
            "file": _by_tag({name: file.name for name, file in files.items()}),
            "id_type": _by_tag({name: file.id_type for name, file in files.items()}),
            "as_of": F.lit(context.day),
        }
    )
    where = f"{is_one_of('tag', files)} OR {_gone(every)}"
    # one row per person and tag, as built
    context.store.replace(LISTED, lines, where=where, checked=True)


def remove_provenance(context: Context, every: Collection[str]) -> None:
    """Remove the lines of tags that are by a list no more, if there are any."""
    store, gone = context.store, _gone(every)
    if store.is_published(LISTED) and not store.read(LISTED).where(gone).isEmpty():
        store.replace(LISTED, store.small(LISTED, []), where=gone, checked=True)


def _gone(every: Collection[str]) -> str:
    return f"NOT {is_one_of('tag', every)}"


def _field(file: ListFile) -> IdentifierField:
    return IdentifierField(file.id_type, file.form, file.region)


def _rows(
    context: Context, files: Files, types: Types, fields: Sequence[IdentifierField]
) -> DataFrame:
    """Read all rows of all lists, into the columns of _SHAPE."""
    batches = []
    for name, file in files.items():
        rows = rows_of(file, tag=name, gives=types[name])
        whose = (name, fields.index(_field(file)), file.scope)
        while some := [(*whose, *row) for row in islice(rows, _BATCH)]:
            columns = dict(zip(_SHAPE.names, zip(*some, strict=True), strict=True))
            batches.append(pa.RecordBatch.from_pydict(columns, schema=_SHAPE))
    return arrow_frame(context.spark, pa.Table.from_batches(batches, _SHAPE))


def _keyed(context: Context, rows: DataFrame, fields: Sequence[IdentifierField]) -> DataFrame:
    """Give each row its key: tag, line, value, id_key (null = no valid identifier)."""
    given = {
        given_column(n, part): F.when(F.col("field") == n, F.col(part))
        for n in range(len(fields))
        for part in ("text", "scope")
    }
    collisions = key_collisions(context.store.read(IDENTIFIER))
    return with_keys(rows.withColumns(given).drop("field", "text", "scope"), fields, collisions)


def _notes(rows: DataFrame, matches: DataFrame, files: Files) -> dict[str, str]:
    """Say by tag and file how many rows came to nothing, why and where; one job."""
    matched = matches.select("tag", "line", F.lit(True).alias("matched"))
    state = (
        F.when(F.col("id_key").isNull(), _NO_IDENTIFIER)
        .when(F.col("value").isNull(), _NO_VALUE)
        .when(F.col("matched"), _MATCHED)
        .when(F.col("erased"), _ERASED)
        .otherwise(_UNMATCHED)
    )
    states = rows.join(matched, ["tag", "line"], "left").groupBy("tag", state.alias("state"))
    counts: dict[str, dict[str, tuple[int, int]]] = {name: {} for name in files}
    # a few rows a tag
    for row in states.agg(F.count("*").alias("n"), F.min("line").alias("first")).collect():
        counts[row["tag"]][row["state"]] = (row["n"], row["first"])
    return {
        f"{name}, {file.name}": _sentence(counts[name], file.id_type)
        for name, file in files.items()
    }


def _sentence(counts: Mapping[str, tuple[int, int]], id_type: str) -> str:
    """Write `of 120 rows 3 without a valid phone (the first in line 7), 17 unmatched so far`."""
    n = sum(number for number, _ in counts.values())
    parts = []
    for state in (_NO_IDENTIFIER, _NO_VALUE, _ERASED, _UNMATCHED):
        number, line = counts.get(state, (0, 0))
        # nothing is wrong with persons who may still come
        place = f" (the first in line {line})" if state != _UNMATCHED else ""
        parts += [f"{number:,} {state.format(id_type)}{place}"] if number else []
    return f"of {n:,} rows {', '.join(parts)}" if parts else f"all {n:,} rows are matched"


def _by_tag(texts: Mapping[str, str]) -> Column:
    return F.create_map(*(F.lit(each) for pair in texts.items() for each in pair))[F.col("tag")]
