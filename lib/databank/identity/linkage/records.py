"""Turn profiles into records that can be compared: one spelling, one text per field."""

from collections.abc import Iterable

from pyspark.sql import DataFrame, functions as F

from databank.errors import DataBankError
from databank.identity.linkage.config import LinkageRule
from databank.identity.linkage.kinds import KINDS


def records_of(profiles: DataFrame, rule: LinkageRule) -> DataFrame:
    """Select the profiles that a rule compares, with their attributes in one spelling.

    Profiles without an identifier are left out, because there is nothing to link.

    Args:
        profiles: core.profiles.
        rule: The rule: which sources, and which attributes.

    Returns:
        One row per profile: unique_id (text, source and record), id_key, updated_ts, and the
        attributes that are compared (text, of `number` a double, of `words` an array of text;
        null where there is nothing to compare).
    """
    is_compared = F.col("source").isin(sorted(rule.sources)) & F.col("id_key").isNotNull()
    unique = F.concat_ws("/", "source", "record_id").alias("unique_id")
    fields = [
        KINDS[kind].spelling(F.col("attributes")[name]).alias(name)
        for name, kind in rule.compare.items()
    ]
    return profiles.where(is_compared).select(unique, "id_key", "updated_ts", *fields)


def key_columns(key: Iterable[str]) -> list[str]:
    """Write the parts of a blocking key, such as surname:4, as SQL for DuckDB and Spark."""
    parts = (part.partition(":") for part in key)
    return [f"substr({name}, 1, {length})" if length else name for name, _, length in parts]


def refuse_large_blocks(
    name: str, records: DataFrame, rule: LinkageRule, *, rows: int, most: int
) -> None:
    """Raise if a key of block_on would compare nearly everything with everything.

    Args:
        name: Name of the rule.
        records: Result of `records_of`.
        rule: The rule.
        rows: Number of records.
        most: Pairs per record that a key may make.

    Raises:
        DataBankError: If one does; it names the key and the number of pairs.
    """
    n = F.col("n").cast("double")
    for key in rule.block_on:
        keys = records.selectExpr(*key_columns(key)).dropna()
        blocks = keys.groupBy(*keys.columns)
        row = blocks.agg(F.count(F.lit(1)).alias("n")).agg(F.sum(n * (n - 1) / 2)).first()
        pairs = (row and row[0]) or 0
        if pairs > most * rows:
            raise DataBankError(
                f"identity.yml: linkage.{name}.block_on: [{', '.join(key)}] makes {pairs:,.0f} "
                f"pairs of {rows:,} profiles (limit: {most} for each); add another "
                "attribute to it, or raise tuning.pairs_per_profile"
            )
