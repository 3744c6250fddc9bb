"""Sections about persons: life cycle and RFM."""

from collections.abc import Callable, Iterable

from databank.reports import charts, format as fmt
from databank.reports.config import ReportConfig
from databank.reports.facts import Facts, Flow, RfmCell
from databank.reports.page import Grid, Panel, Section
from databank.reports.reasons import why_missing

# no stage on that day; not known by then; not known any more
_OUTSIDE = ("none", "new", "gone")


def lifecycle_section(facts: Facts, config: ReportConfig) -> Section:
    """Persons by stage, and who moved between two days."""
    title = "Life cycle"
    if not facts.stages and facts.flow is None:
        missing = why_missing(facts, "lifecycle.stage")
        return Section("lifecycle", title, "", missing=missing)
    panels: tuple[Panel, ...] = ()
    says = ""
    if facts.stages and facts.stage_day is not None:
        order = _stage_order(facts.stages, config)
        staged = {s: n for s, n in facts.stages.items() if s not in _OUTSIDE}
        total = sum(staged.values())
        says = f"{fmt.plural(total, 'person')} have a stage on {fmt.day(facts.stage_day)}."
        panels += (_stages(facts.stages, order, total),)
    if facts.flow is not None:
        summary = flow_sentence(facts.flow, config)
        says = f"{summary} {says}".strip()
        panels += _flow(facts.flow, config)
    return Section("lifecycle", title, says, panels=panels)


def _stage_order(found: Iterable[str], config: ReportConfig) -> list[str]:
    """Stages from low to high, unknown ones behind, those without a stage last."""
    known = set(found)
    named = [stage for stage in config.stages if stage in known]
    rest = sorted(known - set(named) - set(_OUTSIDE))
    return [*named, *rest, *(stage for stage in _OUTSIDE if stage in known)]


def _stages(stages: dict[str, int], order: list[str], total: int) -> Panel:
    values = [stages[stage] for stage in order]
    texts = [
        fmt.count(n) if stage in _OUTSIDE else f"{fmt.count(n)} ({fmt.share(n, total)})"
        for stage, n in zip(order, values, strict=True)
    ]
    first = max((s for s in order if s not in _OUTSIDE), key=lambda s: stages[s], default="none")
    part = fmt.share(stages[first], total)
    says = f"The largest stage is {fmt.label(first)} with {part} of all."
    if stages.get("none"):
        says += f" {fmt.plural(stages['none'], 'person')} have no stage."
    figure = charts.bars(order, values, texts, quiet=frozenset(_OUTSIDE))
    return Panel("Persons by stage", says, figure)


def balance(flow: Flow, config: ReportConfig) -> dict[str, int]:
    """Persons with a stage on either day by what happened: start = stayed + up + down + out."""
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
    """How many moved up, moved down, dropped out and came in since the first day."""
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
    says = (
        f"{fmt.count(start)} had a stage on {fmt.day(flow.day_from, beside=flow.day_to)} = "
        f"{fmt.count(sums['stayed'])} stayed + {fmt.count(moved)} moved + "
        f"{fmt.count(sums['dropped out'])} dropped out; with {fmt.count(sums['came in'])} who "
        f"came in, {fmt.count(end)} have one on {fmt.day(flow.day_to)}."
    )
    texts = [fmt.count(n) for n in sums.values()]
    quiet = frozenset({"stayed"})
    figure = charts.bars(list(sums), list(sums.values()), texts, quiet=quiet)
    return Panel("What became of them", says, figure)


def _flow(flow: Flow, config: ReportConfig) -> tuple[Panel, ...]:
    order = _stage_order(_stages_of(flow), config)
    moves = {pair: n for pair, n in flow.moves.items() if not set(pair) <= set(_OUTSIDE)}
    ends = (fmt.day(flow.day_from, beside=flow.day_to), fmt.day(flow.day_to))
    moved = {pair: n for pair, n in moves.items() if pair[0] != pair[1]}
    (a, b), n = max(moved.items(), key=lambda item: item[1], default=(("none", "none"), 0))
    says = f"Nobody changed between {ends[0]} and {ends[1]}."
    if n:
        says = f"The widest stream goes from {fmt.label(a)} to {fmt.label(b)}: "
        says += f"{fmt.plural(n, 'person')}."
    rows, shades = [], []
    for a in (s for s in order if any(pair[0] == s for pair in flow.moves)):
        values = [flow.moves.get((a, b), 0) for b in order]
        total = sum(values)
        rows.append((fmt.label(a), *map(fmt.count, values), fmt.count(total)))
        shades.append((None, *(v / total if total else None for v in values), None))
    columns = [sum(n for (_, b), n in flow.moves.items() if b == stage) for stage in order]
    rows.append(("all", *map(fmt.count, columns), fmt.count(sum(columns))))
    shades.append((None,) * (len(order) + 2))
    head = (f"{ends[0]} \u2193  {ends[1]} \u2192", *map(fmt.label, order), "all")
    grid = Grid(head, tuple(rows), shades=tuple(shades))
    tells = (
        "Each row tells where the persons of a stage went; none = no stage on that day, "
        "new = not known by then, gone = not known any more. Rows and columns add up exactly."
    )
    return (
        _balance(flow, config),
        Panel("Flow between stages", says, charts.flows(moves, order, ends), wide=True),
        Panel("The same in figures", tells, grid=grid, wide=True),
    )


