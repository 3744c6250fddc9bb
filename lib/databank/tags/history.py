"""What stays of earlier runs: values that are fresh enough, and values of past days."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame, functions as F

from databank.columns import is_one_of
from databank.runs import Context
from databank.tables import TableSpec
from databank.tags.base import TagBase
from databank.tags.tables import HISTORY


def fresh_tags(context: Context, tags: Iterable[TagBase], table: TableSpec) -> frozenset[str]:
    """Name the tags that this run does not build, for their `refresh` has not passed.

    Built is what was asked for by name, what nobody has, and all tags if the configuration or the
    code is another than that of the last run. One aggregate, if any tag has `refresh`.

    Args:
        context: The run.
        tags: Those of the part.
        table: Where they are published.
    """
    days = {tag.name: tag.refresh_days for tag in tags if tag.refresh and tag.name != context.only}
    # what another part has built since may be of another configuration
    if not days or not context.same_logic_as_last or context.superseded_by_other_part:
        return frozenset()
    rows = context.store.read(table).where(F.col("tag").isin(sorted(days)))
    newest = rows.groupBy("tag").agg(F.max("as_of").alias("as_of"))
    # one row per tag
    ages = {row["tag"]: (context.day - row["as_of"]).days for row in newest.collect()}
    return frozenset(name for name, age in ages.items() if age < days[name])


def keep_history(
    context: Context, rows: DataFrame, tags: Iterable[TagBase], every: Sequence[TagBase]
) -> None:
    """Write the day's rows of tags with keep_days, and drop days past their keeping.

    A tag that was not rebuilt has no row of the day, and its former days go all the same.

    Args:
        context: The run.
        rows: Rows of tags.person_tag of the part, as they are published.
        tags: The tags of the part.
        every: All tags of persons; of tags that are gone, or have no `keep_days` any more, nothing
            is kept.
    """
    asking = [tag for tag in tags if tag.keep_days is not None]
    known = [tag.name for tag in every if tag.keep_days is not None]
    if not asking and context.store.read(HISTORY).where(_gone(known)).isEmpty():
        return
    names = [tag.name for tag in asking]
    kept = rows.where(F.col("tag").isin(names) & (F.col("as_of") == F.lit(context.day)))
    # one row per person and tag there, and each day once here
    where = _scope(asking, known, context.day)
    context.store.replace(HISTORY, kept, where=where, checked=True)


def _scope(asking: Sequence[TagBase], known: Sequence[str], day: date) -> str:
    parts = [_gone(known)]
    if asking:
        named = is_one_of("tag", (tag.name for tag in asking))
        parts.append(f"(as_of = DATE'{day}' AND {named})")
    for tag in asking:
        last = day - timedelta(days=tag.keep_days or 0)
        parts.append(f"(tag = '{tag.name}' AND as_of <= DATE'{last}')")
    return " OR ".join(parts)


def _gone(known: Iterable[str]) -> str:
    """Write the condition on rows of tags that are gone, or are kept no more."""
    return f"NOT {is_one_of('tag', known)}"
