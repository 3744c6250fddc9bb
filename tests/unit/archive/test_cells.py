"""Values of macros by arrays against loops over rows; every macro of the vocabulary."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from databank.expressions import MACROS
from databank.expressions.cells import EVER, Cells, Request, number_column
from databank.expressions.numbers import fraction_column

AS_OF = 20_000
PERSONS = 3
UNIT = 10**8


class Row(NamedTuple):
    """A row of the archive that matches the event and the filter."""

    person: int
    day: int
    n: int
    amounts: int | None  # how many of these events have an amount
    units: int  # of 10**-8
    pieces: int | None
    value: int


days = st.integers(AS_OF - 12, AS_OF + 3)
rows = st.lists(
    st.builds(
        Row,
        person=st.integers(0, PERSONS - 1),
        day=days,
        n=st.integers(4, 6),
        amounts=st.none() | st.integers(1, 4),
        # small ones, cents, and large ones with cents
        units=st.integers(-500, 10**11)
        | st.integers(-500, 10**9).map(lambda cents: cents * 10**6)
        | st.integers(10**12, 10**13).map(lambda cents: cents * 10**6),
        pieces=st.none() | st.integers(-3, 9),
        value=st.integers(-1, 2),
    ),
    max_size=25,
)
windows = st.lists(
    st.tuples(st.just(EVER) | days, days.map(lambda day: day + 1)), min_size=1, max_size=4
)


def request_of(name: str, begin: int, end: int, since: int, by: str | None = None) -> Request:
    evaluate = MACROS[name].evaluate
    assert evaluate is not None
    return Request(evaluate, begin, end, since, AS_OF, by=by)


def cells_of(rows: list[Row], requests: list[Request]) -> Cells:
    def column(values: list[float | int | None]) -> np.ndarray:
        return np.array([np.nan if value is None else value for value in values], dtype=float)

    units = [None if r.amounts is None else r.units for r in rows]
    amounts = column([None if u is None else u / UNIT for u in units])
    columns = {
        "n": np.array([r.n for r in rows], dtype=np.int64),
        "amounts": column([r.amounts for r in rows]),
        "amount": column([None if u is None else u // UNIT for u in units]),
        fraction_column("amount"): column([None if u is None else u % UNIT / UNIT for u in units]),
        "amount_max": amounts + 1,
        "amount_min": amounts - 1,
        "quantity": column([r.pieces for r in rows]),
        fraction_column("quantity"): np.zeros(len(rows)),
        number_column("shop"): np.array(
            [np.nan if r.value < 0 else r.value / 4 for r in rows], dtype=float
        ),
        "shop": np.array([r.value for r in rows], dtype=np.int64),
    }
    person = np.array([r.person for r in rows], dtype=np.int64)
    day = np.array([r.day for r in rows], dtype=np.int64)
    return Cells(person, day, columns, requests, PERSONS)


def longest_run(days: list[int]) -> int:
    longest = run = 1 if days else 0
    for before, day in pairwise(days):
        run = run + 1 if day == before + 1 else 1
        longest = max(longest, run)
    return longest


def by_loops(rows: list[Row], name: str, m: Request) -> object:
    """The value for the rows of one person; None = unknown."""
    seen = [r for r in rows if m.begin <= r.day < m.end]
    paid = [r for r in seen if r.amounts is not None]
    on = sorted({r.day for r in seen})
    total = sum(r.units for r in paid) / UNIT
    shops = [(r.value / 4, r.n) for r in seen if r.value >= 0]
    match name:
        case "events":
            return sum(r.n for r in seen)
        case "amount":
            return total
        case "average_amount":
            return total / sum(r.amounts or 0 for r in paid) if paid else None
        case "largest_amount":
            return max(r.units / UNIT + 1 for r in paid) if paid else None
        case "smallest_amount":
            return min(r.units / UNIT - 1 for r in paid) if paid else None
        case "quantity":
            return sum(r.pieces or 0 for r in seen)
        case "distinct":
            return len({r.value for r in seen} - {-1})
        case "sum_of":
            return sum(value * n for value, n in shops)
        case "average_of":
            return sum(v * n for v, n in shops) / sum(n for _, n in shops) if shops else None
        case "largest_of":
            return max(shops)[0] if shops else None
        case "smallest_of":
            return min(shops)[0] if shops else None
        case "first_on":
            return on[0] if on else None
        case "last_on":
            return on[-1] if on else None
        case "days_active":
            return len(on)
        case "days_in_a_row":
            return longest_run(on)
        case "days_since":
            return m.as_of - on[-1] if on else None
        case "first_time":
            return bool(on) and on[0] >= m.since
        case "stopped":
            return bool(on) and on[-1] < m.since
    raise ValueError(name)


NAMES = tuple(name for name, spec in MACROS.items() if spec.evaluate and not spec.whole_past)
OF_THE_PAST = tuple(name for name, spec in MACROS.items() if spec.evaluate and spec.whole_past)


def by_of(name: str) -> str | None:
    return "shop" if {"dimension", "number"} & {*MACROS[name].arguments} else None


@given(rows=rows, windows=windows)
@example(rows=[], windows=[(AS_OF, AS_OF + 1)])
@example(rows=[Row(0, AS_OF, 1, None, 0, None, -1)], windows=[(AS_OF + 1, AS_OF)])
def test_values_are_those_of_loops_over_rows(
    rows: list[Row], windows: list[tuple[int, int]]
) -> None:
    requests = [
        (name, request_of(name, begin, end, begin, by_of(name)))
        for name in NAMES
        for begin, end in windows
    ]
    # of the whole past, however their window begins
    requests += [
        (name, request_of(name, EVER, end, begin)) for name in OF_THE_PAST for begin, end in windows
    ]
    cells = cells_of(rows, [request for _, request in requests])
    for name, request in requests:
        values, known = cells.value(request)
        by_arrays = [
            value if known is None or known[person] else None
            for person, value in enumerate(values.tolist())
        ]
        of_persons = ([r for r in rows if r.person == person] for person in range(PERSONS))
        assert by_arrays == [by_loops(own, name, request) for own in of_persons], (name, request)


def test_sums_are_exact_where_floats_are_not() -> None:
    rows = [Row(0, AS_OF - n % 5, 1, 1, UNIT // 10, None, -1) for n in range(1_000)]
    request = request_of("amount", EVER, AS_OF + 1, EVER)
    assert sum([0.1] * 1_000) != 100.0
    assert cells_of(rows, [request]).value(request)[0][0] == 100.0


@pytest.mark.parametrize("name", [*NAMES, *OF_THE_PAST])
def test_without_rows_a_value_is_what_the_vocabulary_says(name: str) -> None:
    request = request_of(name, EVER, AS_OF + 1, EVER, "shop")
    values, known = cells_of([], [request]).value(request)
    assert len(values) == PERSONS
    empty = MACROS[name].empty
    assert [value if known is None else None for value in values.tolist()] == [empty] * PERSONS
    assert known is None or not known.any()
