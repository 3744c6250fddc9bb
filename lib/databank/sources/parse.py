"""Records become typed rows with identifiers and a verdict; one pass, each record parsed once.

Expressions and casts run with ANSI off (see `build`): what cannot be read is null here, and the
row goes to quarantine instead of stopping the load.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame, functions as F

from databank.quality.rules import Finding, first_finding, rule_findings, rule_warnings
from databank.sources.config import REQUIRED, TARGETS, SourceConfig, SourcesConfig
from databank.sources.fields import (
    FOUND,
    Part,
    found_identifiers,
    id_texts,
    typed_columns,
    with_canonical,
)
from databank.sources.files import SourceFile

_KEY = {"events": "event_id", "profiles": "record_id", "items": "item_id"}
_STAMP = {"events": "event_ts", "profiles": "updated_ts", "items": "updated_ts"}
# one shape for all kinds, so that all sources are parsed by one job
STAGED = {
    "source": "string",
    "file": "string",
    "line": "bigint",
    "rule": "string",
    "reason": "string",
    "raw": "string",
    "warned": "array<string>",
    "refused": "array<string>",
    "found": FOUND,
    "ids": "array<bigint>",
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


def make_parts(files: Sequence[SourceFile], sources: Mapping[str, SourceConfig]) -> list[Part]:
    """One part for each source and header among the files to parse."""
    groups: dict[tuple[str, tuple[str, ...]], list[SourceFile]] = {}
    for file in files:
        groups.setdefault((file.source, file.header), []).append(file)
    return [
        Part(sources[name], header, tuple(sorted(f.name for f in group)), group[0].base)
        for (name, header), group in sorted(groups.items())
    ]


def parse_records(
    records: DataFrame, parts: Iterable[Part], config: SourcesConfig, *, day: date, timezone: str
) -> DataFrame:
    """Parse records of raw.record into STAGED rows.

    Args:
        records: source, file, line, fault, value.
        parts: What to parse, and how.
        config: For the order of identifiers.
        day: Run day; events of later days are refused.
        timezone: Business time zone that days follow.

    Returns:
        STAGED; `rule` is null for a sound row, and only other rows keep `raw`.
    """
    frames = [_parse(records, part, config, day=day, timezone=timezone) for part in parts]
    return reduce(DataFrame.unionByName, frames)


def _parse(
    records: DataFrame, part: Part, config: SourcesConfig, *, day: date, timezone: str
) -> DataFrame:
    source = part.source
    mine = records.where(F.col("source") == source.source).where(F.col("file").isin(*part.names))
    if part.header:
        mine = mine.where("line > 1")
    opened = _open(mine.select(F.struct("file", "line", "fault", "value").alias("_in")), part)
    exposed = opened.select("*", *(F.col("_fields")[name].alias(name) for name in source.fields()))
    typed = exposed.select("_in", "_fields", "_bad", *typed_columns(part), *id_texts(source))
    known = with_canonical(typed, source)
    shaped = _shape(known, source, config, timezone=timezone)
    return _judge(shaped, source, day=day)


def _open(records: DataFrame, part: Part) -> DataFrame:
    """_in, _fields (all fields as text), _bad (why the record cannot be read)."""
    value = F.col("_in.value")
    if part.source.format != "csv":
        parsed = records.withColumn("_fields", F.from_json(value, "map<string,string>"))
        bad = F.when(F.col("_fields").isNull(), F.lit("not JSON"))
        return parsed.withColumn("_bad", bad)
    names = [f"c{i}" for i in range(len(part.header))]
    schema = ", ".join(f"{name} string" for name in [*names, "_rest"])
    options = {
        "sep": part.source.delimiter,
        "escape": '"',
        "columnNameOfCorruptRecord": "_rest",
        "mode": "PERMISSIVE",
    }
    parsed = records.withColumn("_row", F.from_csv(value, F.lit(schema), options))
    pairs = [
        cell
        for name, header in zip(names, part.header, strict=True)
        for cell in (F.lit(header), F.col(f"_row.{name}"))
    ]
    told = F.lit(f"not as many fields as the header has ({len(names)})")
    bad = F.when(F.col("_row").isNull() | F.col("_row._rest").isNotNull(), told)
    return parsed.select("_in", F.create_map(*pairs).alias("_fields"), bad.alias("_bad"))


def _shape(
    rows: DataFrame, source: SourceConfig, config: SourcesConfig, *, timezone: str
) -> DataFrame:
    """Columns under the names that rules and readers know."""
    types = TARGETS[source.becomes]
    targets = []
    for name, type_ in types.items():
        if name == "terminal" and source.terminal:
            value = F.lit(source.terminal)
        else:
            value = F.col(f"c_{name}") if name in source.columns else F.lit(None)
        targets.append(value.cast(type_).alias(name))
    found, refused = found_identifiers(source, config)
    rest = "props" if source.becomes == "events" else "attributes"
    stamp = F.col(_STAMP[source.becomes])
    unread = [c for c in rows.columns if c.startswith("e_")]
    shaped = rows.select(
        "_in",
        F.when(F.col("_fields").isNull(), "not JSON").otherwise(F.col("_bad")).alias("_bad"),
        *unread,
        *targets,
        _rest(source).alias(rest),
        found.alias("found"),
        refused.alias("refused"),
    )
    keys = F.array_distinct(F.transform("found", lambda one: one["id_key"]))
    local = F.to_date(F.from_utc_timestamp(stamp, timezone))
    return shaped.select("*", keys.alias("ids"), local.alias("day")).withColumn(
        "id_key", F.when(F.size("ids") > 0, F.col("ids")[0])
    )


def _rest(source: SourceConfig) -> Column:
    """Fields that are no column and no identifier, and declared columns that core lacks."""
    extra = [name for name in source.columns if name not in TARGETS[source.becomes]]
    gone = sorted({*source.consumed(), *extra})
    fields = F.map_filter("_fields", lambda name, text: text.isNotNull() & ~name.isin(gone))
    if not extra:
        return fields
    pairs = [cell for name in extra for cell in (F.lit(name), F.col(f"c_{name}"))]
    named = F.map_filter(F.create_map(*pairs), lambda _, text: text.isNotNull())
    return F.map_concat(fields, named)


def _judge(rows: DataFrame, source: SourceConfig, *, day: date) -> DataFrame:
    verdict = first_finding([*_findings(source, day=day), *rule_findings(source.rules)])
    warned = rule_warnings(source.rules)
    judged = rows.select("*", verdict.alias("_verdict"), warned.alias("warned"))
    rest = "props" if source.becomes == "events" else "attributes"
    have = {
        "source": F.lit(source.source),
        "kind": F.lit(source.becomes),
        "file": F.col("_in.file"),
        "line": F.col("_in.line"),
        "rule": F.col("_verdict.rule"),
        "reason": F.col("_verdict.reason"),
        "raw": F.when(F.col("_verdict").isNotNull(), F.col("_in.value")),
        "key": F.col(_KEY[source.becomes]),
        "ts": F.col(_STAMP[source.becomes]),
        "item": F.col("item_id") if source.becomes == "events" else F.lit(None),
        "fields": F.col(rest),
    }
    return judged.select(
        *(
            (have[name] if name in have else F.col(name) if name in judged.columns else F.lit(None))
            .cast(type_)
            .alias(name)
            for name, type_ in STAGED.items()
        )
    )


def _findings(source: SourceConfig, *, day: date) -> list[Finding]:
    """Faults that no source may have, the deepest first."""
    found = [
        Finding(F.col("_in.fault").isNotNull(), "encoding", F.col("_in.fault")),
        Finding(F.col("_bad").isNotNull(), "format", F.col("_bad")),
    ]
    for name, type_ in TARGETS[source.becomes].items():
        if name in source.columns and type_ != "string":
            plain = type_.partition("(")[0]
            text = F.substring(F.col(f"e_{name}"), 1, 200)
            told = F.concat(F.lit(f'{name}: cannot read "'), text, F.lit(f'" as {plain}'))
            found.append(Finding(F.col(f"e_{name}").isNotNull(), f"unreadable_{name}", told))
    for name in REQUIRED[source.becomes]:
        found.append(Finding(F.col(name).isNull(), f"no_{name}", F.lit(f"{name} is missing")))
    if source.becomes == "events":
        seen = F.concat(F.lit("event_ts: "), F.col("event_ts").cast("string"))
        after = F.concat(seen, F.lit(f" is after the run day {day}"))
        before = F.concat(seen, F.lit(f" is before {source.earliest}"))
        found.append(Finding(F.col("day") > F.lit(day), "from_the_future", after))
        found.append(Finding(F.col("day") < F.lit(source.earliest), "too_early", before))
    return found
