"""Evaluate macros by arrays: rows fall into cells of person and span of days, windows add cells.

However many macros there are, each row is looked at once for its event and filter; a further
window costs a sum over a few cells a person.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from databank.expressions.numbers import SCALE, fraction_column

Array = NDArray[Any]
# a value for each person, and which of them are known; None = all
Answer = tuple[Array, Array | None]

EVER = -(1 << 31)  # before the first day of all
_UNIT = 10**SCALE
# whole numbers of the smallest unit are exact up to 2**53 of it
_EXACT = (1 << 53) // _UNIT
_DAY_BITS = 32


@dataclass(frozen=True)
class Request:
    """A macro as arrays know it; days are counted from 1970.

    Attributes:
        evaluate: Computes the value of the macro.
        begin: First day whose rows are read, `EVER` for all.
        end: The day after the last.
        since: First day of its window, `EVER` for none.
        as_of: The day that it is asked on.
        by: Column whose values are counted, or whose numbers are taken.
    """

    evaluate: "Evaluator"
    begin: int
    end: int
    since: int
    as_of: int
    by: str | None = None


class Cells:
    """The rows of one event and filter, by person and span between the edges of all windows."""

    def __init__(
        self,
        person: Array,
        day: Array,
        columns: Mapping[str, Array],
        requests: Iterable[Request],
        persons: int,
    ) -> None:
        """Lay out rows by person and span.

        Args:
            person: Which of the persons, from 0.
            day: Days from 1970.
            columns: n, amounts, amount_max, amount_min, what is before the point of amount and
                quantity and, named by `fraction_column`, what is behind it (0 to 1), numbers of
                dimensions (each named by `number_column`; NaN = none), and codes of the values of
                dimensions (-1 = none), as far as the requests need them.
            requests: All that will be evaluated.
            persons: How many there are.
        """
        self._persons = persons
        self._edges = np.unique([edge for r in requests for edge in (r.begin, r.end)])
        self._spans = len(self._edges) - 1
        span = self._span(day)
        inside = (span >= 0) & (span < self._spans)
        self._person, self._day = person[inside], day[inside]
        self._cell = self._person * self._spans + span[inside]
        self._columns = {name: column[inside] for name, column in columns.items()}
        self._made: dict[str, Array] = {}
        self._pairs: Array | None = None

    def value(self, request: Request) -> Answer:
        """Evaluate a macro for each person."""
        return request.evaluate(self, request)

    def total(self, name: str, request: Request) -> Array:
        """Sum n, amounts, amount or quantity; exactly, and rounded once to a float."""
        if name not in self._made:
            self._made[name] = self._summed(self._cell, np.nan_to_num(self._columns[name]))
        whole = self._sum(name, request)
        fraction = fraction_column(name)
        if fraction not in self._columns:
            return whole
        if fraction not in self._made:
            units = np.rint(np.nan_to_num(self._columns[fraction]) * _UNIT)
            self._made[fraction] = self._summed(self._cell, units)
        carried, units = np.divmod(self._sum(fraction, request), _UNIT)
        whole = whole + carried
        # of larger numbers no fraction of so few digits lies where two roundings differ from one
        small = np.abs(whole) < _EXACT
        exact = (np.where(small, whole, 0) * _UNIT + units) / _UNIT
        total: Array = np.where(small, exact, whole + units / _UNIT)
        return total

    def known(self, name: str, request: Request) -> Array:
        """Count the events in rows that have a value of the column."""
        key = f"{name} known"
        if key not in self._made:
            n = np.where(np.isnan(self._columns[name]), 0, self._columns["n"])
            self._made[key] = self._summed(self._cell, n)
        return self._sum(key, request)

    def sum_of(self, request: Request) -> Array:
        """Sum a dimension's numbers over all events."""
        name = number_column(str(request.by))
        if name not in self._made:
            numbers = np.nan_to_num(self._columns[name]) * self._columns["n"]
            self._made[name] = self._summed(self._cell, numbers)
        return self._sum(name, request)

    def extreme(self, name: str, request: Request, *, largest: bool) -> tuple[Array, Array]:
        """Find the largest or smallest value of a column, `day` included; unknown without any."""
        key = f"{name} {largest}"
        pick, nothing = (np.maximum, -np.inf) if largest else (np.minimum, np.inf)
        if key not in self._made:
            values = (self._day if name == "day" else self._columns[name]).astype(np.float64)
            known = ~np.isnan(values)
            cells = np.full(self._persons * self._spans, nothing)
            pick.at(cells, self._cell[known], values[known])
            self._made[key] = cells.reshape(self._persons, self._spans)
        spans = self._window(key, request)
        extremes = pick.reduce(spans, axis=1, initial=nothing)
        return extremes, np.isfinite(extremes)

    def days(self, request: Request) -> Array:
        """Count different days."""
        if "days" not in self._made:
            person, day = self._days_of_persons()
            cell = person * self._spans + self._span(day)
            self._made["days"] = self._summed(cell, np.ones(cell.size))
        return self._sum("days", request)

    def longest_run(self, request: Request) -> Array:
        """Count the days of the longest run of days."""
        person, day = self._days_of_persons()
        inside = (day >= request.begin) & (day < request.end)
        person, day = person[inside], day[inside]
        begins = np.ones(day.size, dtype=bool)
        begins[1:] = (person[1:] != person[:-1]) | (day[1:] != day[:-1] + 1)
        at = np.flatnonzero(begins)
        longest = np.zeros(self._persons, dtype=np.int64)
        np.maximum.at(longest, person[at], np.diff(at, append=day.size))
        return longest

    def distinct(self, request: Request) -> Array:
        """Count different values of a dimension."""
        codes = self._columns[str(request.by)]
        counted = (self._day >= request.begin) & (self._day < request.end) & (codes >= 0)
        several = int(codes.max(initial=0)) + 1
        pairs = np.unique(self._person[counted] * several + codes[counted])
        return np.bincount(pairs // several, minlength=self._persons)

    def _span(self, day: Array) -> Array:
        return np.searchsorted(self._edges, day, side="right") - 1

    def _summed(self, cell: Array, weights: Array) -> Array:
        sums = np.bincount(cell, weights=weights, minlength=self._persons * self._spans)
        return sums.reshape(self._persons, self._spans)

    def _window(self, made: str, request: Request) -> Array:
        first, last = np.searchsorted(self._edges, (request.begin, request.end))
        return self._made[made][:, first:last]

    def _sum(self, made: str, request: Request) -> Array:
        sums: Array = self._window(made, request).sum(axis=1)
        return sums

    def _days_of_persons(self) -> tuple[Array, Array]:
        """List each person's different days, in order."""
        if self._pairs is None:
            self._pairs = np.unique((self._person << _DAY_BITS) + (self._day - EVER))
        return self._pairs >> _DAY_BITS, (self._pairs & ((1 << _DAY_BITS) - 1)) + EVER


def number_column(dimension: str) -> str:
    """Name the column with the values of a dimension as numbers."""
    return f"_number_{dimension}"


Evaluator = Callable[[Cells, Request], Answer]


def total(cells: Cells, request: Request, *, column: str) -> Answer:
    """Sum n, amounts, amount or quantity; 0 without any."""
    return cells.total(column, request), None


def average(cells: Cells, request: Request) -> Answer:
    """Average amounts over the events that have one; unknown without any."""
    events = cells.total("amounts", request)
    known = events > 0
    return cells.total("amount", request) / np.where(known, events, 1), known


def extreme(cells: Cells, request: Request, *, column: str, largest: bool) -> Answer:
    """Find the largest or smallest value of a column, `day` included."""
    return cells.extreme(column, request, largest=largest)


def days(cells: Cells, request: Request) -> Answer:
    """Count different days."""
    return cells.days(request), None


def longest_run(cells: Cells, request: Request) -> Answer:
    """Count the days of the longest run of days."""
    return cells.longest_run(request), None


def distinct(cells: Cells, request: Request) -> Answer:
    """Count different values of a dimension."""
    return cells.distinct(request), None


def sum_of(cells: Cells, request: Request) -> Answer:
    """Sum the numbers of a dimension; 0 without any."""
    return cells.sum_of(request), None


def average_of(cells: Cells, request: Request) -> Answer:
    """Average the numbers of a dimension over events; unknown without any."""
    events = cells.known(number_column(str(request.by)), request)
    known = events > 0
    return cells.sum_of(request) / np.where(known, events, 1), known


def extreme_of(cells: Cells, request: Request, *, largest: bool) -> Answer:
    """Find the largest or smallest number of a dimension."""
    return cells.extreme(number_column(str(request.by)), request, largest=largest)


def days_since(cells: Cells, request: Request) -> Answer:
    """Count the days since the last event; unknown without any."""
    latest, known = cells.extreme("day", request, largest=True)
    return request.as_of - latest, known


def first_time(cells: Cells, request: Request) -> Answer:
    """Tell whether the first event of all lies in the window."""
    earliest, known = cells.extreme("day", request, largest=False)
    return (earliest >= request.since) & known, None


def stopped(cells: Cells, request: Request) -> Answer:
    """Tell whether the last event lies before the window."""
    latest, known = cells.extreme("day", request, largest=True)
    return (latest < request.since) & known, None
