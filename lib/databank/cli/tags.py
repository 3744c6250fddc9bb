"""`databank tags`: the library of tags and the life of one, read without Spark."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from databank.cli.options import ROOT
from databank.cli.show import Rows, TextSection
from databank.clock import today
from databank.errors import DataBankError, did_you_mean
from databank.project.graph import Node
from databank.project.model import Project
from databank.tables.outside import holds_bank, require_bank
from databank.tags.base import TagBase

MOST_DAYS = 10
_JOB = "build_tags"
# keys that are shown of a tag, in this order, where it has them
_KEYS = (
    *("description", "kind", "entity", "owner", "unit", "status"),
    *("refresh", "keep_days", "alarm"),
)


@dataclass(frozen=True)
class _Day:
    """Figures of a tag on one run day; the mean only of numbers."""

    day: date
    persons: int
    mean: float | None


def list_tags(project: Project, root: str) -> Rows:
    """List the tags of the configuration; without figures where the root holds no bank.

    An entity's tag counts entities, and says whose it is.

    Raises:
        DataBankError: If another root than the default one is given, and holds no bank.
    """
    measured = _measured(root)
    return [_listed(tag, measured.get(tag.name, [])) for tag in _every(project)]


def describe_tag(project: Project, root: str, name: str) -> list[TextSection]:
    """Show what a tag is and reads, who uses it, and how many had it on the last run days.

    Raises:
        DataBankError: If the configuration has no such tag, or another root than the default
            one is given, and holds no bank.
    """
    tags = {tag.name: tag for tag in _every(project)}
    if name not in tags:
        raise DataBankError(f"unknown tag {name!r}; {did_you_mean(name, tags)}")
    tag = tags[name]
    days = _measured(root, name).get(name, [])
    as_of = days[0].day if days else today(project.settings.timezone)
    users = project.graph.users().get(Node("tag", name), ())
    definition = f": {tag.definition}" if tag.definition else ""
    keys = [{"key": key, "value": value} for key, value in _keys(tag).items()]
    reads = [{"reads": table, "what": what} for table, what in tag.reads(as_of)]
    return [
        TextSection(f"{name}{definition}", keys, "tag"),
        TextSection(f"what it reads, as of {as_of}", reads, "reads"),
        TextSection(
            "who uses it" if users else "nobody uses it",
            [{"kind": user.kind, "name": user.name} for user in users],
            "users",
        ),
        _life(tag, days, root),
    ]


def _every(project: Project) -> list[TagBase]:
    return sorted((*project.tags, *project.retired), key=lambda tag: tag.name)


def _keys(tag: TagBase) -> dict[str, Any]:
    given = {key: getattr(tag, key) for key in _KEYS if getattr(tag, key) not in (None, "")}
    if tag.subject.is_person:
        given.pop("entity")
    return given


def _listed(tag: TagBase, days: list[_Day]) -> dict[str, Any]:
    last = days[0] if days else None
    return {
        "tag": tag.name,
        "kind": tag.kind,
        "entity": None if tag.subject.is_person else tag.entity,
        "status": tag.status,
        "owner": tag.owner or None,
        "persons": last.persons if last else None,
        "change": _change(days),
        "as of": last.day if last else None,
    }


def _life(tag: TagBase, days: list[_Day], root: str) -> TextSection:
    """Show the last run days, newest first."""
    if not days:
        why = "no run has measured it" if holds_bank(root) else "there is no bank"
        return TextSection(f"how many have it: not known at {root}, {why}", [], "coverage")
    rows = [
        {
            "day": measured.day,
            f"{tag.entity}s": measured.persons,
            "change": _change(days[at:]),
            "mean": None if measured.mean is None else round(measured.mean, 4),
        }
        for at, measured in enumerate(days[:MOST_DAYS])
    ]
    return TextSection("how many have it", rows, "coverage")


def _change(days: list[_Day]) -> str | None:
    """Compare with the run day before; a tag that nobody had has no change."""
    if len(days) < 2 or not days[1].persons:
        return None
    return f"{days[0].persons / days[1].persons - 1:+.1%}"


def _measured(root: str, name: str | None = None) -> Mapping[str, list[_Day]]:
    """Read by tag its measured days, newest first; of a day that was run again the last run's."""
    if root == ROOT and not holds_bank(root):
        return {}
    require_bank(root)
    # DuckDB and delta-rs take half a second to import: only here
    from databank.tables.published_reader import PublishedReader

    lookup = PublishedReader(root)
    runs = dict(lookup.find("ops.run", ("run_id", "epoch_us(started)"), "job = ?", [_JOB]))
    where, given = "job = ? AND name IN ('tag_coverage', 'tag_mean')", [_JOB]
    if name is not None:
        where, given = f"{where} AND labels['tag'] = ?", [_JOB, name]
    columns = ("labels['tag']", "day", "name", "run_id", "value")
    metrics = lookup.find("ops.metric", columns, where, given)
    last: dict[tuple[str, date], dict[str, float]] = {}
    for tag, day, figure, _, value in sorted(metrics, key=lambda row: runs.get(row[3], 0)):
        # rows come in the order of their columns: of a run, how many have it before their mean
        if figure == "tag_coverage":
            last[tag, day] = {}
        last[tag, day][figure] = value
    days: dict[str, list[_Day]] = defaultdict(list)
    for (tag, day), of in sorted(last.items(), key=lambda item: item[0], reverse=True):
        days[tag].append(_Day(day, int(of["tag_coverage"]), of.get("tag_mean")))
    return days
