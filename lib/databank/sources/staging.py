"""Records are parsed once, and kept as typed rows until the run ends."""

from collections.abc import Sequence

from pyspark.sql import DataFrame

from databank.runs import Context
from databank.sources.erasure.step import Erasures
from databank.sources.fields import ParseGroup
from databank.sources.parse import STAGED, parse_records, parsing_settings
from databank.sources.plausible import refuse_implausible
from databank.sources.tables import EVENTS


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
        parsed = parse_records(
            records,
            groups,
            erasures.config,
            day=context.day,
            timezone=context.settings.timezone,
        )
        staged = _kept(parsed, path)
        reduced = erasures.apply(staged)
        if reduced is not staged:
            staged = _kept(reduced, f"{path}_reduced")
    sources = {group.source.source: group.source for group in groups}.values()
    return refuse_implausible(staged, context.store.read(EVENTS), sources, day=context.day)


def _kept(rows: DataFrame, path: str) -> DataFrame:
    rows.write.partitionBy("kind").parquet(path)
    # given, not inferred: a load of nothing but header lines leaves no file to infer it from
    schema = ", ".join(f"{column} {type_}" for column, type_ in STAGED.items())
    return rows.sparkSession.read.schema(schema).parquet(path)
