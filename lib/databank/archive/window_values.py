"""Evaluate macros over events: one pass over the archive, and recent events, for all."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial, reduce
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame, functions as F

from databank.archive.events import happened_within
from databank.archive.row_filters import any_window, event_matches, with_dimensions
from databank.expressions import Macro
from databank.expressions.cells import EVER, Cells, Request, number_column
from databank.expressions.numbers import fraction_column

_EPOCH = date(1970, 1, 1).toordinal()
_ARROW = {
    "bigint": pa.int64(), "double": pa.float64(), "date": pa.date32(), "int": pa.int32(),
    "boolean": pa.bool_(),
}  # fmt: skip
_BITS = 31  # of an int, without its sign: few bytes to send
_PLACE, _MATCHES = ("person_id", "_is_request", "_day"), "_matches_"
_COUNTS, _SUMS = frozenset({"n", "amounts"}), frozenset({"amount", "quantity"})
_BATCH = 1 << 14  # persons that go back at a time
# event, filter, and hours where the window is of them
Family = tuple[str | None, str | None, int | None]


@dataclass(frozen=True)
class _Plan:
    """What the workers need beside the rows.

    Attributes:
        requests: Each with the number of its family.
        names: Columns of the answer.
        types: Their types, as Spark's SQL names them.
        masks: Columns whose bits tell which families a row matches.
        values: What is summed, compared or counted.
        counted: Those of them that are values of dimensions.
    """

    requests: tuple[tuple[int, Request], ...]
    names: tuple[str, ...]
    types: tuple[str, ...]
    masks: tuple[str, ...]
    values: tuple[str, ...]
    counted: frozenset[str]


def macro_columns(
    archive: DataFrame,
    persons: DataFrame,
    macros: Iterable[Macro],
    *,
    as_of: date,
    dimensions: Iterable[str],
    partitions: int,
    recent: DataFrame | None = None,
) -> DataFrame:
    """Reduce the archive to the values of macros.

    Spark tells of each row which events and filters it matches, as bits of a number; a shuffle
    brings the rows of a person together, and arrays do the rest: see `Cells`. Windows of hours
    are of single events: these lie beside the rows of days, and have bits of their own.

    Cost: one scan of the archive, pruned to the events and days that any macro looks at, and one
    shuffle by person of some 40 bytes a row; with windows of hours also what `recent` costs, and
    as many bytes for each of its rows. A worker holds the rows of one partition, and the values
    of its persons.

    Args:
        archive: archive.person_day.
        persons: person_id (unique) of those who are asked for.
        macros: Those that read events.
        as_of: The day on which windows end.
        dimensions: Declared dimensions, which filters may use by name.
        partitions: Into how many parts rows and persons are laid.
        recent: What `recent_events` gives for the macros with windows of hours, if there are any.

    Returns:
        One row for each of the persons: person_id, and per macro its `column`, of the type that
        its spec names; `MacroSpec.empty` without any matching event.
    """
    macros = list(dict.fromkeys(macros))
    families = _families(macros)
    rows = matching_rows(archive, macros, as_of=as_of, dimensions=dimensions, recent=recent)
    of_rows = [name for name in rows.columns if name.startswith(_MATCHES)]
    values = [name for name in rows.columns if name not in (*_PLACE, *of_rows)]
    plan = _Plan(
        requests=tuple((families.index(_family(m)), _request(m, as_of)) for m in macros),
        names=tuple(macro.column for macro in macros),
        types=tuple(macro.spec.type for macro in macros),
        masks=tuple(of_rows),
        values=tuple(values),
        counted=frozenset(_dimensions(macros, "dimension")),
    )
    zeros = [F.lit(0)] * (1 + len(of_rows))
    nulls = (F.lit(None).cast(rows.schema[name].dataType) for name in values)
    requests = persons.select("person_id", F.lit(True), *zeros, *nulls)
    laid = rows.union(requests).repartition(partitions, "person_id")
    columns = zip(("person_id", *plan.names), ("bigint", *plan.types), strict=True)
    schema = ", ".join(f"{name} {kind}" for name, kind in columns)
    return laid.mapInArrow(partial(evaluate_partition, plan=plan), schema)


def matching_rows(
    archive: DataFrame,
    macros: Iterable[Macro],
    *,
    as_of: date,
    dimensions: Iterable[str],
    recent: DataFrame | None = None,
) -> DataFrame:
    """Select the rows that any of the macros reads, with the values that are summed or counted.

    Those with windows of days look at the archive, those with windows of hours at `recent`.

    Returns:
        person_id, `_is_request` (false), `_day` (from 1970), `_matches_0` and so on (bits:
        families in the order of the macros, days or hours included), and what is summed or
        counted.

    Raises:
        ValueError: If there are windows of hours and no recent events.
    """
    macros, dimensions = list(dict.fromkeys(macros)), tuple(dimensions)
    of_days = [macro for macro in macros if macro.hours is None]
    parts = []
    if of_days:
        rows = with_dimensions(archive, dimensions, as_of).where(any_window(of_days, as_of))
        windows = {
            family: any_window([m for m in of_days if _family(m) == family], as_of)
            for family in _families(of_days)
        }
        parts.append(_marked(rows, macros, windows))
    if len(of_days) < len(macros):
        if recent is None:
            raise ValueError("there are windows of hours; give the recent events")
        hours = {f: happened_within(f[2]) for f in _families(macros) if f[2] is not None}
        parts.append(_marked(with_dimensions(recent, dimensions, as_of), macros, hours))
    return reduce(DataFrame.union, parts)


def _marked(rows: DataFrame, macros: list[Macro], windows: Mapping[Family, Column]) -> DataFrame:
    """Mark and keep the rows that match any of the families, within the windows of these."""
    masks = _masks(_families(macros), windows)
    marked = rows.select(
        "person_id",
        F.lit(False).alias("_is_request"),
        F.unix_date("day").alias("_day"),
        *(mask.alias(f"{_MATCHES}{n}") for n, mask in enumerate(masks)),
        *(value.alias(name) for name, value in _values(macros).items()),
    )
    return marked.where(" OR ".join(f"{_MATCHES}{n} <> 0" for n in range(len(masks))))


def _family(macro: Macro) -> Family:
    return macro.event, macro.filter, macro.hours


def _families(macros: list[Macro]) -> list[Family]:
    return list(dict.fromkeys(_family(macro) for macro in macros))


def _request(macro: Macro, as_of: date) -> Request:
    evaluate = macro.spec.evaluate
    if macro.window is None or evaluate is None:
        raise ValueError(f"macro {macro.name} does not read events")
    if macro.hours is not None:
        # the rows of its family are those of its window
        return Request(evaluate, EVER, _number(as_of) + 1, EVER, _number(as_of), by=macro.by)
    begin, end = macro.days(as_of)
    since, _ = macro.window.days(as_of)
    days = (_number(begin), _number(end) + 1, _number(since), _number(as_of))
    return Request(evaluate, *days, by=macro.by)


def _number(day: date | None) -> int:
    return EVER if day is None else day.toordinal() - _EPOCH


def _masks(families: list[Family], windows: Mapping[Family, Column]) -> list[Column]:
    nothing = F.lit(0)
    masks: list[Column] = []
    for at in range(0, len(families), _BITS):
        mask = nothing
        for bit, family in enumerate(families[at : at + _BITS]):
            if family in windows:
                event, condition, _ = family
                is_it = windows[family] & event_matches(event, condition)
                mask = mask + F.when(is_it, F.lit(1 << bit)).otherwise(nothing)
        masks.append(mask)
    return masks


def _values(macros: list[Macro]) -> dict[str, Column]:
    """What is summed, compared or counted: columns of the archive, and dimensions."""
    wanted = dict.fromkeys(name for macro in macros for name in macro.spec.reads)
    sums: dict[str, Column] = {}
    for name in wanted:
        if name in _COUNTS:
            sums[name] = F.col(name).cast("bigint")
        elif name in _SUMS:
            # a float cannot hold both sides of the point of every sum; two of them can
            sums[name] = F.floor(name).cast("double")
            sums[fraction_column(name)] = F.pmod(name, F.lit(1)).cast("double")
        else:
            sums[name] = F.col(name).cast("double")
    counted = {name: F.col(name) for name in _dimensions(macros, "dimension")}
    numbers = {number_column(name): _number_of(name) for name in _dimensions(macros, "number")}
    return sums | counted | numbers


def _dimensions(macros: list[Macro], argument: str) -> list[str]:
    """Dimensions that macros take by an argument: to count their values, or as numbers."""
    return sorted({str(macro.by) for macro in macros if argument in macro.spec.arguments})


def _number_of(dimension: str) -> Column:
    """Read a dimension as a number; the archive keeps texts, and infinity counts as none."""
    value = F.col(dimension).try_cast("double")
    return F.when(F.abs(value) < F.lit(float("inf")), value)


def evaluate_partition(
    batches: Iterable[pa.RecordBatch], *, plan: _Plan
) -> Iterator[pa.RecordBatch]:
    """Turn the rows of a partition into one row for each person who is asked for."""
    held = list(batches)
    if not held:
        return
    rows = pa.Table.from_batches(held)
    persons, person = np.unique(rows["person_id"].to_numpy(), return_inverse=True)
    requested = np.unique(person[rows["_is_request"].to_numpy()])
    day = rows["_day"].to_numpy().astype(np.int64)
    masks = [rows[name].to_numpy() for name in plan.masks]
    values = {
        name: _codes(rows[name]) if name in plan.counted else rows[name].to_numpy()
        for name in plan.values
    }
    answers: dict[int, pa.Array] = {}
    for family in dict.fromkeys(family for family, _ in plan.requests):
        requests = {n: request for n, (of, request) in enumerate(plan.requests) if of == family}
        column, bit = divmod(family, _BITS)
        at = np.flatnonzero((masks[column] >> bit) & 1)
        some = {name: array[at] for name, array in values.items()}
        cells = Cells(person[at], day[at], some, requests.values(), persons.size)
        for n, request in requests.items():
            answer, known = cells.value(request)
            unknown = None if known is None else ~known[requested]
            answers[n] = _array(answer[requested], unknown, _ARROW[plan.types[n]])
    arrays = [pa.array(persons[requested]), *(answers[n] for n in range(len(plan.requests)))]
    table = pa.Table.from_arrays(arrays, names=["person_id", *plan.names])
    yield from table.to_batches(max_chunksize=_BATCH)


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Number the different values, -1 for none."""
    codes = column.combine_chunks().dictionary_encode().indices
    return np.asarray(codes.fill_null(-1).to_numpy(), dtype=np.int64)


def _array(values: NDArray[Any], unknown: NDArray[np.bool_] | None, kind: pa.DataType) -> pa.Array:
    if kind == pa.float64() or kind == pa.bool_():
        return pa.array(values, kind, mask=unknown)
    # what is unknown may be infinite, which no whole number is
    whole = values if unknown is None else np.where(unknown, 0, values)
    numbers = pa.array(whole.astype(np.int64), mask=unknown)
    return numbers.cast(pa.int32()).cast(kind) if kind == pa.date32() else numbers.cast(kind)
