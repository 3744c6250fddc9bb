"""Share the files of a source out to tasks of about equal size."""

from collections.abc import Sequence

from databank.sources.units import SourceUnit

_TASKS_A_CORE = 4
_SMALLEST_TASK = 4 << 20  # packed bytes: below this a task costs more than its work


def share_out(units: Sequence[SourceUnit], *, cores: int) -> list[list[SourceUnit]]:
    """Cut the files of a source into lists of about equal size, the big lists first.

    Files follow each other by name, so that days stay together.
    """
    target = max(_SMALLEST_TASK, sum(map(_size, units)) // (cores * _TASKS_A_CORE))
    lists: list[list[SourceUnit]] = []
    room = 0
    for unit in sorted(units, key=lambda each: each.name):
        if not lists or _size(unit) > room:
            lists.append([])
            room = target
        lists[-1].append(unit)
        room -= _size(unit)
    return sorted(lists, key=lambda group: -sum(map(_size, group)))


def _size(unit: SourceUnit) -> int:
    return unit.size or 0
