"""Draw the graph of one person: what was seen with what, and what hangs on a single link."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from databank.identity.bridges import find_bridges
from databank.reports import format as fmt
from databank.reports.charts import PALETTE, QUIET, Figure
from databank.reports.person_graph.captions import about_dot, about_tie, label
from databank.reports.person_graph.layout import Places, place_dots
from databank.reports.person_graph.parts import Dot, Pair, Tie

MOST_BEYOND = 40  # identifiers drawn that are not the person's
_LABELLED = 24  # names of more would cover each other
_FEW = 80  # more get small dots and thin lines
_SEEN, _WEAK = "#8d99a6", "#c8321f"
_SHAPES = ("circle", "square", "diamond", "triangle-up")
_RECORDS = (1, 2, 10, 100)  # a wider line begins with each of these


class _Line(NamedTuple):
    """How a tie is drawn."""

    name: str
    colour: str
    width: float
    dash: str


@dataclass(frozen=True)
class _Scene:
    """What is drawn, and where."""

    dots: Sequence[Dot]
    ties: Sequence[Tie]
    at: Places
    weak_bridges: dict[Pair, int]

    @property
    def few(self) -> bool:
        return len(self.dots) <= _FEW

    @property
    def labelled(self) -> bool:
        return len(self.dots) <= _LABELLED

    @cached_property
    def around(self) -> dict[int, list[Tie]]:
        """Group the ties by the key of each end."""
        by_key: dict[int, list[Tie]] = {dot.key: [] for dot in self.dots}
        for tie in self.ties:
            by_key[tie.a].append(tie)
            by_key[tie.b].append(tie)
        return by_key

    @cached_property
    def sides(self) -> dict[int, str]:
        """Choose for each dot the side of its name: where fewer lines are, else in turns."""
        turns = ("top center", "bottom center")
        sides = {}
        for turn, key in enumerate(sorted(self.at, key=lambda key: (self.at[key], key))):
            ends = [end for tie in self.around[key] for end in (tie.a, tie.b)]
            slope = sum(self.at[end][1] - self.at[key][1] for end in ends)
            sides[key] = turns[turn % 2] if abs(slope) < 0.1 else turns[slope > 0]
        return sides


def draw_graph(dots: Iterable[Dot], ties: Iterable[Tie]) -> Figure:
    """Draw one person: a dot for each identifier in the colour of its type, a line for each pair.

    Lines are wider for more records. Weak bridges, which alone hold two groups of two identifiers
    or more together, stand out; rejected links are dashed, and what they lead to is grey; hollow is
    what the person does not hold today. The same rows in any order give the same drawing.

    Args:
        dots: The identifiers, one at least.
        ties: What ties them; both ends are among the dots.
    """
    known = sorted(dots)
    shown, kept = _nearest(known, sorted(ties))
    at = place_dots([dot.key for dot in shown], [(tie.a, tie.b) for tie in kept])
    scene = _Scene(shown, kept, at, find_weak_bridges(kept))
    layout = {
        "height": 300 if len(shown) < 8 else 440 if scene.labelled else 560,
        "showlegend": True,
        "margin": {"l": 24, "r": 24, "t": 40, "b": 16},
        "xaxis": _axis([x for x, _ in at.values()], 0.1 if scene.labelled else 0.03),
        "yaxis": _axis([y for _, y in at.values()], 0.18 if scene.labelled else 0.03),
    }
    traces = [*_lines(scene), _middles(scene), *_dots(scene, left_out=len(known) - len(shown))]
    return {"data": traces, "layout": layout}


def find_weak_bridges(ties: Iterable[Tie]) -> dict[Pair, int]:
    """Count for each weak bridge how many identifiers would come off without it."""
    pairs = [(tie.a, tie.b) for tie in ties if not tie.rejected]
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    _, smaller = find_bridges(ends[:, 0], ends[:, 1])
    return {pair: int(n) for pair, n in zip(pairs, smaller, strict=True) if n > 1}


def _nearest(dots: Sequence[Dot], ties: Sequence[Tie]) -> tuple[list[Dot], list[Tie]]:
    """Keep all that is the person's, and of the rest what was seen with it most often."""
    records: dict[int, int] = defaultdict(int)
    for tie in ties:
        records[tie.a] += tie.records
        records[tie.b] += tie.records
    beyond = [dot for dot in dots if dot.place == "beyond"]
    beyond.sort(key=lambda dot: (-records[dot.key], dot.key))
    left_out = {dot.key for dot in beyond[MOST_BEYOND:]}
    return (
        [dot for dot in dots if dot.key not in left_out],
        [tie for tie in ties if not left_out & {tie.a, tie.b}],
    )


