"""Tags whose published values are young enough to stay."""

from collections.abc import Iterable

from pyspark.sql import functions as F

from databank.runs import Context
from databank.tables import TableSpec
from databank.tags.config import TagConfig


def fresh_tags(context: Context, tags: Iterable[TagConfig], table: TableSpec) -> frozenset[str]:
    """Names of the tags that are not built by this run, for their `refresh` has not passed.

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
