"""Values of past days, of the tags that ask for them."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame, functions as F

from databank.columns import is_one_of
from databank.runs import Context
from databank.tags.config import TagConfig
from databank.tags.tables import HISTORY


def keep_history(
    context: Context, rows: DataFrame, tags: Iterable[TagConfig], every: Sequence[TagConfig]
) -> None:
    """Write the day's rows of tags with keep_days, and drop days past their keeping.

    A tag that was not built anew has no row of the day, and its former days go all the same.

    Args:
        context: The run.
        rows: Rows of tags.person_tag of the part, as they are published.
        tags: The tags of the part.
        every: All tags of persons; of those that are no more, or ask for it no more, nothing is
            kept.
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


def _scope(asking: Sequence[TagConfig], known: Sequence[str], day: date) -> str:
    parts = [_gone(known)]
    if asking:
        named = is_one_of("tag", (tag.name for tag in asking))
        parts.append(f"(as_of = DATE'{day}' AND {named})")
    for tag in asking:
        last = day - timedelta(days=tag.keep_days or 0)
        parts.append(f"(tag = '{tag.name}' AND as_of <= DATE'{last}')")
    return " OR ".join(parts)


def _gone(known: Iterable[str]) -> str:
    """Rows of tags that are no more, or are kept no more."""
    return f"NOT {is_one_of('tag', known)}"
