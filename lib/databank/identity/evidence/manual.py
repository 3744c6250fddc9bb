"""Rules made by hand: what identity.yml says of single identifiers, pairs and patterns, as keys."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import NamedTuple

from pyspark.sql import DataFrame, functions as F

from databank.errors import DataBankError
from databank.identity.config import Blocked, IdentityConfig, NamedIdentifier, Pair
from databank.identity.rules import BLOCK_RULE
from databank.session import small_frame


class ManualRules(NamedTuple):
    """The rules made by hand about identifiers that the bank has; they are few, so they are here.

    Attributes:
        ignore_link: (smaller key, larger key, reason) of links that are wrong.
        must_link: Pairs of keys that are one person, the smaller first.
        cannot_link: Pairs that never are.
        reassigned: (key, day) of identifiers that came to another person by the run day.
    """

    ignore_link: list[tuple[int, int, str]]
    must_link: list[tuple[int, int]]
    cannot_link: list[tuple[int, int]]
    reassigned: list[tuple[int, date]]

    def without(self, keys: Collection[int]) -> "ManualRules":
        """Drop the rules about any of these keys."""
        return ManualRules(
            ignore_link=[row for row in self.ignore_link if not {*row[:2]} & set(keys)],
            must_link=[pair for pair in self.must_link if not {*pair} & set(keys)],
            cannot_link=[pair for pair in self.cannot_link if not {*pair} & set(keys)],
            reassigned=[row for row in self.reassigned if row[0] not in keys],
        )

    def all_keys(self) -> set[int]:
        """All keys that a rule is about."""
        pairs = (*((a, b) for a, b, _ in self.ignore_link), *self.must_link, *self.cannot_link)
        return {key for pair in pairs for key in pair} | {key for key, _ in self.reassigned}

    def forced_keys(self) -> set[int]:
        """Keys of identifiers that must be one person with another."""
        return {key for pair in self.must_link for key in pair}


def resolve_manual_rules(
    identifiers: DataFrame, config: IdentityConfig, *, day: date
) -> ManualRules:
    """Translate the rules about single identifiers and pairs to the keys of the bank.

    Args:
        identifiers: identity.identifier.
        config: identity.yml.
        day: Run day; a reassignment on a later day does not hold yet.
    """
    pairs = (*config.ignore_link, *config.must_link, *config.cannot_link)
    ends = [end for pair in pairs for end in (pair.a, pair.b)]
    keys = known_keys(identifiers, [*config.reassigned_by_hand, *ends])

    def known(listed: Iterable[Pair]) -> list[tuple[int, int, str]]:
        return sorted(
            (min(a, b), max(a, b), pair.reason)
            for pair in listed
            for a, b in [(keys.get(pair.a.names()), keys.get(pair.b.names()))]
            if a is not None and b is not None
        )

    return ManualRules(
        ignore_link=known(config.ignore_link),
        must_link=[(a, b) for a, b, _ in known(config.must_link)],
        cannot_link=[(a, b) for a, b, _ in known(config.cannot_link)],
        reassigned=sorted(
            (keys[row.names()], row.day)
            for row in config.reassigned_by_hand
            if row.names() in keys and row.day <= day
        ),
    )


def blocked_identifiers(identifiers: DataFrame, block: Iterable[Blocked]) -> DataFrame:
    """Exclude the identifiers that are blocked by value or pattern.

    Args:
        identifiers: id_key, id_type, scope, id_value.
        block: What is blocked.

    Returns:
        Verdicts (id_key, rule, reason), one per identifier.

    Raises:
        DataBankError: If Java cannot read a pattern.
    """
    block = list(block)
    values = [(b.type, b.scope, b.value, b.reason) for b in block if b.value]
    schema = "id_type string, scope string, id_value string, reason string"
    listed = small_frame(identifiers.sparkSession, values, schema)
    blocked = identifiers.join(F.broadcast(listed), ["id_type", "scope", "id_value"])
    blocked = blocked.select("id_key", "reason")
    for b in block:
        if b.pattern:
            _require_pattern(identifiers, b.pattern)
            of_type = (F.col("id_type") == b.type) & (F.col("scope") == b.scope)
            fits = identifiers.where(of_type & F.col("id_value").rlike(f"^(?:{b.pattern})$"))
            blocked = blocked.unionByName(fits.select("id_key", F.lit(b.reason).alias("reason")))
    reasons = blocked.groupBy("id_key").agg(F.min("reason").alias("reason"))
    return reasons.select("id_key", F.lit(BLOCK_RULE).alias("rule"), "reason")


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


def collapse_forced_pairs(edges: DataFrame, pairs: Iterable[tuple[int, int]]) -> DataFrame:
    """Give all identifiers that must be one person one key, the smallest of theirs.

    Args:
        edges: a_key, b_key and any other columns.
        pairs: Keys of identifiers that must be one person.
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
    return relabel(edges, known, "a_key", "b_key")


def relabel(rows: DataFrame, names: DataFrame, *columns: str) -> DataFrame:
    """Replace values of columns: the first column of `names` by the second; others stay."""
    names = F.broadcast(names.toDF("_old", "_new"))
    for column in columns:
        joined = rows.join(names, F.col(column) == F.col("_old"), "left")
        rows = joined.withColumn(column, F.coalesce("_new", column)).drop("_old", "_new")
    return rows


def known_keys(
    identifiers: DataFrame, named: Iterable[NamedIdentifier]
) -> dict[tuple[str, str, str], int]:
    """Look up the id_key of identifiers by (type, scope, value); unknown ones are left out.

    What is written by hand is short, so it comes to the driver.
    """
    wanted = sorted({identifier.names() for identifier in named})
    if not wanted:
        return {}
    columns = ["id_type", "scope", "id_value"]
    listed = small_frame(
        identifiers.sparkSession, wanted, ", ".join(f"{c} string" for c in columns)
    )
    known = identifiers.join(F.broadcast(listed), columns).select(*columns, "id_key").collect()
    return {(kind, scope, value): key for kind, scope, value, key in known}
