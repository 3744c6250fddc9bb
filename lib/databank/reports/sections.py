"""Sections about the bank itself: assets and quality; and the order of all sections."""

from collections import defaultdict

from databank.reports import charts, format as fmt
from databank.reports.config import ReportConfig
from databank.reports.facts import Facts
from databank.reports.market import lifecycle_section, rfm_section
from databank.reports.oneid_section import identity_section
from databank.reports.page import Grid, Panel, Section
from databank.reports.reasons import why_missing
from databank.reports.tags_section import tags_section
from databank.reports.targets import audiences_section, lookalike_section, models_section
from databank.reports.trends_section import trends_section

# figures of ingest, in the order of the table
_LOAD = {
    "rows_read": "Read",
    "rows_loaded": "Loaded",
    "rows_repeated": "Repeated or older",
    "rows_late": "Late",
    "rows_without_identifier": "Without identifier",
}
_OUTCOMES = {"refused": "refused by a gate", "failed": "failed", "error": "stopped by a bug"}


def build_sections(facts: Facts, config: ReportConfig) -> list[Section]:
    """All sections in the order of the page."""
    return [
        assets_section(facts),
        *trends_section(facts, config),
        identity_section(facts),
        lifecycle_section(facts, config),
        rfm_section(facts, config),
        tags_section(facts, config),
        models_section(facts, config),
        lookalike_section(facts, config),
        audiences_section(facts, config),
        quality_section(facts),
    ]


def lead_sentence(facts: Facts) -> str:
    """What the bank holds, in one sentence under the heading."""
    if not facts.totals.get("events") and not facts.totals.get("persons"):
        return "The bank holds no events and no persons yet."
    events, persons = facts.totals.get("events", 0), facts.totals.get("persons", 0)
    text = f"{fmt.plural(events, 'event')} of {fmt.plural(persons, 'person')}"
    sources = [s for s in facts.sources if s.loaded]
    text += f" from {fmt.plural(len(sources), 'source')}" if sources else ""
    sizes = len(facts.audiences)
    return text + (f", {fmt.plural(sizes, 'audience')} ready for use." if sizes else ".")


def assets_section(facts: Facts) -> Section:
    """Rows by source, events by day and terminal, totals."""
    title = "Assets and sources"
    if not facts.sources:
        return Section("assets", title, "", missing=why_missing(facts, "raw.file", "core.events"))
    read, held = (sum(getattr(s, n) for s in facts.sources) for n in ("read", "quarantined"))
    names = ("persons", "identifiers", "events", "profiles", "items")
    tiles = tuple((n, fmt.count(facts.totals[n])) for n in names if facts.totals.get(n))
    says = (
        f"{fmt.plural(read, 'row')} came from {fmt.plural(len(facts.sources), 'source')}; "
        f"{fmt.count(held)} of them ({fmt.share(held, read)}) wait in quarantine."
    )
    rows = tuple(
        (
            s.source,
            fmt.count(s.files),
            fmt.count(s.read),
            fmt.count(s.loaded),
            fmt.count(s.quarantined),
            fmt.share(s.quarantined, s.read),
            fmt.count(s.no_person),
        )
        for s in facts.sources
    )
    head = ("Source", "Files", "Rows read", "Held now", "Quarantined", "Share", "Without person")
    largest = max(facts.sources, key=lambda s: s.loaded)
    by_source = Panel(
        "What each source brought",
        f"Most comes from {largest.source}: {fmt.count(largest.loaded)} of "
        f"{fmt.count(sum(s.loaded for s in facts.sources))} rows held. A repeated row and an "
        "older state of a record are read, but held once.",
        grid=Grid(head, rows),
        wide=True,
    )
    return Section("assets", title, says, tiles, (*_daily(facts), by_source))


def _daily(facts: Facts) -> tuple[Panel, ...]:
    if not facts.daily:
        return ()
    days = sorted({day for day, _, _ in facts.daily})
    cells = {(day, terminal): n for day, terminal, n in facts.daily}
    sums: dict[str, int] = defaultdict(int)
    per_day: dict[object, int] = defaultdict(int)
    for day, terminal, n in facts.daily:
        sums[terminal] += n
        per_day[day] += n
    order = sorted(sums, key=lambda t: -sums[t])
    total = sum(sums.values())
    says = (
        f"{fmt.plural(total, 'event')} on {fmt.plural(len(days), 'day')} up to "
        f"{fmt.day(days[-1])}, {fmt.count(total / len(days))} a day; "
        f"{fmt.label(order[0])} carries {fmt.share(sums[order[0]], total)}."
    )
    parts = {t: [cells.get((day, t), 0) for day in days] for t in order}
    figure = charts.stacked_days([day.isoformat() for day in days], parts)
    return (Panel("Events per day by terminal", says, figure, wide=True),)


