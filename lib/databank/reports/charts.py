"""Pictures as Plotly figures in plain dictionaries; the page's script draws them.

Plain dictionaries keep a report free of Plotly's slow object model; a test puts every kind through
its validators.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from databank.reports.format import count, label, plain

Figure = dict[str, Any]

ACCENT = "#1d5b8f"
QUIET = "#a9b3bf"
# told apart with any colour vision, after Okabe and Ito, a little calmer
PALETTE = (ACCENT, "#d98c1f", "#2f9677", "#b5527d", "#6fb1dc", "#6b6f76", "#c9b037", "#7a4f9a")
SCALE = ((0.0, "#f1f5f9"), (0.5, "#7fa9cc"), (1.0, ACCENT))
_ROW = 30  # pixels of a bar
_FEW_DAYS = 8  # each of them is named on the axis


def bars(
    names: Sequence[str],
    values: Sequence[float],
    texts: Sequence[str],
    *,
    quiet: frozenset[str] = frozenset(),
    hovers: Sequence[str] = (),
    length: int = 26,
) -> Figure:
    """Horizontal bars in the given order from the top, each with its figure beside it."""
    most = max(values, default=0) or 1
    room = 1.06 + 0.026 * max(map(len, texts), default=0)  # for the texts beside the bars
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": list(values),
        "y": list(range(len(names))),
        "text": list(texts),
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [QUIET if name in quiet else ACCENT for name in names]},
        "hovertext": [
            f"{name.replace('_', ' ')}: {text}"
            for name, text in zip(names, hovers or texts, strict=True)
        ],
        "hoverinfo": "text",
    }
    axes = {
        "xaxis": {"visible": False, "range": [0, most * room]},
        "yaxis": _names_axis(names, length),
    }
    axes |= {"margin": {"l": 8, "r": 4, "t": 0, "b": 4}}
    return _figure([trace], axes, height=_ROW * len(names) + 12)


def stacked_days(days: Sequence[str], parts: Mapping[str, Sequence[int]]) -> Figure:
    """A column a day made of parts."""
    traces = [
        {
            "type": "bar",
            "name": label(part),
            "x": list(days),
            "y": list(values),
            "marker": {"color": PALETTE[i % len(PALETTE)], "line": {"width": 0}},
            "hovertemplate": f"%{{x|%d %b %Y}}<br>{plain(label(part))}: %{{y:,}}<extra></extra>",
        }
        for i, (part, values) in enumerate(parts.items())
    ]
    time = _days_axis(days) | {"showgrid": False}
    axes = {"barmode": "stack", "bargap": 0.15, "xaxis": time, "yaxis": _number_axis()}
    return _figure(traces, axes, height=320, legend=len(traces) > 1)


def lines(
    series: Mapping[str, tuple[Sequence[str] | Sequence[int], Sequence[float]]],
    *,
    share: bool = False,
    title: str = "",
) -> Figure:
    """Lines over days, or over numbers of days, which have a title and dots."""
    shown = ":.1%" if share else ":,"
    dots = bool(title) or max((len(xs) for xs, _ in series.values()), default=0) <= _FEW_DAYS
    at = "day %{x}" if title else "%{x|%d %b %Y}"
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers" if dots else "lines",
            "name": label(name),
            "x": list(xs),
            "y": list(ys),
            "line": {"color": PALETTE[i % len(PALETTE)], "width": 2.2},
            "marker": {"size": 6},
            "hovertemplate": f"{at}<br>{plain(label(name))}: %{{y{shown}}}<extra></extra>",
        }
        for i, (name, (xs, ys)) in enumerate(series.items())
    ]
    across = _days_axis([str(x) for xs, _ in series.values() for x in xs])
    if title:
        ticks = sorted({x for xs, _ in series.values() for x in xs})
        across = {"type": "linear", "tickvals": ticks, "zeroline": False, **_title(title)}
    most = max((y for _, ys in series.values() for y in ys), default=0)
    up = _number_axis() | ({"tickformat": ".0%" if most > 0.08 else ".1%"} if share else {})
    axes = {"xaxis": across | {"showgrid": False}, "yaxis": up}
    return _figure(traces, axes, height=320, legend=len(traces) > 1)


def columns(names: Sequence[str], values: Sequence[float], *, title: str = "") -> Figure:
    """Vertical columns: how something is distributed."""
    trace = {
        "type": "bar",
        "x": list(range(len(names))),
        "y": list(values),
        "marker": {"color": ACCENT},
        "hovertext": [f"{n}: {count(v)}" for n, v in zip(names, values, strict=True)],
        "hoverinfo": "text",
    }
    ticks = {"tickvals": list(range(len(names))), "ticktext": list(names), "showgrid": False}
    axis = {"type": "linear", "automargin": True, "zeroline": False, **ticks, **_title(title)}
    axes = {"bargap": 0.2, "xaxis": axis, "yaxis": _number_axis()}
    return _figure([trace], axes, height=280)


def heat(
    xs: Sequence[str],
    ys: Sequence[str],
    cells: Sequence[Sequence[float | None]],
    texts: Sequence[Sequence[str]],
    hovers: Sequence[Sequence[str]],
    *,
    titles: tuple[str, str],
) -> Figure:
    """A grid coloured by value, each cell with its figure."""
    trace = {
        "type": "heatmap",
        "x": list(xs),
        "y": list(ys),
        "z": [list(row) for row in cells],
        "text": [list(row) for row in texts],
        "texttemplate": "%{text}",
        "hovertext": [list(row) for row in hovers],
        "hoverinfo": "text",
        "colorscale": [list(stop) for stop in SCALE],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
    }
    plain = {"type": "category", "showgrid": False, "automargin": True, "ticks": ""}
    axes = {"xaxis": plain | _title(titles[0]), "yaxis": plain | _title(titles[1])}
    return _figure([trace], axes, height=60 + 60 * max(len(ys), 2))


def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    titles: tuple[str, str],
    beside: str,
    diagonal: float = 1.0,
) -> Figure:
    """Curves of shares from 0 to 1, beside the straight line that chance would draw."""
    traces: list[Figure] = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": label(name),
            "x": list(xs),
            "y": list(ys),
            "line": {"color": PALETTE[i % len(PALETTE)], "width": 2.5},
            "marker": {"size": 5},
            "hovertemplate": "%{x:.1%} of persons: %{y:.1%}<extra></extra>",
        }
        for i, (name, (xs, ys)) in enumerate(lines.items())
    ]
    chance = {
        "type": "scatter",
        "mode": "lines",
        "name": beside,
        "x": [0, diagonal],
        "y": [0, diagonal],
        "line": {"color": QUIET, "width": 1.5, "dash": "dash"},
        "hoverinfo": "skip",
    }
    shares = {"tickformat": ".0%", "rangemode": "tozero", "automargin": True}
    axes = {"xaxis": shares | _title(titles[0]), "yaxis": shares | _title(titles[1])}
    return _figure([*traces, chance], axes, height=340, legend=True)


def flows(
    moves: Mapping[tuple[str, str], int], order: Sequence[str], ends: tuple[str, str]
) -> Figure:
    """A Sankey diagram between two days; quiet colours for those without a stage."""
    left = [s for s in order if any(a == s for a, _ in moves)]
    right = [s for s in order if any(b == s for _, b in moves)]
    colours = dict(zip(order, _stage_colours(order), strict=True))
    place = {("from", s): i for i, s in enumerate(left)}
    place |= {("to", s): len(left) + i for i, s in enumerate(right)}
    links = [(a, b, n) for (a, b), n in moves.items() if n]
    trace = {
        "type": "sankey",
        "arrangement": "fixed",
        "valueformat": ",",
        "node": {
            "x": [0.001] * len(left) + [0.999] * len(right),
            "y": _heights(moves, left, 0) + _heights(moves, right, 1),
            "label": [label(s, 14) for s in (*left, *right)],
            "color": [colours[s] for s in (*left, *right)],
            "pad": 14,
            "thickness": 14,
            "line": {"width": 0},
            "hovertemplate": "%{label}: %{value:,} persons<extra></extra>",
        },
        "link": {
            "source": [place["from", a] for a, _, _ in links],
            "target": [place["to", b] for _, b, _ in links],
            "value": [n for *_, n in links],
            "color": [_clear(colours[a]) for a, _, _ in links],
            "hovertemplate": "%{source.label} to %{target.label}: %{value:,}<extra></extra>",
        },
    }
    sides = zip(ends, (0, 1), ("left", "right"), strict=True)
    notes = [
        {
            "text": text,
            "x": x,
            "y": 1.02,
            "xref": "paper",
            "yref": "paper",
            "xanchor": anchor,
            "yanchor": "bottom",
            "showarrow": False,
        }
        for text, x, anchor in sides
    ]
    margin = {"l": 4, "r": 4, "t": 28, "b": 12}
    return _figure([trace], {"annotations": notes, "margin": margin}, height=380)


def _heights(moves: Mapping[tuple[str, str], int], names: Sequence[str], side: int) -> list[float]:
    """Middles of the nodes of one side from the top, so that stages stand in their order."""
    sums = [sum(n for pair, n in moves.items() if pair[side] == name) for name in names]
    gap = 0.04
    scale = (1 - gap * (len(names) - 1)) / (sum(sums) or 1)
    middles, above = [], 0.0
    for n in sums:
        middles.append(min(max(above + n * scale / 2, 0.001), 0.999))
        above += n * scale + gap
    return middles


def _stage_colours(order: Sequence[str]) -> list[str]:
    strong = iter(PALETTE[i % len(PALETTE)] for i in (4, 2, 1, 0, 3, 6, 7, 5, *range(len(order))))
    return [QUIET if s in ("none", "new", "gone") else next(strong) for s in order]


def _clear(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.32)"


def _names_axis(names: Sequence[str], length: int) -> Figure:
    # positions instead of categories: two long names may be cut to the same text
    return {
        "type": "linear",
        "tickvals": list(range(len(names))),
        "ticktext": [label(name, length) + "  " for name in names],
        "range": [len(names) - 0.45, -0.55],
        "automargin": True,
        "showgrid": False,
        "zeroline": False,
    }


def _days_axis(days: Sequence[str]) -> Figure:
    """An axis of days; Plotly would name a day several times where they are few."""
    several = sorted(set(days))
    year = " %Y" if len({day[:4] for day in several}) > 1 else ""
    axis: Figure = {"type": "date", "tickformat": f"%d %b{year}"}
    return axis | ({"tickvals": several} if len(several) <= _FEW_DAYS else {"nticks": 7})


def _number_axis() -> Figure:
    return {"tickformat": "~s", "rangemode": "tozero", "automargin": True, "nticks": 6}


def _title(text: str) -> Figure:
    return {"title": {"text": text, "standoff": 8}} if text else {}


def _figure(traces: list[Figure], layout: Figure, *, height: int, legend: bool = False) -> Figure:
    base = {
        "height": height,
        "showlegend": legend,
        "margin": {"l": 8, "r": 12, "t": 40 if legend else 8, "b": 32},
    }
    return {"data": _without_markup(traces), "layout": base | _without_markup(layout)}


def _without_markup(value: Any) -> Any:
    """Escape all texts of a figure but the templates, which are written here."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return {
            key: each if str(key).endswith("template") else _without_markup(each)
            for key, each in value.items()
        }
    return [_without_markup(each) for each in value] if isinstance(value, list | tuple) else value
