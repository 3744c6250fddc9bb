"""Why two identifiers are one person: the shortest chain of evidence between them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from databank.identity.rules import MANUAL_RULE

Strength = tuple[bool, float, int, float]


class EvidenceRow(NamedTuple):
    """A row of identity.edges."""

    a_key: int
    b_key: int
    source: str
    rule: str
    first_ts: datetime | None
    last_ts: datetime | None
    n: int
    score: float | None = None


@dataclass(frozen=True)
class Link:
    """Two identifiers that were seen together, in the direction of the chain.

    Attributes:
        start: The end where the chain comes from.
        end: The other end.
        evidence: All rows that show the two together, the ones with most records first.
    """

    start: int
    end: int
    evidence: tuple[EvidenceRow, ...]

    @property
    def strength(self) -> Strength:
        """What is told by hand; then what was seen, by records and how late; then likeness."""
        seen = [row.last_ts.timestamp() for row in self.evidence if row.last_ts is not None]
        by_hand = any(row.rule == MANUAL_RULE for row in self.evidence)
        score = max(1.0 if row.score is None else row.score for row in self.evidence)
        return by_hand, score, sum(row.n for row in self.evidence), max(seen, default=0.0)


def shortest_path(evidence: Iterable[EvidenceRow], start: int, end: int) -> list[Link] | None:
    """The chain with the fewest links; of several the one whose weakest link is strongest.

    Ties go to smaller keys, so that the same evidence always tells the same.

    Args:
        evidence: What may link: all rows between identifiers of the person.
        start: id_key of one identifier.
        end: id_key of the other.

    Returns:
        The links in order, empty if both are the same; None if there is no chain.
    """
    rows: dict[tuple[int, int], list[EvidenceRow]] = defaultdict(list)
    around: dict[int, set[int]] = defaultdict(set)
    for row in evidence:
        if row.a_key != row.b_key:
            rows[min(row.a_key, row.b_key), max(row.a_key, row.b_key)].append(row)
            around[row.a_key].add(row.b_key)
            around[row.b_key].add(row.a_key)

    def link(one: int, other: int) -> Link:
        found = rows[min(one, other), max(one, other)]
        return Link(
            one, other, tuple(sorted(found, key=lambda r: (-r.n, r.source, r.rule, r.a_key)))
        )

    strongest = (True, 1.0, 1 << 62, 0.0)
    best: dict[int, tuple[Strength, list[Link]]] = {start: (strongest, [])}
    layer = {start}
    while layer and end not in best:
        reached: dict[int, tuple[Strength, list[Link]]] = {}
        for one in sorted(layer):
            weakest, chain = best[one]
            for other in sorted(around[one] - best.keys()):
                step = link(one, other)
                so_far = min(weakest, step.strength)
                if other not in reached or so_far > reached[other][0]:
                    reached[other] = so_far, [*chain, step]
        best |= reached
        layer = set(reached)
    return best[end][1] if end in best else None


def weakest_link(chain: list[Link]) -> Link | None:
    """The link that a chain would break at first."""
    return min(chain, key=lambda link: link.strength, default=None)
