"""Records become typed rows with identifiers and a verdict, in one pass.

What differs by source is read first (see `fields`); all the rest is one expression over the
rows of all sources, so that Spark plans and compiles it once. Expressions and casts run with
ANSI off (see `build`): what cannot be read is null here, and the row goes to quarantine instead
of stopping the load.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession, functions as F

from databank.columns import business_day
from databank.expressions.numbers import DECIMAL
from databank.quality.quarantine import WAITING
from databank.quality.rules import Finding, first_finding, rule_findings, rule_warnings
from databank.session import with_settings
from databank.session.analysed import refuse_foreign_texts
from databank.sources.config import SourcesConfig
from databank.sources.fields import KEY, STAMP, ParseGroup, extract, identifier_fields
from databank.sources.formats.base import SourceFormat
from databank.sources.formats.lines import NOT_ENCODED
from databank.sources.identifiers import (
    IDENTIFIERS,
    REFUSED_IDENTIFIERS,
    identifier_columns,
    is_undecided,
    other_columns,
    strongest,
    with_canonical,
)
from databank.sources.plausible import may_be_refused

EARLIEST = date(2000, 1, 1)  # no source has events before it, if it does not say so

# one shape for all kinds, so that all sources are parsed by one job
STAGED = {
    "source": "string",
    "file": "string",
    "line": "bigint",
    "rule": "string",
    "reason": "string",
    "raw": "string",
    "warned": "array<string>",
    "refused": REFUSED_IDENTIFIERS,
    "identifiers": IDENTIFIERS,
    "ids": "array<bigint>",
    "entity_ids": "array<bigint>",
    "key": "string",
    "ts": "timestamp",
    "day": "date",
    "event": "string",
    "terminal": "string",
    "page": "string",
    "item": "string",
    "quantity": DECIMAL,
    "amount": DECIMAL,
    "campaign": "string",
    "fields": "map<string,string>",
    "kind": "string",
}
# the kind of a row that is to be parsed once more, by Python too: its record is in `raw`, and why
# that cannot be read in `reason`
UNDECIDED = "undecided"

_SETTINGS = {
    # in sources' expressions a bad cast gives null, which is then quarantined
    "spark.sql.ansi.enabled": "false",
    # what all sources share is compiled once, and not once a source
    "spark.sql.optimizer.excludedRules": (
        "org.apache.spark.sql.catalyst.optimizer.PushProjectionThroughUnion"
    ),
    "spark.sql.codegen.wholeStage.union.enabled": "false",
    # fields of a record may differ by case alone, and be given twice
    "spark.sql.caseSensitive": "true",
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
}


def parsing_settings(spark: SparkSession) -> AbstractContextManager[None]:
    """Set the session up for a block in which parsed records are computed."""
    return with_settings(spark, _SETTINGS)


def parse_records(
    records: DataFrame,
    groups: Sequence[ParseGroup],
    config: SourcesConfig,
    *,
    day: date,
    timezone: str,
    by_python: bool = True,
) -> DataFrame:
    """Parse records of raw.record into STAGED rows.

    Args:
        records: source, file, line, fault, value.
        groups: What to parse, and how.
        config: For the order of identifiers.
        day: Run day; events of later days are refused.
        timezone: Business time zone that days follow.
        by_python: Whether identifiers that SQL cannot decide are decided by Python. They are few,
            but all rows would wait for its workers: without it their rows are UNDECIDED.

    Returns:
        STAGED; `rule` is null for a sound row, and only other rows keep `raw`.
    """
    fields = identifier_fields(groups, config)
    rows = reduce(DataFrame.unionByName, (extract(records, group, fields) for group in groups))
    columns = identifier_columns(fields, config.entity_types)
    local = business_day("ts", timezone)
    known = with_canonical(rows, fields, by_python=by_python).select(
        *other_columns(rows),
        columns.identifiers.alias("identifiers"),
        columns.refused.alias("refused"),
        columns.ids.alias("ids"),
        columns.entity_ids.alias("entity_ids"),
        local.alias("day"),
        (F.lit(False) if by_python else is_undecided(fields)).alias("undecided"),
    )
    sources = {group.source.source: group.source for group in groups}
    return _judge(known, list(sources.values()), day=day)


# ---- verdict


def _judge(rows: DataFrame, sources: Sequence[SourceFormat], *, day: date) -> DataFrame:
    # rules speak of the columns of core
    named = rows.select(
        "*",
        *(F.col("key").alias(name) for name in ("event_id", "record_id")),
        F.when(F.col("kind") == "items", F.col("key")).otherwise(F.col("item")).alias("item_id"),
        *(F.col("ts").alias(name) for name in ("event_ts", "updated_ts")),
        *(F.col("fields").alias(name) for name in ("props", "attributes")),
        strongest().alias("id_key"),
    )
    rules = [(source.source, rule) for source in sources for rule in source.checks()]
    places = {
        f"conf/sources: source {source!r}: rule {rule.name!r}": rule.condition
        for source, rule in rules
    }
    refuse_foreign_texts(rows.sparkSession, named.schema, places)
    verdict = first_finding([*_findings(day), *rule_findings(rules)])
    judged = named.select("*", verdict.alias("_verdict"), rule_warnings(rules).alias("warned"))
    undecided, refused = F.col("undecided"), F.col("_verdict").isNotNull()
    have = {
        "kind": F.when(undecided, F.lit(UNDECIDED)).otherwise(F.col("kind")),
        "rule": F.col("_verdict.rule"),
        "reason": F.when(undecided, F.col("fault")).otherwise(F.col("_verdict.reason")),
        # such an event may still be refused when all of the load are known
        "raw": F.when(undecided | refused | may_be_refused(day=day), F.col("raw")),
    }
    return judged.select(
        *(have.get(name, F.col(name)).cast(type_).alias(name) for name, type_ in STAGED.items())
    )


def _findings(day: date) -> list[Finding]:
    """List the faults that no source may have, the deepest first."""
    findings = [
        Finding(F.startswith("fault", F.lit(NOT_ENCODED)), F.lit("encoding"), F.col("fault")),
        Finding(F.col("fault").isNotNull(), F.lit("format"), F.col("fault")),
        Finding(F.col("bad").isNotNull(), F.lit("format"), F.col("bad")),
    ]
    typed = (
        ("ts", _by_kind(STAMP), "timestamp"),
        ("quantity", F.lit("quantity"), "decimal"),
        ("amount", F.lit("amount"), "decimal"),
    )
    for column, name, type_ in typed:
        text = F.col(f"unread_{column}")
        reason = F.concat(name, F.lit(": cannot read "), text, F.lit(f" as {type_}"))
        when = F.col(f"unread_{column}").isNotNull()
        findings.append(Finding(when, F.concat(F.lit("unreadable_"), name), reason))
    findings.append(_missing(F.col("key").isNull(), _by_kind(KEY)))
    event = F.col("kind") == "events"
    for required, column in (("event_ts", "ts"), ("event", "event")):
        findings.append(_missing(event & F.col(column).isNull(), F.lit(required)))
    seen = F.concat(_by_kind(STAMP), F.lit(": "), F.col("ts").cast("string"))
    after = F.concat(seen, F.lit(f" is after the run day {day}; the run of its day loads it"))
    earliest = F.coalesce("earliest", F.lit(EARLIEST))
    before = F.concat(seen, F.lit(" is before `earliest`, "), earliest.cast("string"))
    late, early = F.col("day") > F.lit(day), F.col("day") < earliest
    findings.append(Finding(late, F.lit(WAITING), after))
    findings.append(Finding(event & early, F.lit("too_early"), before))
    return findings


def _missing(when: Column, name: Column) -> Finding:
    return Finding(when, F.concat(F.lit("no_"), name), F.concat(name, F.lit(" is missing")))


def _by_kind(names: Mapping[str, str]) -> Column:
    """Look up the name that a column of STAGED has in core, by the kind of the row."""
    pairs = [F.lit(text) for pair in names.items() for text in pair]
    return F.element_at(F.create_map(*pairs), F.col("kind"))
