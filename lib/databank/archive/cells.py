"""Macros by arrays: rows fall into cells of person and span of days, windows are made of cells.

However many macros there are, each row is looked at once for its event and filter; a further
window costs a sum over a few cells a person.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
# values, and which of them are known; None = all
Found = tuple[Array, Array | None]

EVER = -(1 << 31)  # before the first day of all
# sums of decimals are exact as whole numbers, up to 2**53 of the smallest unit
_UNITS = {"n": 1, "amount": 100, "quantity": 1000}
_DAY_BITS = 32


@dataclass(frozen=True)
class Measure:
    """A macro as arrays know it; days are counted from 1970.

    Attributes:
        name: Of the macro.
        begin: First day whose rows are looked at, `EVER` for all.
        end: The day after the last.
        since: First day of its window, `EVER` for none.
        as_of: The day that it is asked on.
        by: Column whose values are counted, or whose numbers are taken.
    """

    name: str
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
        measures: Iterable[Measure],
        persons: int,
    ) -> None:
        """Lay out rows.

        Args:
            person: Which of the persons, from 0.
            day: Days from 1970.
            columns: n, amount, amount_max, amount_min, quantity, numbers of dimensions (each
                named by `number_column`; NaN = none), and codes of the values of dimensions
                (-1 = none), as far as the measures need them.
            measures: All that will be asked.
            persons: How many there are.
        """
        self._persons = persons
        self._edges = np.unique([edge for m in measures for edge in (m.begin, m.end)])
        self._spans = len(self._edges) - 1
        span = self._span(day)
        inside = (span >= 0) & (span < self._spans)
        self._person, self._day = person[inside], day[inside]
        self._cell = self._person * self._spans + span[inside]
        self._columns = {name: column[inside] for name, column in columns.items()}
        self._made: dict[str, Array] = {}
        self._pairs: Array | None = None

    def value(self, measure: Measure) -> Found:
        """The value of a measure for each person."""
        return _ANSWERS[measure.name](self, measure)

    def total(self, name: str, measure: Measure) -> Array:
        """The sum of n, amount or quantity."""
        if name not in self._made:
            values = self._columns[name].astype(np.float64)
            units = np.rint(np.nan_to_num(values) * _UNITS[name])
            self._made[name] = self._summed(self._cell, units)
        return self._sum(name, measure) / _UNITS[name]

    def known(self, name: str, measure: Measure) -> Array:
        """How many events are in rows that have a value of the column."""
        key = f"{name} known"
        if key not in self._made:
            n = np.where(np.isnan(self._columns[name]), 0, self._columns["n"])
            self._made[key] = self._summed(self._cell, n)
        return self._sum(key, measure)

    def sum_of(self, measure: Measure) -> Array:
        """The sum of a dimension's numbers over all events."""
        name = number_column(str(measure.by))
        if name not in self._made:
            numbers = np.nan_to_num(self._columns[name]) * self._columns["n"]
            self._made[name] = self._summed(self._cell, numbers)
        return self._sum(name, measure)

    def extreme(self, name: str, measure: Measure, *, largest: bool) -> tuple[Array, Array]:
        """The largest or smallest value of a column, `day` included; unknown without any."""
        key = f"{name} {largest}"
        pick, nothing = (np.maximum, -np.inf) if largest else (np.minimum, np.inf)
        if key not in self._made:
            values = (self._day if name == "day" else self._columns[name]).astype(np.float64)
            known = ~np.isnan(values)
            cells = np.full(self._persons * self._spans, nothing)
            pick.at(cells, self._cell[known], values[known])
            self._made[key] = cells.reshape(self._persons, self._spans)
        spans = self._window(key, measure)
        found = pick.reduce(spans, axis=1, initial=nothing)
        return found, np.isfinite(found)

    def days(self, measure: Measure) -> Array:
        """How many different days."""
        if "days" not in self._made:
            person, day = self._days_of_persons()
            cell = person * self._spans + self._span(day)
            self._made["days"] = self._summed(cell, np.ones(cell.size))
        return self._sum("days", measure)

    def longest_run(self, measure: Measure) -> Array:
        """How many days follow each other at most."""
        person, day = self._days_of_persons()
        inside = (day >= measure.begin) & (day < measure.end)
        person, day = person[inside], day[inside]
        begins = np.ones(day.size, dtype=bool)
        begins[1:] = (person[1:] != person[:-1]) | (day[1:] != day[:-1] + 1)
        at = np.flatnonzero(begins)
        longest = np.zeros(self._persons, dtype=np.int64)
        np.maximum.at(longest, person[at], np.diff(at, append=day.size))
        return longest

    def distinct(self, measure: Measure) -> Array:
        """How many different values of a dimension."""
        codes = self._columns[str(measure.by)]
        met = (self._day >= measure.begin) & (self._day < measure.end) & (codes >= 0)
        several = int(codes.max(initial=0)) + 1
        pairs = np.unique(self._person[met] * several + codes[met])
        return np.bincount(pairs // several, minlength=self._persons)

    def _span(self, day: Array) -> Array:
        return np.searchsorted(self._edges, day, side="right") - 1

    def _summed(self, cell: Array, weights: Array) -> Array:
        sums = np.bincount(cell, weights=weights, minlength=self._persons * self._spans)
        return sums.reshape(self._persons, self._spans)

    def _window(self, made: str, measure: Measure) -> Array:
        first, last = np.searchsorted(self._edges, (measure.begin, measure.end))
        return self._made[made][:, first:last]

    def _sum(self, made: str, measure: Measure) -> Array:
        found: Array = self._window(made, measure).sum(axis=1)
        return found

    def _days_of_persons(self) -> tuple[Array, Array]:
        """Each person's different days, in order."""
        if self._pairs is None:
            self._pairs = np.unique((self._person << _DAY_BITS) + (self._day - EVER))
        return self._pairs >> _DAY_BITS, (self._pairs & ((1 << _DAY_BITS) - 1)) + EVER


def number_column(dimension: str) -> str:
    """Name of the column with the values of a dimension as numbers."""
    return f"_number_{dimension}"


def _average(cells: Cells, measure: Measure) -> Found:
    events = cells.known("amount", measure)
    known = events > 0
    return cells.total("amount", measure) / np.where(known, events, 1), known


def _average_of(cells: Cells, measure: Measure) -> Found:
    events = cells.known(number_column(str(measure.by)), measure)
    known = events > 0
    return cells.sum_of(measure) / np.where(known, events, 1), known


def _extreme_of(cells: Cells, measure: Measure, *, largest: bool) -> Found:
    return cells.extreme(number_column(str(measure.by)), measure, largest=largest)


def _days_since(cells: Cells, measure: Measure) -> Found:
    latest, known = cells.extreme("day", measure, largest=True)
    return measure.as_of - latest, known


def _first_time(cells: Cells, measure: Measure) -> Found:
    earliest, known = cells.extreme("day", measure, largest=False)
    return (earliest >= measure.since) & known, None


def _stopped(cells: Cells, measure: Measure) -> Found:
    latest, known = cells.extreme("day", measure, largest=True)
    return (latest < measure.since) & known, None


_ANSWERS: dict[str, Callable[[Cells, Measure], Found]] = {
    "events": lambda cells, measure: (cells.total("n", measure), None),
    "amount": lambda cells, measure: (cells.total("amount", measure), None),
    "quantity": lambda cells, measure: (cells.total("quantity", measure), None),
    "average_amount": _average,
    "largest_amount": lambda cells, measure: cells.extreme("amount_max", measure, largest=True),
    "smallest_amount": lambda cells, measure: cells.extreme("amount_min", measure, largest=False),
    "first_on": lambda cells, measure: cells.extreme("day", measure, largest=False),
    "last_on": lambda cells, measure: cells.extreme("day", measure, largest=True),
    "days_since": _days_since,
    "days_active": lambda cells, measure: (cells.days(measure), None),
    "days_in_a_row": lambda cells, measure: (cells.longest_run(measure), None),
    "distinct": lambda cells, measure: (cells.distinct(measure), None),
    "sum_of": lambda cells, measure: (cells.sum_of(measure), None),
    "average_of": _average_of,
    "largest_of": partial(_extreme_of, largest=True),
    "smallest_of": partial(_extreme_of, largest=False),
    "first_time": _first_time,
    "stopped": _stopped,
}
