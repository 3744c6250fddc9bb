"""Rules made by hand: what conf says of single identifiers, pairs and patterns, as keys."""

from collections.abc import Iterable, Sequence
from datetime import date

from pyspark.sql import DataFrame, functions as F

from databank.errors import DataBankError
from databank.identity.config import Blocked, Identifier, Pair
from databank.session import small_frame

BLOCK = "block"


def blocked_nodes(identifiers: DataFrame, block: Iterable[Blocked], *, day: date) -> DataFrame:
    """Identifiers that are blocked by value or pattern.

    Args:
        identifiers: id_key, id_type, scope, id_value.
        block: What is blocked.
        day: Written to the rows.

    Returns:
        identity.rejected rows, one per identifier.

    Raises:
        DataBankError: If Java cannot read a pattern.
    """
    block = list(block)
    values = [(b.type, b.scope, b.value, b.reason) for b in block if b.value]
    schema = "id_type string, scope string, id_value string, reason string"
    listed = small_frame(identifiers.sparkSession, values, schema)
    found = identifiers.join(F.broadcast(listed), ["id_type", "scope", "id_value"])
    found = found.select("id_key", "reason")
    for b in block:
        if b.pattern:
            _require_pattern(identifiers, b.pattern)
            of_type = (F.col("id_type") == b.type) & (F.col("scope") == b.scope)
            alike = identifiers.where(of_type & F.col("id_value").rlike(f"^(?:{b.pattern})$"))
            found = found.unionByName(alike.select("id_key", F.lit(b.reason).alias("reason")))
    return (
        found.groupBy(F.col("id_key").alias("a_key"))
        .agg(F.min("reason").alias("reason"))
        .select(
            "a_key",
            F.lit(None).cast("bigint").alias("b_key"),
            F.lit(BLOCK).alias("rule"),
            "reason",
            F.lit(day).alias("day"),
        )
    )


def _require_pattern(rows: DataFrame, pattern: str) -> None:
    # validated as Python's, run as Java's: they differ in corners
    jvm = rows.sparkSession._jvm
    assert jvm is not None
    try:
        jvm.java.util.regex.Pattern.compile(pattern)
    except Exception as error:
        raise DataBankError(
            f"identity.yml: block: Java cannot read the pattern {pattern!r}; write it more plainly"
        ) from error


def one_by_hand(edges: DataFrame, pairs: Sequence[tuple[int, int, str]]) -> DataFrame:
    """Edges in which all that is one person by hand has one key, its smallest.

    Args:
        edges: a_key, b_key and any other columns.
        pairs: (key, key, anything) of what is one.
    """
    first: dict[int, int] = {}

    def find(key: int) -> int:
        while first.get(key, key) != key:
            key = first[key]
        return key

    for a, b, _ in pairs:
        low, high = sorted((find(a), find(b)))
        first[high] = low
    if not first:
        return edges
    known = F.create_map(*(F.lit(key) for old in first for key in (old, find(old))))
    ends = {end: F.coalesce(F.element_at(known, F.col(end)), end) for end in ("a_key", "b_key")}
    return edges.withColumns(ends)


def keys_of(identifiers: DataFrame, pairs: Iterable[Pair]) -> list[tuple[int, int, str]]:
    """(smaller key, larger key, reason) of the pairs both of whose identifiers are known."""
    pairs = list(pairs)
    keys = known_keys(identifiers, [one for pair in pairs for one in (pair.a, pair.b)])
    return sorted(
        (min(one, other), max(one, other), pair.reason)
        for pair in pairs
        for one, other in [(keys.get(pair.a.names()), keys.get(pair.b.names()))]
        if one is not None and other is not None
    )


def known_keys(
    identifiers: DataFrame, named: Iterable[Identifier]
) -> dict[tuple[str, str, str], int]:
    """id_key of those identifiers that the bank has, by (type, scope, value).

    What is written by hand is short, so it comes to the driver.
    """
    wanted = sorted({one.names() for one in named})
    if not wanted:
        return {}
    columns = ["id_type", "scope", "id_value"]
    listed = small_frame(
        identifiers.sparkSession, wanted, ", ".join(f"{c} string" for c in columns)
    )
    found = identifiers.join(F.broadcast(listed), columns).select(*columns, "id_key").collect()
    return {(kind, scope, value): key for kind, scope, value, key in found}
