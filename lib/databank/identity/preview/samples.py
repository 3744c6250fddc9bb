"""Sample merges and splits for review: persons and evidence by type and number, no values."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, Row, functions as F

from databank.identity.rules import BLOCK_RULE, MANUAL_RULE

MOST = 10


class Samples(NamedTuple):
    """The tables that samples are drawn from.

    Attributes:
        was: identity.person before the run.
        now: identity.person after it.
        types: id_key, id_type.
        edges: identity.edges after it.
        rejected: identity.rejected after it.
    """

    was: DataFrame
    now: DataFrame
    types: DataFrame
    edges: DataFrame
    rejected: DataFrame


def sample_merges(changes: DataFrame, samples: Samples) -> list[dict[str, Any]]:
    """Sample at most 10 merges: both persons as they were, and the link that made them one.

    Args:
        changes: identity.changes rows of the run.
        samples: The tables.
    """
    return [
        {
            "person": drawn.row["person_id"],
            "held": drawn.types("person_id"),
            "takes in": drawn.row["other_person_id"],
            "which held": drawn.types("other_person_id"),
            "link": drawn.link,
            "evidence": drawn.evidence,
        }
        for drawn in _drawn(changes, "merge", samples.was, samples)
    ]


def sample_splits(changes: DataFrame, samples: Samples) -> list[dict[str, Any]]:
    """Sample at most 10 splits: what stays, what leaves, and what was rejected between both.

    Args:
        changes: identity.changes rows of the run.
        samples: The tables.
    """
    splits = _drawn(changes, "split", samples.now, samples)
    why = _why(samples.rejected, [drawn.row for drawn in splits])
    return [
        {
            "person": drawn.row["other_person_id"],
            "keeps": drawn.types("other_person_id"),
            "gives to": drawn.row["person_id"],
            "which holds": drawn.types("person_id"),
            "refused": drawn.link,
            "evidence": drawn.evidence,
            "why": why(drawn.row),
        }
        for drawn in splits
    ]


def types_of(rows: DataFrame, types: DataFrame, persons: Collection[int]) -> dict[int, str]:
    """Count the identifiers of persons by type, the most frequent first, as text by person_id.

    Args:
        rows: identity.person.
        types: id_key, id_type.
        persons: person_id, few.
    """
    members = rows.where(F.col("person_id").isin(sorted(persons))).select("id_key", "person_id")
    counted = types.join(F.broadcast(members), "id_key").groupBy("person_id", "id_type").count()
    texts: dict[int, list[str]] = {}
    for row in sorted(counted.collect(), key=lambda row: (-row["count"], row["id_type"])):
        texts.setdefault(row["person_id"], []).append(f"{row['count']} {row['id_type']}")
    return {person: ", ".join(parts) for person, parts in texts.items()}


@dataclass(frozen=True)
class _Drawn:
    """A change of the sample, with what is shown of its persons and its link."""

    row: Row
    types_by_person: dict[int, str]
    link: str | None
    evidence: str | None

    def types(self, end: str) -> str | None:
        """Count the identifiers of one of its persons by type."""
        return self.types_by_person.get(self.row[end])


def _drawn(changes: DataFrame, kind: str, persons: DataFrame, samples: Samples) -> list[_Drawn]:
    """Draw a sample ordered by hash, so that repeated previews show the same rows."""
    of_kind = changes.where(F.col("kind") == kind)
    dice = F.xxhash64("person_id", "other_person_id")
    rows = of_kind.orderBy(dice, "person_id", "other_person_id").limit(MOST).collect()
    ends = {row[end] for row in rows for end in ("person_id", "other_person_id")}
    types = types_of(persons, samples.types, ends)
    link, evidence = _names(samples.types, rows), _evidence(samples.edges, rows)
    return [_Drawn(row, types, link(row), evidence(row)) for row in rows]


def _names(types: DataFrame, drawn: list[Row]) -> Callable[[Row], str | None]:
    keys = {row[end] for row in drawn for end in ("a_key", "b_key")} - {None}
    rows = types.where(F.col("id_key").isin(sorted(keys))).collect() if keys else []
    named = {row["id_key"]: row["id_type"] for row in rows}

    def shown(row: Row) -> str | None:
        ends = [named.get(row[end], "?") for end in ("a_key", "b_key") if row[end] is not None]
        return " - ".join(ends) or None

    return shown


def _evidence(edges: DataFrame, drawn: list[Row]) -> Callable[[Row], str | None]:
    """Describe the evidence of sampled links: source and rule, with the number of records."""
    pairs = {frozenset((row["a_key"], row["b_key"])) for row in drawn if row["b_key"] is not None}
    keys = sorted({key for pair in pairs for key in pair})
    near = edges.where(F.col("a_key").isin(keys) & F.col("b_key").isin(keys)) if keys else None
    texts: dict[frozenset[int], list[str]] = {}
    for row in near.orderBy("source", "rule").collect() if near is not None else ():
        text = f"{row['source']}: {row['n']} x {row['rule']}"
        texts.setdefault(frozenset((row["a_key"], row["b_key"])), []).append(text)

    def shown(row: Row) -> str | None:
        if row["b_key"] is None:
            return None
        return ", ".join(texts.get(frozenset((row["a_key"], row["b_key"])), [MANUAL_RULE]))

    return shown


def _why(rejected: DataFrame, drawn: list[Row]) -> Callable[[Row], str | None]:
    keys = sorted({row["a_key"] for row in drawn if row["a_key"] is not None})
    rows = rejected.where(F.col("a_key").isin(keys)).collect() if keys else []
    # a reason that people wrote may contain a value
    reasons = {
        (row["a_key"], row["b_key"]): row["rule"]
        if row["rule"] in (BLOCK_RULE, MANUAL_RULE)
        else f"{row['rule']}: {row['reason']}"
        for row in rows
    }
    return lambda row: reasons.get((row["a_key"], row["b_key"]))
