"""Section on the life cycle: persons by stage, and who moved between two days."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from pyspark.sql import Column, DataFrame, functions as F

from databank.reports import charts, format as fmt
from databank.reports.config import ReportConfig
from databank.reports.page import Grid, Panel, Section
from databank.reports.reader import Reader
from databank.reports.section import Notes, ReportSection

# no stage on that day; not known by then; not known any more
_OUTSIDE = ("none", "new", "gone")


@dataclass(frozen=True)
class Flow:
    """Persons by the stage they left and the stage they came to, between two days."""

    day_from: date
    day_to: date
    moves: dict[tuple[str, str], int]


@dataclass(frozen=True)
class LifecycleData:
    """Persons by stage on stage_day, and the flow that ends on the newest day.

    `earlier` are the persons by stage on `earlier_day`, a week before if stages were built then.
    """

    stage_day: date | None = None
    stages: dict[str, int] = field(default_factory=dict)
    flow: Flow | None = None
    earlier_day: date | None = None
    earlier: dict[str, int] = field(default_factory=dict)


class Lifecycle(ReportSection[LifecycleData]):
    """Stages, the flow between two days, and what became of those who had a stage."""

    key = "lifecycle"
    title = "Life cycle"
    tables = ("lifecycle.stage", "lifecycle.flow")
    needs = ("lifecycle.stage",)
    filled_by = "build_lifecycle"

    def collect(self, reader: Reader) -> LifecycleData:
        """Count persons by stage on the newest day, and read the flow that ends there."""
        rows, stage_day = reader.newest("lifecycle.stage")
        stages = {} if rows is None else _by_stage(rows)
        earlier: dict[str, int] = {}
        earlier_day = None
        if stage_day is not None:
            then, earlier_day = reader.week_before("lifecycle.stage", stage_day)
            if then is not None:
                earlier = _by_stage(then)
        flow = None
        moved, day_to = reader.newest("lifecycle.flow", column="day_to")
        if moved is not None and day_to is not None:
            cells = (
                moved.groupBy("day_from", _stage("stage_from"), _stage("stage_to"))
                .agg(F.sum("persons").alias("persons"))
                .orderBy("day_from")
                .limit(400)
                .collect()
            )
            # several spans may end on this day: the longest tells most
            since = cells[0]["day_from"]
            moves = {
                (row["stage_from"], row["stage_to"]): row["persons"]
                for row in cells
                if row["day_from"] == since and row["persons"]
            }
            flow = Flow(since, day_to, moves)
        return LifecycleData(stage_day, stages, flow, earlier_day, earlier)

    def is_wanted(self, config: ReportConfig) -> bool:
        """Say whether conf/lifecycle.yml has stages."""
        return bool(config.stages)

    def draw(self, data: LifecycleData, notes: Notes) -> Section | None:
        """Draw persons by stage, and who moved between two days."""
        if not data.stages and data.flow is None:
            return None
        panels: tuple[Panel, ...] = ()
        summary = ""
        if data.stages and data.stage_day is not None:
            order = _stage_order(data.stages, notes.config)
            staged = {s: n for s, n in data.stages.items() if s not in _OUTSIDE}
            total = sum(staged.values())
            verb = "has" if total == 1 else "have"
            summary = f"{fmt.plural(total, 'person')} {verb} a stage on {fmt.day(data.stage_day)}."
            panels += (_stages(data, order, total),)
        if data.flow is not None:
            summary = f"{flow_sentence(data.flow, notes.config)} {summary}".strip()
            panels += _flow(data.flow, notes.config)
        return self.section(summary, panels)


def _by_stage(rows: DataFrame) -> dict[str, int]:
    return {row["stage"]: row["count"] for row in rows.groupBy(_stage("stage")).count().collect()}


def _stage(name: str) -> Column:
    return F.coalesce(F.col(name), F.lit("none")).alias(name)


def _stage_order(stages: Iterable[str], config: ReportConfig) -> list[str]:
    """Order stages from low to high; unknown ones follow, then those without a stage."""
    known = set(stages)
    named = [stage for stage in config.stages if stage in known]
    rest = sorted(known - set(named) - set(_OUTSIDE))
    return [*named, *rest, *(stage for stage in _OUTSIDE if stage in known)]


def _stages(data: LifecycleData, order: list[str], total: int) -> Panel:
    values = [data.stages[stage] for stage in order]
    texts = [
        fmt.count(n) if stage in _OUTSIDE else f"{fmt.count(n)} ({fmt.share(n, total)})"
        for stage, n in zip(order, values, strict=True)
    ]
    first = max((s for s in order if s not in _OUTSIDE), key=lambda s: data.stages[s], default="")
    summary = ""
    if first:
        part = fmt.share(data.stages[first], total)
        summary = f"The largest stage is {fmt.label(first)} with {part} of all who have one."
    if data.stages.get("none"):
        summary += f" {fmt.plural(data.stages['none'], 'person')} have no stage."
    if data.earlier_day is not None:
        since = fmt.day(data.earlier_day, beside=data.stage_day)
        texts = [
            ", ".join(filter(None, (text, fmt.change(n, data.earlier.get(stage)))))
            for text, stage, n in zip(texts, order, values, strict=True)
        ]
        summary += f" Changes are since {since}."
    figure = charts.bars(order, values, texts, quiet=frozenset(_OUTSIDE))
    return Panel("Persons by stage", summary.strip(), figure)


def balance(flow: Flow, config: ReportConfig) -> dict[str, int]:
    """Count persons by what became of them: start = stayed + moved up + down + dropped out."""
    rank = {stage: i for i, stage in enumerate(_stage_order(_stages_of(flow), config))}
    sums = {"stayed": 0, "moved up": 0, "moved down": 0, "dropped out": 0, "came in": 0}
    for (a, b), n in flow.moves.items():
        if a in _OUTSIDE and b in _OUTSIDE:
            continue
        if a in _OUTSIDE:
            sums["came in"] += n
        elif b in _OUTSIDE:
            sums["dropped out"] += n
        elif a == b:
            sums["stayed"] += n
        else:
            sums["moved up" if rank[b] > rank[a] else "moved down"] += n
    return sums


def flow_sentence(flow: Flow, config: ReportConfig) -> str:
    """Say how many moved up, moved down, dropped out and came in since the first day."""
    sums = balance(flow, config)
    since = fmt.day(flow.day_from, beside=flow.day_to)
    return (
        f"{fmt.plural(sums['moved up'], 'person')} moved up, "
        f"{fmt.count(sums['moved down'])} moved down, "
        f"{fmt.count(sums['dropped out'])} dropped out and "
        f"{fmt.count(sums['came in'])} came in since {since}."
    )


def _stages_of(flow: Flow) -> set[str]:
    return {stage for pair in flow.moves for stage in pair}


def _balance(flow: Flow, config: ReportConfig) -> Panel:
    sums = balance(flow, config)
    start = sum(n for name, n in sums.items() if name != "came in")
    end = sum(n for name, n in sums.items() if name != "dropped out")
    moved = sums["moved up"] + sums["moved down"]
    summary = (
        f"{fmt.count(start)} had a stage on {fmt.day(flow.day_from, beside=flow.day_to)} = "
        f"{fmt.count(sums['stayed'])} stayed + {fmt.count(moved)} moved + "
        f"{fmt.count(sums['dropped out'])} dropped out; with {fmt.count(sums['came in'])} who "
        f"came in, {fmt.count(end)} have one on {fmt.day(flow.day_to)}."
    )
    texts = [fmt.count(n) for n in sums.values()]
    quiet = frozenset({"stayed"})
    figure = charts.bars(list(sums), list(sums.values()), texts, quiet=quiet)
    return Panel("What became of them", summary, figure)


def _flow(flow: Flow, config: ReportConfig) -> tuple[Panel, ...]:
    order = _stage_order(_stages_of(flow), config)
    ends = (fmt.day(flow.day_from, beside=flow.day_to), fmt.day(flow.day_to))
    moved = {
        pair: n
        for pair, n in flow.moves.items()
        if pair[0] != pair[1] and not set(pair) <= set(_OUTSIDE)
    }
    (a, b), n = max(moved.items(), key=lambda item: item[1], default=(("none", "none"), 0))
    summary = f"Nobody changed between {ends[0]} and {ends[1]}."
    if n:
        summary = f"The widest stream between stages goes from {fmt.label(a)} to {fmt.label(b)}: "
        summary += f"{fmt.plural(n, 'person')}."
    outside = sum(n for pair, n in flow.moves.items() if set(pair) <= set(_OUTSIDE))
    if outside:
        summary += f" {fmt.plural(outside, 'person')} had no stage on either day."
    left, right = (
        [stage for stage in order if any(pair[side] == stage for pair in flow.moves)]
        for side in (0, 1)
    )
    rows, shades = [], []
    for a in left:
        values = [flow.moves.get((a, b), 0) for b in right]
        total = sum(values)
        rows.append((fmt.label(a), *map(fmt.count, values), fmt.count(total)))
        shades.append((None, *(v / total if total else None for v in values), None))
    columns = [sum(n for (_, b), n in flow.moves.items() if b == stage) for stage in right]
    rows.append(("all", *map(fmt.count, columns), fmt.count(sum(columns))))
    shades.append((None,) * (len(right) + 2))
    head = (f"{ends[0]} \u2193  {ends[1]} \u2192", *map(fmt.label, right), "all")
    grid = Grid(head, tuple(rows), shades=tuple(shades))
    tells = f"Each row tells where the persons of a stage went{_meanings([*left, *right])}. "
    tells += "Rows and columns add up exactly."
    return (
        _balance(flow, config),
        Panel("Flow between stages", summary, charts.flows(flow.moves, order, ends), wide=True),
        Panel("The same in figures", tells, grid=grid, wide=True),
    )


def _meanings(stages: list[str]) -> str:
    """Explain the words for those without a stage that stand in the figures."""
    words = {
        "none": "none = no stage on that day",
        "new": "new = not known by then",
        "gone": "gone = not known any more",
    }
    used = [text for stage, text in words.items() if stage in stages]
    return "; " + ", ".join(used) if used else ""
