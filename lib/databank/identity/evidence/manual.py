"""Rules made by hand: what conf says of single identifiers, pairs and patterns, as keys."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import NamedTuple

from pyspark.sql import DataFrame, functions as F

from databank.errors import DataBankError
from databank.identity.config import Blocked, Identifier, IdentityConfig, Pair
from databank.identity.rules import BLOCK_RULE
from databank.session import small_frame


class Told(NamedTuple):
    """What is told by hand of identifiers that the bank has; it is short, so it is here.

    Attributes:
        ignore_link: (smaller key, larger key, reason) of links that are wrong.
        must_link: Pairs of keys that are one person, the smaller first.
        cannot_link: Pairs that never are.
        reassigned_by_hand: (key, day) of what has come to another person by the run day.
    """

    ignore_link: list[tuple[int, int, str]]
    must_link: list[tuple[int, int]]
    cannot_link: list[tuple[int, int]]
    reassigned_by_hand: list[tuple[int, date]]

    def without(self, keys: Collection[int]) -> "Told":
        """What is told of others than these."""
        return Told(
            ignore_link=[row for row in self.ignore_link if not {*row[:2]} & set(keys)],
            must_link=[pair for pair in self.must_link if not {*pair} & set(keys)],
            cannot_link=[pair for pair in self.cannot_link if not {*pair} & set(keys)],
            reassigned_by_hand=[row for row in self.reassigned_by_hand if row[0] not in keys],
        )

    def ends(self) -> set[int]:
        """All keys of which something is told."""
        pairs = (*((a, b) for a, b, _ in self.ignore_link), *self.must_link, *self.cannot_link)
        return {key for pair in pairs for key in pair} | {key for key, _ in self.reassigned_by_hand}


def told_by_hand(identifiers: DataFrame, config: IdentityConfig, *, day: date) -> Told:
    """The rules of identity.yml about single identifiers and pairs, as keys.

    Args:
        identifiers: identity.identifier.
        config: identity.yml.
        day: Run day; what is to be passed on later is not yet.
    """
    pairs = (*config.ignore_link, *config.must_link, *config.cannot_link)
    ends = [end for pair in pairs for end in (pair.a, pair.b)]
    keys = known_keys(identifiers, [*config.reassigned_by_hand, *ends])

    def known(listed: Iterable[Pair]) -> list[tuple[int, int, str]]:
        return sorted(
            (min(one, other), max(one, other), pair.reason)
            for pair in listed
            for one, other in [(keys.get(pair.a.names()), keys.get(pair.b.names()))]
            if one is not None and other is not None
        )

    return Told(
        ignore_link=known(config.ignore_link),
        must_link=[(a, b) for a, b, _ in known(config.must_link)],
        cannot_link=[(a, b) for a, b, _ in known(config.cannot_link)],
        reassigned_by_hand=sorted(
            (keys[one.names()], one.day)
            for one in config.reassigned_by_hand
            if one.names() in keys and one.day <= day
        ),
    )


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
            F.lit(BLOCK_RULE).alias("rule"),
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


def one_by_hand(edges: DataFrame, pairs: Iterable[tuple[int, int]]) -> DataFrame:
    """Edges in which all that is one person by hand has one key, its smallest.

    Args:
        edges: a_key, b_key and any other columns.
        pairs: Keys of what is one.
    """
    first: dict[int, int] = {}

    def find(key: int) -> int:
        while first.get(key, key) != key:
            key = first[key]
        return key

    for a, b in pairs:
        low, high = sorted((find(a), find(b)))
        first[high] = low
    if not first:
        return edges
    names = [(old, find(old)) for old in sorted(first)]
    known = small_frame(edges.sparkSession, names, "old bigint, new bigint")
    return renamed(edges, known, "a_key", "b_key")


def renamed(rows: DataFrame, names: DataFrame, *columns: str) -> DataFrame:
    """Rows whose columns say the second of a row of names where they said the first."""
    said = F.broadcast(names.toDF("_old", "_new"))
    for column in columns:
        joined = rows.join(said, F.col(column) == F.col("_old"), "left")
        rows = joined.withColumn(column, F.coalesce("_new", column)).drop("_old", "_new")
    return rows


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
