"""Sections about whom to reach: models, lookalikes, audiences."""

from databank.reports import charts, format as fmt
from databank.reports.config import NoteConfig, ReportConfig
from databank.reports.facts import Facts, Lookalike, ModelCard
from databank.reports.marketing import MOST_COMPARED
from databank.reports.page import Grid, Panel, Section
from databank.reports.reasons import why_missing


def models_section(facts: Facts, config: ReportConfig) -> Section:
    """Champions with their figures, and a gain curve each beside chance."""
    title = "Models"
    if not facts.models:
        return Section("models", title, "", missing=why_missing(facts, "models.training"))
    champions = [m for m in facts.models if m.outcome == "champion"]
    rated = [m for m in facts.models if m.auc is not None]
    says = (
        f"{fmt.count(len(champions))} of {fmt.plural(len(facts.models), 'model')} passed "
        "the gate and may score."
    )
    if rated:
        best = max(rated, key=lambda m: m.auc or 0)
        says += f" The sharpest is {fmt.label(best.model, 40)}: AUC {fmt.number(best.auc, 3)}."
    notes = {note.name: note for note in config.models}
    panels = [_model_table(facts.models, notes)]
    panels += [_gain(model) for model in facts.models if model.bands]
    return Section("models", title, says, panels=tuple(panels))


def _model_table(models: tuple[ModelCard, ...], notes: dict[str, NoteConfig]) -> Panel:
    rows = tuple(
        (
            model.model,
            notes[model.model].description if model.model in notes else "",
            "champion" if model.outcome == "champion" else "refused by the gate",
            fmt.count(model.version),
            fmt.day(model.trained),
            fmt.number(model.auc, 3),
            fmt.number(model.bands[0].lift) + "x" if model.bands else "",
            fmt.number(model.calibration_error, 3),
            fmt.share(model.base_rate, 1) if model.base_rate is not None else "",
            fmt.count(model.scored),
        )
        for model in models
    )
    head = (
        "Model",
        "What it tells",
        "State",
        "Version",
        "Trained",
        "AUC",
        "Lift, top 10%",
        "Calibration error",
        "Base rate",
        "Persons scored",
    )
    says = (
        "AUC: 0.5 is chance, 1 is perfect. Lift: how many times more frequent the outcome is in "
        "the best tenth. Calibration error: mean distance of forecast and outcome."
    )
    later = [m for m in models if m.refused_on is not None]
    if later:
        named = [f"{m.model} ({fmt.day(m.refused_on)})" for m in later if m.refused_on]
        says += f" A later training was refused by the gate: {fmt.listed(named)}."
    return Panel("The versions that score", says, grid=Grid(head, rows, words=3), wide=True)


def _gain(model: ModelCard) -> Panel:
    total = sum(band.n for band in model.bands)
    xs, ys, seen = [0.0], [0.0], 0
    for band in model.bands:
        seen += band.n
        xs.append(seen / total)
        ys.append(band.gain)
    cut = min(3, len(model.bands))
    says = (
        f"The best {fmt.share(xs[cut], 1)} of the persons held out hold "
        f"{fmt.share(ys[cut], 1)} of the positives: {fmt.number(ys[cut] / xs[cut])} times "
        "what chance finds."
    )
    titles = ("share of persons, best first", "share of positives found")
    figure = charts.curves({model.model: (xs, ys)}, titles=titles, beside="chance")
    return Panel(f"Gain of {fmt.label(model.model, 40)}", says, figure)


def lookalike_section(facts: Facts, config: ReportConfig) -> Section:
    """Gain on hidden seeds, and persons by level."""
    title = "Lookalikes"
    if not facts.lookalikes:
        missing = why_missing(facts, "lookalike.member", "lookalike.gain")
        return Section("lookalike", title, "", missing=missing)
    found = sum(n for one in facts.lookalikes for _, n in one.levels)
    says = (
        f"{fmt.plural(found, 'person')} found who resemble the seeds of "
        f"{fmt.plural(len(facts.lookalikes), 'lookalike')}."
    )
    notes = {note.name: note for note in config.lookalikes}
    panels = [p for one in facts.lookalikes for p in _lookalike(one, notes.get(one.name))]
    return Section("lookalike", title, says, panels=tuple(panels))