def rfm_section(facts: Facts, config: ReportConfig) -> Section:
    """Recency by frequency, coloured by persons and by money; the segments."""
    title = "RFM: recency, frequency, money"
    if not facts.rfm or facts.rfm_day is None:
        return Section("rfm", title, "", missing=why_missing(facts, "lifecycle.rfm"))
    persons = sum(c.persons for c in facts.rfm)
    money = sum(c.money or 0 for c in facts.rfm)
    says = f"{fmt.plural(persons, 'person')} bought up to {fmt.day(facts.rfm_day)}"
    says += f" and spent {fmt.money(money, config.currency)}." if money else "."
    panels = [_rfm_heat(facts.rfm, persons)]
    if money:
        panels.append(_rfm_money(facts.rfm, money, config.currency))
    panels.append(_segments(facts.rfm, persons, money, config.currency))
    return Section("rfm", title, says, panels=tuple(panels))


def _rfm_heat(cells: tuple[RfmCell, ...], persons: int) -> Panel:
    counted = _by_rf({(c.r, c.f): 0.0 for c in cells}, [(c.r, c.f, c.persons) for c in cells])
    best = max(counted, key=lambda key: counted[key])
    says = (
        f"Most persons, {fmt.count(counted[best])} ({fmt.share(counted[best], persons)}), "
        f"have R {best[0]} and F {best[1]}; 5 is the most recent and the most frequent."
    )
    return Panel("Persons by recency and frequency", says, _grid_of(counted, fmt.count, "persons"))


def _rfm_money(cells: tuple[RfmCell, ...], money: float, currency: str) -> Panel:
    summed = _by_rf({(c.r, c.f): 0.0 for c in cells}, [(c.r, c.f, c.money or 0.0) for c in cells])
    high = max(max(r, f) for r, f in summed) - 1
    best = sum(v for (r, f), v in summed.items() if r >= high and f >= high)
    people = sum(c.persons for c in cells if c.r >= high and c.f >= high)
    everyone = sum(c.persons for c in cells)
    says = (
        f"Persons with R and F of {high} or more are {fmt.share(people, everyone)} of buyers "
        f"and brought {fmt.share(best, money)} of the money."
    )
    figure = _grid_of(summed, lambda v: fmt.share(v, money), f"of {fmt.money(money, currency)}")
    return Panel("Money by recency and frequency", says, figure)


def _by_rf(
    sums: dict[tuple[int, int], float], values: list[tuple[int, int, float]]
) -> dict[tuple[int, int], float]:
    for r, f, value in values:
        sums[r, f] += value
    return sums


def _grid_of(
    cells: dict[tuple[int, int], float], shown: Callable[[float], str], what: str
) -> charts.Figure:
    rs = range(min(r for r, _ in cells), max(r for r, _ in cells) + 1)
    fs = range(min(f for _, f in cells), max(f for _, f in cells) + 1)
    values = [[cells.get((r, f)) for f in fs] for r in rs]
    texts = [["" if v is None else shown(v) for v in row] for row in values]
    hovers = [[f"R {r}, F {f}: {shown(cells.get((r, f), 0))} {what}" for f in fs] for r in rs]
    titles = ("F: how often", "R: how recently")
    return charts.heat(
        [f"F {f}" for f in fs], [f"R {r}" for r in rs], values, texts, hovers, titles=titles
    )


def _segments(cells: tuple[RfmCell, ...], persons: int, money: float, currency: str) -> Panel:
    by_segment: dict[str, list[RfmCell]] = {}
    for cell in cells:
        by_segment.setdefault(cell.segment, []).append(cell)
    sizes = {name: sum(c.persons for c in found) for name, found in by_segment.items()}
    order = sorted(sizes, key=lambda name: -sizes[name])
    rows = []
    for name in order:
        found, n = by_segment[name], sizes[name]
        spent = sum(c.money or 0 for c in found)
        row = [fmt.label(name, 40), fmt.count(n), fmt.share(n, persons)]
        if money:
            row += [fmt.money(spent, ""), fmt.share(spent, money), fmt.number(spent / n, 0)]
        row += [_mean(found, "recency"), _mean(found, "frequency")]
        rows.append(tuple(row))
    unit = f" ({currency})" if currency else ""
    paid = (f"Money{unit}", "Share of money", "Each") if money else ()
    head = ("Segment", "Persons", "Share", *paid, "Days since last", "Purchases")
    says = (
        f"The largest of {fmt.plural(len(order), 'segment')} is {fmt.label(order[0], 40)}: "
        f"{fmt.plural(sizes[order[0]], 'person')} ({fmt.share(sizes[order[0]], persons)})."
    )
    return Panel("Segments", says, grid=Grid(head, tuple(rows)), wide=True)


def _mean(cells: list[RfmCell], name: str) -> str:
    known = [(getattr(c, name), c.persons) for c in cells if getattr(c, name) is not None]
    weight = sum(n for _, n in known)
    return fmt.number(sum(v * n for v, n in known) / weight if weight else None)
