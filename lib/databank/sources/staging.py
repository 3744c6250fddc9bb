"""Records are parsed, few of them twice, and kept as typed rows until the run ends."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.runs import Context
from databank.sources.erasure.step import Erasures
from databank.sources.fields import ParseGroup, identifier_field
from databank.sources.formats.base import SourceFormat
from databank.sources.opening import union
from databank.sources.parse import STAGED, UNDECIDED, parse_records, parsing_settings
from databank.sources.plausible import refuse_implausible
from databank.sources.tables import EVENTS

_RECORD = ("source", "file", "line", "fault", "value")


def stage_records(
    context: Context,
    records: DataFrame,
    groups: Sequence[ParseGroup],
    erasures: Erasures,
    *,
    name: str = "parsed",
) -> DataFrame:
    """Parse records, and take out what was erased.

    Args:
        context: The run.
        records: source, file, line, fault, value.
        groups: What to parse of them, and how.
        erasures: What is not loaded again.
        name: Of the scratch files.

    Returns:
        STAGED.
    """
    context.progress.step("parsing")
    path = context.store.scratch(name)
    with parsing_settings(context.spark):
        _write_parsed(context, records, groups, erasures, path)
        staged = _read(context.spark, path)
        reduced = erasures.apply(staged)
        if reduced is not staged:
            _write(reduced, f"{path}_reduced")
            staged = _read(context.spark, f"{path}_reduced")
    sources = {group.source.source: group.source for group in groups}.values()
    return refuse_implausible(staged, context.store.read(EVENTS), sources, day=context.day)


def _write_parsed(
    context: Context,
    records: DataFrame,
    groups: Sequence[ParseGroup],
    erasures: Erasures,
    path: str,
) -> None:
    """Parse by Spark alone; then records with an identifier that it cannot decide, by Python."""

    def write(own: DataFrame, groups: Sequence[ParseGroup], *, by_python: bool) -> None:
        parsed = parse_records(
            own,
            groups,
            erasures.config,
            day=context.day,
            timezone=context.settings.timezone,
            by_python=by_python,
        )
        _write(parsed, path)

    left = []
    for_python = {group.source.source for group in groups if _are_for_python(group.source)}
    others = [group for group in groups if group.source.source not in for_python]
    if for_python:
        left.append(records.where(F.col("source").isin(sorted(for_python))).select(*_RECORD))
    if others:
        write(records, others, by_python=False)
    if context.store.files.exists(f"{path}/kind={UNDECIDED}"):
        rows = _read(context.spark, path, f"kind = '{UNDECIDED}'")
        columns = {"fault": F.col("reason"), "value": F.col("raw")}
        left.append(rows.withColumns(columns).select(*_RECORD))
    if left:
        write(union(left), groups, by_python=True)


def _are_for_python(source: SourceFormat) -> bool:
    """Tell whether Spark would leave nearly all records of a source undecided.

    Of events few name a phone number; most profiles do.
    """
    fields = [identifier_field(source, id_type) for id_type in source.identifiers]
    return source.becomes == "profiles" and not all(field.is_usual_in_sql for field in fields)


def _write(rows: DataFrame, path: str) -> None:
    # to look for repeated values costs more than the few scans of the files can save
    writer = rows.write.mode("append").option("parquet.enable.dictionary", "false")
    writer.partitionBy("kind").parquet(path)


def _read(spark: SparkSession, path: str, where: str = f"kind <> '{UNDECIDED}'") -> DataFrame:
    # given, not inferred: a load of nothing but header lines leaves no file to infer it from
    schema = ", ".join(f"{column} {type_}" for column, type_ in STAGED.items())
    return spark.read.schema(schema).parquet(path).where(where)
