"""Records become typed rows with identifiers and a verdict; one pass, each record parsed once.

What differs by source is read first (see `fields`); all the rest is one expression over the
rows of all sources, so that Spark plans and compiles it once. Expressions and casts run with
ANSI off (see `build`): what cannot be read is null here, and the row goes to quarantine instead
of stopping the load.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession, functions as F

from databank.quality.rules import Finding, first_finding, rule_findings, rule_warnings
from databank.sources import identifiers as ids
from databank.sources.config import SourceConfig, SourcesConfig
from databank.sources.fields import (
    KEY,
    STAMP,
    IdentifierField,
    ParseGroup,
    extract,
    identifier_fields,
)
from databank.sources.files import SourceFile
from databank.sources.keys import Collision, corrected_key

FOUND = "array<struct<id_key:bigint,id_type:string,scope:string,id_value:string,entity:boolean>>"
REFUSED_IDS = "array<struct<id_key:bigint,id_type:string,id_value:string,why:string>>"
# one shape for all kinds, so that all sources are parsed by one job
STAGED = {
    "source": "string",
    "file": "string",
    "line": "bigint",
    "rule": "string",
    "reason": "string",
    "raw": "string",
    "warned": "array<string>",
    "refused": REFUSED_IDS,
    "found": FOUND,
    "ids": "array<bigint>",
    "entity_ids": "array<bigint>",
    "key": "string",
    "ts": "timestamp",
    "day": "date",
    "event": "string",
    "terminal": "string",
    "page": "string",
    "item": "string",
    "quantity": "decimal(18,3)",
    "amount": "decimal(18,2)",
    "campaign": "string",
    "fields": "map<string,string>",
    "kind": "string",
}

_SETTINGS = {
    # in sources' expressions a bad cast gives null, which is then quarantined
    "spark.sql.ansi.enabled": "false",
    # what all sources share is compiled once, and not once a source
    "spark.sql.optimizer.excludedRules": (
        "org.apache.spark.sql.catalyst.optimizer.PushProjectionThroughUnion"
    ),
    "spark.sql.codegen.wholeStage.union.enabled": "false",
}


@contextmanager
def parsing_settings(spark: SparkSession) -> Iterator[None]:
    """Settings of the session with which parsed records are to be computed, for a block."""
    before = {key: spark.conf.get(key, None) for key in _SETTINGS}
    for key, value in _SETTINGS.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, was in before.items():
            if was is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, was)


def make_groups(
    files: Sequence[SourceFile], sources: Mapping[str, SourceConfig]
) -> list[ParseGroup]:
    """One group for each source and header among the files to parse."""
    groups: dict[tuple[str, tuple[str, ...]], list[SourceFile]] = {}
    for file in files:
        groups.setdefault((file.source, file.header), []).append(file)
    return [
        ParseGroup(sources[name], header, tuple(sorted(f.name for f in group)), group[0].base)
        for (name, header), group in sorted(groups.items())
    ]


def parse_records(
    records: DataFrame,
    groups: Sequence[ParseGroup],
    config: SourcesConfig,
    *,
    day: date,
    timezone: str,
) -> DataFrame:
    """Parse records of raw.record into STAGED rows.

    Args:
        records: source, file, line, fault, value.
        groups: What to parse, and how.
        config: For the order of identifiers.
        day: Run day; events of later days are refused.
        timezone: Business time zone that days follow.

    Returns:
        STAGED; `rule` is null for a sound row, and only other rows keep `raw`.
    """
    identifiers = identifier_fields(groups, config)
    rows = reduce(DataFrame.unionByName, (extract(records, group, identifiers) for group in groups))
    keys, entity_keys, found, refused = _found(identifiers, config.entity_types)
    local = F.to_date(F.from_utc_timestamp("ts", timezone))
    known = _with_canonical(rows, identifiers).select(
        *(name for name in rows.columns if name[:2] not in ("i_", "s_")),
        found.alias("found"),
        refused.alias("refused"),
        keys.alias("ids"),
        entity_keys.alias("entity_ids"),
        local.alias("day"),
    )
    sources = {group.source.source: group.source for group in groups}
    return _judge(known, list(sources.values()), day=day)


# ---- identifiers


def _with_canonical(rows: DataFrame, identifiers: Sequence[IdentifierField]) -> DataFrame:
    """p_<n>: a placeholder; v_<n>: the canonical form, by SQL (q_<n>) or a library (l_<n>)."""
    sql, library = [], []
    for n, identifier in enumerate(identifiers):
        text = F.col(f"i_{n}")
        empty = ids.is_placeholder(text)
        sql.append(empty.alias(f"p_{n}"))
        by_sql = ids.by_sql(identifier.form, text, region=identifier.region)
        sql.append(F.when(~empty, by_sql).alias(f"q_{n}"))
        if ids.needs_python(identifier.form):
            left = ~F.col(f"p_{n}") & F.col(f"q_{n}").isNull()
            rest = ids.by_library(identifier.form, F.when(left, text), region=identifier.region)
            library.append(rest.alias(f"l_{n}"))
    known = rows.select("*", *sql).select("*", *library)
    values = [
        F.coalesce(f"q_{n}", f"l_{n}") if ids.needs_python(identifier.form) else F.col(f"q_{n}")
        for n, identifier in enumerate(identifiers)
    ]
    return known.select("*", *(value.alias(f"v_{n}") for n, value in enumerate(values)))


def _found(
    identifiers: Sequence[IdentifierField], entity_types: Collection[str]
) -> tuple[Column, Column, Column, Column]:
    """Keys of a person, and of entities; identifiers of the row; what was refused, and why.

    All of them the strongest first.
    """
    keys, entity_keys = list[Column](), list[Column]()
    found, refused = [], []
    for n, identifier in enumerate(identifiers):
        text, scope, value = F.col(f"i_{n}"), F.col(f"s_{n}"), F.col(f"v_{n}")
        made_up, sound, key = _verdict_and_key(n, identifier)
        of_entity = identifier.id_type in entity_types
        (entity_keys if of_entity else keys).append(F.when(sound, key))
        struct = F.struct(
            key.alias("id_key"),
            F.lit(identifier.id_type).alias("id_type"),
            scope.alias("scope"),
            value.alias("id_value"),
            F.lit(of_entity or None).cast("boolean").alias("entity"),
        )
        found.append(F.when(sound, struct))
        why = (
            F.when(F.col(f"p_{n}") | made_up, F.lit("placeholder"))
            .when(value.isNull(), F.lit("malformed"))
            .otherwise(F.lit("no scope"))
        )
        named = F.struct(
            # never the key of a sound identifier with the same text
            ids.key_of(F.lit(f"refused {identifier.id_type}"), F.lit(""), text).alias("id_key"),
            F.lit(identifier.id_type).alias("id_type"),
            text.alias("id_value"),
            why.alias("why"),
        )
        given = text.isNotNull() & (text != "")
        refused.append(F.when(given & ~F.coalesce(sound, F.lit(False)), named))
    theirs = _distinct(entity_keys)
    return (
        _distinct(keys),
        F.when(F.size(theirs) > 0, theirs) if entity_keys else F.lit(None),
        F.array_compact(F.array(*found)) if found else F.array().cast(FOUND),
        F.array_compact(F.array(*refused)) if found else F.array().cast(REFUSED_IDS),
    )


def with_keys(
    rows: DataFrame, identifiers: Sequence[IdentifierField], collisions: Sequence[Collision]
) -> DataFrame:
    """Key identifiers that are no source's as those of a source are.

    Args:
        rows: For identifier n i_<n>, the text as given without blanks around it, and s_<n>, its
            scope; at most one i_<n> of a row is not null.
        identifiers: Types, and how each is normalised.
        collisions: Of `key_collisions`.

    Returns:
        The other columns of the rows, and id_key (bigint); null = no identifier, or not a valid
        one.
    """
    keys = []
    for n, identifier in enumerate(identifiers):
        _, sound, key = _verdict_and_key(n, identifier)
        name = (F.lit(identifier.id_type), F.col(f"s_{n}"), F.col(f"v_{n}"))
        keys.append(F.when(sound, corrected_key(key, name, collisions)))
    others = [name for name in rows.columns if name[:2] not in ("i_", "s_")]
    return _with_canonical(rows, identifiers).select(*others, F.coalesce(*keys).alias("id_key"))


def _verdict_and_key(n: int, identifier: IdentifierField) -> tuple[Column, Column, Column]:
    """Of identifier n: whether people made it up, whether it is an identifier, and then its key."""
    scope, value = F.col(f"s_{n}"), F.col(f"v_{n}")
    made_up = ids.is_dummy_value(identifier.form, value)
    sound = value.isNotNull() & ~made_up & scope.isNotNull()
    return made_up, sound, ids.key_of(F.lit(identifier.id_type), scope, value)


def _distinct(keys: Sequence[Column]) -> Column:
    return F.array_distinct(F.array_compact(F.array(*keys).cast("array<bigint>")))


# ---- verdict


def _judge(rows: DataFrame, sources: Sequence[SourceConfig], *, day: date) -> DataFrame:
    # rules speak of the columns of core
    named = rows.select(
        "*",
        *(F.col("key").alias(name) for name in ("event_id", "record_id")),
        F.when(F.col("kind") == "items", F.col("key")).otherwise(F.col("item")).alias("item_id"),
        *(F.col("ts").alias(name) for name in ("event_ts", "updated_ts")),
        *(F.col("fields").alias(name) for name in ("props", "attributes")),
        F.when(F.size("ids") > 0, F.col("ids")[0]).alias("id_key"),
    )
    rules = [(source.source, rule) for source in sources for rule in source.rules]
    verdict = first_finding([*_findings(day), *rule_findings(rules)])
    judged = named.select("*", verdict.alias("_verdict"), rule_warnings(rules).alias("warned"))
    have = {
        "rule": F.col("_verdict.rule"),
        "reason": F.col("_verdict.reason"),
        "raw": F.when(F.col("_verdict").isNotNull(), F.col("raw")),
    }
    return judged.select(
        *(have.get(name, F.col(name)).cast(type_).alias(name) for name, type_ in STAGED.items())
    )


def _findings(day: date) -> list[Finding]:
    """Faults that no source may have, the deepest first."""
    found = [
        Finding(F.col("fault").isNotNull(), F.lit("encoding"), F.col("fault")),
        Finding(F.col("bad").isNotNull(), F.lit("format"), F.col("bad")),
    ]
    typed = (
        ("ts", _by_kind(STAMP), "timestamp"),
        ("quantity", F.lit("quantity"), "decimal"),
        ("amount", F.lit("amount"), "decimal"),
    )
    for column, name, type_ in typed:
        text = F.substring(F.col(f"u_{column}"), 1, 200)
        told = F.concat(name, F.lit(': cannot read "'), text, F.lit(f'" as {type_}'))
        when = F.col(f"u_{column}").isNotNull()
        found.append(Finding(when, F.concat(F.lit("unreadable_"), name), told))
    found.append(_missing(F.col("key").isNull(), _by_kind(KEY)))
    event = F.col("kind") == "events"
    for required, column in (("event_ts", "ts"), ("event", "event")):
        found.append(_missing(event & F.col(column).isNull(), F.lit(required)))
    seen = F.concat(_by_kind(STAMP), F.lit(": "), F.col("ts").cast("string"))
    after = F.concat(seen, F.lit(f" is after the run day {day}"))
    before = F.concat(seen, F.lit(" is before "), F.col("earliest").cast("string"))
    late, early = F.col("day") > F.lit(day), F.col("day") < F.col("earliest")
    found.append(Finding(late, F.lit("from_the_future"), after))
    found.append(Finding(event & early, F.lit("too_early"), before))
    return found


def _missing(when: Column, name: Column) -> Finding:
    return Finding(when, F.concat(F.lit("no_"), name), F.concat(name, F.lit(" is missing")))


def _by_kind(names: Mapping[str, str]) -> Column:
    """The name that a column of STAGED has in core, by the kind of the row."""
    pairs = [F.lit(text) for pair in names.items() for text in pair]
    return F.element_at(F.create_map(*pairs), F.col("kind"))