def _axis(values: Sequence[float], share: float) -> Figure:
    """Span all values, with room on both sides for the names of the outermost dots."""
    room = share * (max(values) - min(values)) + 0.2
    return {"visible": False, "range": [min(values) - room, max(values) + room]}


def _line(tie: Tie, scene: _Scene) -> _Line:
    if tie.rejected:
        return _Line("rejected", QUIET, 1.5, "dash")
    wider = sum(tie.records >= begin for begin in _RECORDS) * (1 if scene.few else 0.4)
    if (tie.a, tie.b) in scene.weak_bridges:
        return _Line("weak bridge", _WEAK, 1.5 + wider, "solid")
    return _Line("seen together", _SEEN, 0.2 + wider, "solid")


def _lines(scene: _Scene) -> list[Figure]:
    """Draw one trace for each style, as a trace has one width; weak bridges come last, on top."""
    styled: dict[_Line, list[Tie]] = defaultdict(list)
    for tie in scene.ties:
        styled[_line(tie, scene)].append(tie)
    order = ("rejected", "seen together", "weak bridge")
    traces: list[Figure] = []
    for line in sorted(styled, key=lambda line: (order.index(line.name), -line.width)):
        ends = [(scene.at[tie.a], scene.at[tie.b]) for tie in styled[line]]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": line.name,
                "legendgroup": line.name,
                "showlegend": line.name not in [trace["name"] for trace in traces],
                "x": [x for a, b in ends for x in (a[0], b[0], None)],
                "y": [y for a, b in ends for y in (a[1], b[1], None)],
                "line": {"color": line.colour, "width": line.width, "dash": line.dash},
                "hoverinfo": "skip",
            }
        )
    return traces


def _middles(scene: _Scene) -> Figure:
    """Draw what a reader points at to learn about a line, as a line answers only at its ends."""
    named = {dot.key: dot for dot in scene.dots}
    ends = [(scene.at[tie.a], scene.at[tie.b]) for tie in scene.ties]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [round((a[0] + b[0]) / 2, 3) for a, b in ends],
        "y": [round((a[1] + b[1]) / 2, 3) for a, b in ends],
        "marker": {"size": 14, "opacity": 0},
        "hovertext": [
            about_tie(tie, scene.weak_bridges.get((tie.a, tie.b), 0), named) for tie in scene.ties
        ],
        "hoverinfo": "text",
        "hoverlabel": {"align": "left"},
        "showlegend": False,
    }


def _dots(scene: _Scene, *, left_out: int) -> list[Figure]:
    """Draw one trace for each type, then one of what is not the person's."""
    of_type: dict[str, list[Dot]] = defaultdict(list)
    for dot in scene.dots:
        if dot.place != "beyond":
            of_type[dot.id_type].append(dot)
    traces = [
        _marks(
            fmt.plain(fmt.label(kind)),
            of_type[kind],
            scene,
            colour=PALETTE[i % len(PALETTE)],
            shape=_SHAPES[i // len(PALETTE) % len(_SHAPES)],
        )
        for i, kind in enumerate(sorted(of_type))
    ]
    beyond = [dot for dot in scene.dots if dot.place == "beyond"]
    if beyond:
        more = f" ({len(beyond)} of {fmt.count(len(beyond) + left_out)})" if left_out else ""
        name = f"not this person's{more}"
        traces.append(_marks(name, beyond, scene, colour=QUIET, shape="circle"))
    return traces


def _marks(name: str, dots: Sequence[Dot], scene: _Scene, *, colour: str, shape: str) -> Figure:
    texts = {
        "mode": "markers+text",
        "text": [label(dot) for dot in dots],
        "textposition": [scene.sides[dot.key] for dot in dots],
        "cliponaxis": False,
    }
    return {
        "type": "scatter",
        **(texts if scene.labelled else {"mode": "markers"}),
        "name": name,
        "x": [scene.at[dot.key][0] for dot in dots],
        "y": [scene.at[dot.key][1] for dot in dots],
        "marker": {
            "color": colour,
            "size": 16 if scene.labelled else 12 if scene.few else 8,
            "symbol": [shape if dot.place == "held" else f"{shape}-open" for dot in dots],
            "line": {"width": 2 if scene.few else 1, "color": "#ffffff"},
        },
        "hovertext": [about_dot(dot, scene.around[dot.key]) for dot in dots],
        "hoverinfo": "text",
        "hoverlabel": {"align": "left"},
    }