def quality_section(facts: Facts) -> Section:
    """Quarantine by rule and source, rows without person, jobs and their figures."""
    title = "Quality of this run"
    held = sum(n for *_, n in facts.quarantine)
    events = facts.totals.get("events", 0)
    nobody = facts.totals.get("events without person", 0)
    if not events and not held and not facts.runs:
        return Section("quality", title, "", missing=why_missing(facts, "core.events"))
    says = (
        f"{fmt.plural(held, 'row')} in quarantine; {fmt.plural(nobody, 'event')} "
        f"({fmt.share(nobody, events)} of all) carry no usable identifier and belong to nobody."
    )
    if not events and not held:
        says = "No rows have been loaded yet."
    panels = (*_load(facts), *_quarantine(facts, held), *_jobs(facts), *_measures(facts))
    return Section("quality", title, says, panels=panels)


def _load(facts: Facts) -> tuple[Panel, ...]:
    """What the load of the day met, by source, as ingest measured it."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for one in facts.measures:
        if one.job == "ingest" and one.name in _LOAD and "source" in one.labels:
            found[one.labels["source"]][one.name] = one.value
    if not found:
        return ()
    sums = {name: sum(row.get(name, 0) for row in found.values()) for name in _LOAD}
    rows = [
        (source, *(fmt.count(row.get(name, 0)) for name in _LOAD))
        for source, row in sorted(found.items())
    ]
    rows.append(("all", *(fmt.count(sums[name]) for name in _LOAD)))
    says = (
        f"Of {fmt.plural(round(sums['rows_read']), 'row')} read on {fmt.day(facts.day)}, "
        f"{fmt.count(sums['rows_repeated'])} repeated what the bank held or were older, and "
        f"{fmt.count(sums['rows_late'])} came late."
    )
    grid = Grid(("Source", *_LOAD.values()), tuple(rows))
    return (Panel("Rows of this load", says, grid=grid, wide=True),)


def _quarantine(facts: Facts, held: int) -> tuple[Panel, ...]:
    if not held:
        return ()
    sources = sorted({source for source, _, _ in facts.quarantine})
    cells = {(rule, source): n for source, rule, n in facts.quarantine}
    sums: dict[str, int] = defaultdict(int)
    for _, rule, n in facts.quarantine:
        sums[rule] += n
    rules = sorted(sums, key=lambda rule: (-sums[rule], rule))
    head = ("Rule", *sources, "All")
    rows = tuple(
        (
            rule.replace("_", " "),
            *(fmt.count(cells[rule, s]) if (rule, s) in cells else "" for s in sources),
            fmt.count(sums[rule]),
        )
        for rule in rules
    )
    most = max(cells.values())
    shades = tuple(
        (None, *(cells[r, s] / most if (r, s) in cells else None for s in sources), None)
        for r in rules
    )
    says = (
        f"The most frequent fault is {rules[0].replace('_', ' ')}: "
        f"{fmt.count(sums[rules[0]])} of {fmt.plural(held, 'row')} "
        f"({fmt.share(sums[rules[0]], held)})."
    )
    grid = Grid(head, rows, shades=shades)
    return (Panel("Rows in quarantine by rule and source", says, grid=grid, wide=True),)


def _jobs(facts: Facts) -> tuple[Panel, ...]:
    if not facts.runs:
        return ()
    seconds = sum(run.seconds for run in facts.runs)
    slowest = max(facts.runs, key=lambda run: run.seconds)
    odd = [run for run in facts.runs if run.outcome not in ("done", "unchanged")]
    says = (
        f"{fmt.plural(len(facts.runs), 'job')} took {fmt.number(seconds)} seconds; "
        f"{slowest.job} took the most ({fmt.number(slowest.seconds)})."
    )
    if odd:
        named = [f"{run.job} was {_OUTCOMES.get(run.outcome, run.outcome)}" for run in odd]
        says += f" {fmt.listed(named)}.".replace("was failed", "failed")
    order = sorted(facts.runs, key=lambda run: -run.seconds)
    texts = [
        f"{fmt.number(run.seconds)} s" + ("" if run.outcome == "done" else f", {run.outcome}")
        for run in order
    ]
    hovers = [
        f"{text}, {fmt.plural(run.rows, 'row')} written"
        for run, text in zip(order, texts, strict=True)
    ]
    figure = charts.bars(
        [run.job for run in order], [r.seconds for r in order], texts, hovers=hovers
    )
    return (Panel("Seconds by job", says, figure),)


def _measures(facts: Facts) -> tuple[Panel, ...]:
    if not facts.measures:
        return ()
    rows = tuple(
        (
            m.job,
            m.name.replace("_", " "),
            ", ".join(f"{key} {value}" for key, value in sorted(m.labels.items())),
            fmt.short_number(m.value),
        )
        for m in facts.measures
    )
    says = f"{fmt.plural(len(rows), 'figure')} noted by the jobs of the day, as in ops.metric."
    grid = Grid(("Job", "Figure", "Of", "Value"), rows, words=3)
    return (Panel("What the jobs measured", says, grid=grid, folded=True),)