def _lookalike(one: Lookalike, note: NoteConfig | None) -> list[Panel]:
    panels = []
    about = f"{note.description.rstrip('.')}. " if note and note.description else ""
    name = fmt.label(one.name, 40)
    if one.curve:
        share, found, lift = min(one.curve, key=lambda p: abs(p[0] - 0.1))
        says = (
            f"{about}Among the best {fmt.share(share, 1)} of the persons are "
            f"{fmt.share(found, 1)} of the hidden seeds: {fmt.number(lift)} times chance."
        )
        points = sorted({(0.0, 0.0), *((s, f) for s, f, _ in one.curve)})
        xs, ys = [x for x, _ in points], [y for _, y in points]
        titles = ("share of persons, most alike first", "share of hidden seeds found")
        figure = charts.curves(
            {one.name: (xs, ys)}, titles=titles, beside="chance", diagonal=max(xs)
        )
        panels.append(Panel(f"Hidden seeds found by {name}", says, figure))
    if one.levels:
        total = sum(n for _, n in one.levels)
        level, n = one.levels[0]
        says = (
            f"{fmt.count(n)} of {fmt.plural(total, 'person')} ({fmt.share(n, total)}) are "
            f"in the first level, {level}."
        )
        names, values = [text for text, _ in one.levels], [n for _, n in one.levels]
        quiet = frozenset({"beyond all levels"})
        figure = charts.bars(names, values, [fmt.count(n) for n in values], quiet=quiet)
        panels.append(Panel(f"Persons by level of {name}", says, figure))
    return panels


def audiences_section(facts: Facts, config: ReportConfig) -> Section:
    """Sizes, what they mean, and how they overlap."""
    title = "Audiences"
    if not facts.audiences:
        return Section("audiences", title, "", missing=why_missing(facts, "audiences.member"))
    notes = {note.name: note for note in config.audiences}
    held = {name: n for name, _, n in facts.audiences}
    sizes = held | {name: 0 for name in notes if name not in held}
    order = sorted(sizes, key=lambda name: (-sizes[name], name))
    persons = facts.totals.get("persons", 0)
    says = (
        f"{fmt.plural(len(order), 'audience')}; the largest, {fmt.label(order[0])}, "
        f"reaches {fmt.plural(sizes[order[0]], 'person')}."
    )
    panels = [
        _sizes(order, sizes, persons),
        _audience_table(order, sizes, facts, notes),
    ]
    if facts.overlaps:
        panels.append(_overlap([name for name in order if held.get(name)], held, facts))
    return Section("audiences", title, says, panels=tuple(panels))


def _sizes(order: list[str], sizes: dict[str, int], persons: int) -> Panel:
    shown = order[:20]
    texts = [fmt.count(sizes[name]) for name in shown]
    hovers = [
        f"{fmt.plural(sizes[n], 'person')}, {fmt.share(sizes[n], persons)} of all" for n in shown
    ]
    says = (
        f"The largest, {fmt.label(order[0])}, holds {fmt.share(sizes[order[0]], persons)} of "
        f"all persons; the smallest, {fmt.label(order[-1])}, "
        f"{fmt.share(sizes[order[-1]], persons)}."
    )
    if len(order) > len(shown):
        says += f" The {len(shown)} largest of {len(order)} are drawn."
    values = [sizes[name] for name in shown]
    figure = charts.bars(shown, values, texts, hovers=hovers, length=44)
    return Panel("Persons by audience", says, figure, wide=True)


def _audience_table(
    order: list[str], sizes: dict[str, int], facts: Facts, notes: dict[str, NoteConfig]
) -> Panel:
    days = {name: day for name, day, _ in facts.audiences}
    persons = facts.totals.get("persons", 0)
    rows = tuple(
        (
            name,
            notes[name].description if name in notes else "",
            fmt.count(sizes[name]),
            fmt.share(sizes[name], persons),
            fmt.day(days[name], beside=facts.day) if name in days else "",
        )
        for name in order
    )
    empty = sum(1 for name in order if not sizes[name])
    says = f"Nobody is in {fmt.count(empty)} of {fmt.plural(len(order), 'audience')}."
    if not empty:
        says = "Every audience holds somebody."
    head = ("Audience", "Who is in it", "Persons", "Of all", "Day")
    return Panel("Who is in them", says, grid=Grid(head, rows, words=2), wide=True)


def _overlap(order: list[str], sizes: dict[str, int], facts: Facts) -> Panel:
    compared = order[:MOST_COMPARED]

    def both(a: str, b: str) -> int:
        return facts.overlaps.get((min(a, b), max(a, b)), 0)

    pairs = [(a, b) for a in compared for b in compared if a != b]
    a, b = max(pairs, key=lambda pair: (both(*pair) / sizes[pair[0]], pair))
    says = (
        f"Each row tells which share of an audience is also in the others; "
        f"{fmt.share(both(a, b), sizes[a])} of {fmt.label(a)} are in {fmt.label(b)} "
        f"({fmt.plural(both(a, b), 'person')})."
    )
    rows = tuple(
        (
            fmt.label(name),
            fmt.count(sizes[name]),
            *(
                "" if name == other else fmt.share(both(name, other), sizes[name])
                for other in compared
            ),
        )
        for name in compared
    )
    shades = tuple(
        (None, None, *(None if n == o else both(n, o) / sizes[n] for o in compared))
        for n in compared
    )
    head = ("Of \u2193  also in \u2192", "Persons", *(fmt.label(name, 22) for name in compared))
    grid = Grid(head, rows, shades=shades)
    return Panel("How audiences overlap", says, grid=grid, wide=True)
