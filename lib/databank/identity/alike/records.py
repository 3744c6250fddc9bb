"""Profiles as records that can be compared: one spelling, one text a field."""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame, functions as F

from databank.errors import DataBankError
from databank.identity.alike.config import Alike, Kind


def records_of(profiles: DataFrame, rule: Alike) -> DataFrame:
    """The profiles that a rule compares.

    Profiles without an identifier are not among them: nothing could be linked.

    Args:
        profiles: core.profiles.
        rule: Whose profiles, and which attributes.

    Returns:
        One row per profile: unique_id (text, source and record), id_key, updated_ts, and the
        attributes that are compared (text; null where there is nothing to compare).
    """
    mine = profiles.where(F.col("source").isin(sorted(rule.sources)) & F.col("id_key").isNotNull())
    unique = F.concat_ws("/", "source", "record_id").alias("unique_id")
    given = [_plain(F.col("attributes")[n], kind).alias(n) for n, kind in rule.compare.items()]
    return mine.select(unique, "id_key", "updated_ts", *given)


def _plain(value: Column, kind: Kind) -> Column:
    if kind == "date":
        text = F.regexp_replace(value, r"[^0-9]", "")
    elif kind == "code":
        text = F.regexp_replace(F.lower(value), r"[^\p{L}\p{N}]", "")
    else:
        text = F.trim(F.regexp_replace(F.lower(value), r"[\s\p{P}]+", " "))
    return F.nullif(text, F.lit(""))


def pieces_of(same: Iterable[str]) -> list[str]:
    """Entries such as surname:4 as SQL that DuckDB and Spark both read."""
    found = (piece.partition(":") for piece in same)
    return [f"substr({name}, 1, {length})" if length else name for name, _, length in found]


def refuse_large_blocks(name: str, records: DataFrame, rule: Alike, *, rows: int) -> None:
    """Raise if an entry of block_on would compare nearly everything with everything.

    Args:
        name: Of the rule.
        records: As `records_of` gives them.
        rule: What is told.
        rows: How many records there are.

    Raises:
        DataBankError: Naming the entry, and how many pairs it makes.
    """
    n = F.col("n").cast("double")
    for same in rule.block_on:
        keys = records.selectExpr(*pieces_of(same)).dropna()
        blocks = keys.groupBy(*keys.columns)
        row = blocks.agg(F.count(F.lit(1)).alias("n")).agg(F.sum(n * (n - 1) / 2)).first()
        pairs = (row and row[0]) or 0
        if pairs > rule.most_pairs * rows:
            raise DataBankError(
                f"identity.yml: alike.{name}.block_on: [{', '.join(same)}] makes {pairs:,.0f} "
                f"pairs of {rows:,} profiles (most_pairs: {rule.most_pairs} for each); add another "
                "attribute to it, or raise most_pairs"
            )
