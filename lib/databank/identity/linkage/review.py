"""What match thresholds give, and the pairs on either side of the chosen one; without Spark."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from databank.errors import DataBankError, did_you_mean
from databank.identity.linkage.config import LinkageRule
from databank.tables.published_reader import PublishedReader

_EACH_SIDE = 5
_THRESHOLD = ("threshold", "persons", "pairs", "expected_precision", "chosen")
_PAIR = ("joined_at", "score", "a_key", "b_key", "a_record", "b_record")


class ThresholdRow(NamedTuple):
    """A row of identity.match_threshold."""

    threshold: float
    persons: int
    pairs: int
    expected_precision: float | None
    chosen: bool


class FieldPair(NamedTuple):
    """What two profiles state of an attribute; None = nothing."""

    name: str
    a: str | None
    b: str | None

    @property
    def agreement(self) -> str:
        """Say whether they agree but for blanks, marks, order and case: same, differs, unstated."""
        words = [_words(value or "") for value in (self.a, self.b)]
        if not all(words):
            return "unstated"
        return "same" if words[0] == words[1] else "differs"


class BorderlinePair(NamedTuple):
    """A likely pair near the threshold.

    Attributes:
        joined_at: The highest threshold at which both are one person's.
        score: Probability of the pair itself.
        types: Types of both identifiers.
        records: Source and record of both profiles.
        fields: What they state of the attributes that the rule compares.
    """

    joined_at: float
    score: float
    types: tuple[str, str]
    records: tuple[str, str]
    fields: tuple[FieldPair, ...]


class RuleReview(NamedTuple):
    """A rule of `linkage` as it was applied last.

    Attributes:
        name: Of the rule.
        thresholds: What each match threshold gives.
        linked: The pairs that a slightly higher threshold would not link.
        apart: The pairs that a slightly lower threshold would link.
    """

    name: str
    thresholds: list[ThresholdRow]
    linked: list[BorderlinePair]
    apart: list[BorderlinePair]


def review_linkage(
    root: str, rules: Mapping[str, LinkageRule], name: str | None = None
) -> list[RuleReview]:
    """Read what link_profiles published last.

    Args:
        root: The warehouse.
        rules: Those of identity.yml: what they compare is shown of a pair.
        name: One rule alone; None = all.

    Raises:
        DataBankError: If there is no such rule, or nothing was linked yet.
    """
    reader = PublishedReader(root)
    rows = reader.find("identity.match_threshold", ("name", *_THRESHOLD), "true")
    names = sorted({row[0] for row in rows})
    if not names:
        raise DataBankError(
            f"--root {root}: holds no linked profiles yet; run link_profiles with a rule under "
            "`linkage` of identity.yml first"
        )
    if name is not None and name not in names:
        raise DataBankError(f"unknown rule {name!r}; {did_you_mean(name, names)}")
    return [
        _review(reader, each, [ThresholdRow(*row[1:]) for row in rows if row[0] == each], rules)
        for each in names
        if name in (None, each)
    ]


def _review(
    reader: PublishedReader, name: str, rows: list[ThresholdRow], rules: Mapping[str, LinkageRule]
) -> RuleReview:
    attributes = tuple(rules[name].compare) if name in rules else ()
    sides = [_nearest(reader, name, linked=linked) for linked in (True, False)]
    pairs = [row for side in sides for row in side]
    types = dict(
        reader.by_keys(
            "identity.identifier",
            ("id_key", "id_type"),
            "id_key",
            sorted({key for row in pairs for key in row[2:4]}),
        )
    )
    stated = _stated(reader, sorted({record for row in pairs for record in row[4:6]}))

    def shown(row: Sequence[Any]) -> BorderlinePair:
        a, b = (stated.get(record, {}) for record in row[4:6])
        fields = tuple(FieldPair(field, a.get(field), b.get(field)) for field in attributes)
        both = (types.get(row[2], "?"), types.get(row[3], "?"))
        return BorderlinePair(row[0], row[1], both, (row[4], row[5]), fields)

    linked, apart = ([shown(row) for row in side] for side in sides)
    return RuleReview(name, rows, linked, apart)


def _nearest(reader: PublishedReader, name: str, *, linked: bool) -> list[tuple[Any, ...]]:
    """Find the pairs nearest to the threshold on one side, of each join the likeliest."""
    order = "joined_at" if linked else "joined_at DESC"
    place = f"dense_rank() OVER (ORDER BY {order})"
    likeliest = "row_number() OVER (PARTITION BY joined_at ORDER BY score DESC, a_key, b_key) = 1"
    where = f"name = ? AND linked = ? QUALIFY {place} <= {_EACH_SIDE} AND {likeliest}"
    rows = reader.find("identity.likely_pair", (place, *_PAIR), where, [name, linked])
    return [row[1:] for row in rows]


def _stated(reader: PublishedReader, records: list[str]) -> dict[str, dict[str, str]]:
    """Read the attributes of profiles, by source and record."""
    record = "source || '/' || record_id"
    where = f"{record} IN (SELECT unnest(?::VARCHAR[]))"
    return dict(reader.find("core.profiles", (record, "attributes"), where, [records]))


def _words(value: str) -> list[str]:
    letters = (letter if letter.isalnum() else " " for letter in value.casefold())
    return sorted("".join(letters).split())
