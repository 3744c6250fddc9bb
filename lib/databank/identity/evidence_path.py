"""Find the evidence path between two identifiers: the shortest chain of links."""

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
    """Two identifiers that were seen together, in the direction of the path.

    Attributes:
        start: The end nearer to the start of the path.
        end: The other end.
        evidence: All rows that show the two together, the ones with most records first.
    """

    start: int
    end: int
    evidence: tuple[EvidenceRow, ...]

    @property
    def strength(self) -> Strength:
        """Rank manual links first, then links by records and how recent they are, then linkage."""
        seen = [row.last_ts.timestamp() for row in self.evidence if row.last_ts is not None]
        by_hand = any(row.rule == MANUAL_RULE for row in self.evidence)
        score = max(1.0 if row.score is None else row.score for row in self.evidence)
        return by_hand, score, sum(row.n for row in self.evidence), max(seen, default=0.0)


def shortest_path(evidence: Iterable[EvidenceRow], start: int, end: int) -> list[Link] | None:
    """Find the path with the fewest links; of several the one whose weakest link is strongest.

    Ties go to smaller keys, so that equal evidence gives equal paths.

    Args:
        evidence: All rows that may link identifiers of the person.
        start: id_key of one identifier.
        end: id_key of the other.

    Returns:
        The links in order, empty if both are the same; None if there is no path.
    """
    rows: dict[tuple[int, int], list[EvidenceRow]] = defaultdict(list)
    around: dict[int, set[int]] = defaultdict(set)
    for row in evidence:
        if row.a_key != row.b_key:
            rows[min(row.a_key, row.b_key), max(row.a_key, row.b_key)].append(row)
            around[row.a_key].add(row.b_key)
            around[row.b_key].add(row.a_key)

    def link(near: int, far: int) -> Link:
        between = rows[min(near, far), max(near, far)]
        ordered = sorted(between, key=lambda r: (-r.n, r.source, r.rule, r.a_key))
        return Link(near, far, tuple(ordered))

    strongest = (True, 1.0, 1 << 62, 0.0)
    best: dict[int, tuple[Strength, list[Link]]] = {start: (strongest, [])}
    layer = {start}
    while layer and end not in best:
        reached: dict[int, tuple[Strength, list[Link]]] = {}
        for near in sorted(layer):
            weakest, path = best[near]
            for far in sorted(around[near] - best.keys()):
                step = link(near, far)
                so_far = min(weakest, step.strength)
                if far not in reached or so_far > reached[far][0]:
                    reached[far] = so_far, [*path, step]
        best |= reached
        layer = set(reached)
    return best[end][1] if end in best else None


def weakest_link(path: list[Link]) -> Link | None:
    """Find the link at which a path would break first."""
    return min(path, key=lambda link: link.strength, default=None)
