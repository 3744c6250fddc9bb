"""What the drawing of a person says: beside its dots, and to those who point at them.

Plotly takes names for markup; here they are shown as they are.
"""

from collections.abc import Iterable, Mapping

from databank.identity.rules import MANUAL_RULE
from databank.reports import format as fmt
from databank.reports.format import plain
from databank.reports.person_graph.parts import Dot, Tie

_LETTERS = 14  # of a name beside its dot
_SHORT = 4  # a longer name gets a line of its own


def label(dot: Dot) -> str:
    """Label a dot by type and name; of a long name by its beginning and end."""
    kept = (_LETTERS - 1) // 2
    long = len(dot.name) > _LETTERS
    name = f"{dot.name[:kept]}…{dot.name[-kept:]}" if long else dot.name
    gap = "<br>" if len(name) > _SHORT else " "
    return f"{plain(fmt.label(dot.id_type))}{gap}{plain(name)}"


def about_dot(dot: Dot, around: Iterable[Tie]) -> str:
    """Describe an identifier and the ties around it."""
    held = [tie for tie in around if not tie.rejected]
    rejected = [tie for tie in around if tie.rejected]
    lines = [f"<b>{_whole(dot)}</b>"]
    if dot.note:
        lines.append(plain(dot.note))
    if held:
        records = fmt.plural(sum(tie.records for tie in held), "record")
        lines.append(f"{fmt.plural(len(held), 'link')}, {records}")
    if rejected:
        lines.append(fmt.plural(len(rejected), "rejected link"))
    if dot.place == "beyond":
        lines += sorted({plain(tie.rejected) for tie in rejected})
    return "<br>".join(lines)


def about_tie(tie: Tie, cut_off: int, named: Mapping[int, Dot]) -> str:
    """Describe a tie; `cut_off` as `find_weak_bridges` counts them, 0 if it is no weak bridge."""
    lines = [" – ".join(_whole(named[key]) for key in (tie.a, tie.b))]  # noqa: RUF001
    if tie.rejected:
        lines.append(f"rejected: {plain(tie.rejected)}")
    if cut_off:
        lines.append(f"weak bridge: without it {fmt.count(cut_off)} identifiers come off")
    if tie.records:
        origin = ", ".join((*tie.sources, *map(_by_rule, tie.rules)))
        lines.append(f"{fmt.plural(tie.records, 'record')} of {plain(origin)}")
    if tie.last is not None:
        lines.append(f"seen together last on {fmt.day(tie.last)}")
    return "<br>".join(lines)


def _by_rule(rule: str) -> str:
    return "by hand" if rule == MANUAL_RULE else f"by {rule}"


def _whole(dot: Dot) -> str:
    return plain(f"{fmt.label(dot.id_type)} {dot.name}")
