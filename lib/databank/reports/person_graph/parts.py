"""What the drawing of a person is made of: identifiers and what ties them, as plain rows."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date
from typing import Literal, NamedTuple

Pair = tuple[int, int]
# the person's today, the person's once, or somebody else's or nobody's
Place = Literal["held", "former", "beyond"]


class Seen(NamedTuple):
    """A row of identity.edges; `last` is the business day of its last_ts."""

    a_key: int
    b_key: int
    source: str
    rule: str
    last: date | None
    n: int


class Rejected(NamedTuple):
    """A row of identity.rejected; b_key null = the identifier itself was excluded."""

    a_key: int
    b_key: int | None
    reason: str


class Dot(NamedTuple):
    """An identifier.

    Attributes:
        key: id_key; decides on the place, is never shown.
        id_type: Its type.
        name: What it is called beside its type: its value, or a number.
        place: Whose it is.
        note: What else there is to say of it.
    """

    key: int
    id_type: str
    name: str
    place: Place
    note: str = ""


class Tie(NamedTuple):
    """Two identifiers that were seen together, or that were rejected to be one person.

    Attributes:
        a: The smaller key.
        b: The larger key.
        records: Records that show both.
        sources: Where these come from.
        rules: The kinds of records.
        last: Business day on which both were seen last, null where no record says.
        rejected: Why it does not hold, '' if it does.
    """

    a: int
    b: int
    records: int
    sources: tuple[str, ...]
    rules: tuple[str, ...]
    last: date | None
    rejected: str


def tie_up(seen: Iterable[Seen], rejected: Iterable[Rejected], held: Collection[int]) -> list[Tie]:
    """Combine evidence and rejections into the ties of a person.

    Evidence that leads out of the person is left out unless it is rejected: it is of days on which
    the identifier was another's.

    Args:
        seen: Evidence that touches the person; a pair may come in several rows and directions.
        rejected: Rejected pairs that touch the person, and identifiers excluded.
        held: id_key of the person's identifiers.

    Returns:
        One tie per pair, in the order of keys.
    """
    rows: dict[Pair, list[Seen]] = defaultdict(list)
    for row in seen:
        if row.a_key != row.b_key:
            rows[min(row.a_key, row.b_key), max(row.a_key, row.b_key)].append(row)
    pairs: dict[Pair, set[str]] = defaultdict(set)
    excluded: dict[int, set[str]] = defaultdict(set)
    for a, b, reason in rejected:
        if b is None:
            excluded[a].add(reason)
        else:
            pairs[min(a, b), max(a, b)].add(reason)

    def why_not(pair: Pair) -> set[str]:
        inside = pair[0] in held and pair[1] in held
        return pairs.get(pair, set()) or (
            set() if inside else {reason for end in pair for reason in excluded.get(end, ())}
        )

    ties = [_tie(pair, rows.get(pair, []), why_not(pair)) for pair in sorted({*rows, *pairs})]
    ends = [(tie.a in held) + (tie.b in held) for tie in ties]
    return [t for t, n in zip(ties, ends, strict=True) if n == 2 or (n == 1 and t.rejected)]


def _tie(pair: Pair, rows: list[Seen], why_not: set[str]) -> Tie:
    return Tie(
        *pair,
        records=sum(row.n for row in rows),
        sources=tuple(sorted({row.source for row in rows})),
        rules=tuple(sorted({row.rule for row in rows})),
        last=max((row.last for row in rows if row.last is not None), default=None),
        rejected="; ".join(sorted(why_not)),
    )
