"""The page: sections as one HTML file that needs no network."""

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from databank.reports.charts import Figure


@dataclass(frozen=True)
class Grid:
    """A table of texts; the first `text_columns` are text, the others numbers.

    `shades` colours cells from 0 (none) to 1 (full), None leaves a cell plain.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: int = 1
    shades: tuple[tuple[float | None, ...], ...] = ()

    def shade(self, row: int, column: int) -> float | None:
        """Look up the colour of a cell."""
        return self.shades[row][column] if self.shades else None

    def without_empty_columns(self) -> "Grid":
        """Leave out columns in which no row has anything: a heading above nothing is a riddle."""
        kept = [n for n in range(len(self.head)) if n == 0 or any(row[n] for row in self.rows)]
        return Grid(
            tuple(self.head[n] for n in kept),
            tuple(tuple(row[n] for n in kept) for row in self.rows),
            sum(n < self.text_columns for n in kept),
            tuple(tuple(row[n] for n in kept) for row in self.shades),
        )


@dataclass(frozen=True)
class Panel:
    """One picture or table under a title, with a summary in one or two sentences.

    `folded` hides a table until it is asked for.
    """

    title: str
    summary: str
    figure: Figure | None = None
    grid: Grid | None = None
    wide: bool = False
    folded: bool = False


@dataclass(frozen=True)
class Tile:
    """One large figure, and how it compares with an earlier one."""

    name: str
    value: str
    change: str = ""


@dataclass(frozen=True)
class Section:
    """A drawn part of the page; `missing` gives the reason if there is nothing to show.

    `technical` sections are for those who run the bank: the page shows them folded.
    """

    key: str
    title: str
    summary: str
    tiles: tuple[Tile, ...] = ()
    panels: tuple[Panel, ...] = ()
    missing: str = ""
    technical: bool = False


def render(title: str, day: date, lead: str, sections: list[Section]) -> str:
    """Render a report as HTML with scripts and styles inside."""
    template = _environment().get_template("page.html.j2")
    return template.render(
        title=title, day=day, lead=lead, sections=sections, plotly=Markup(_bundle())
    )


@cache
def _bundle() -> str:
    script = files("plotly") / "package_data" / "plotly.min.js"
    return script.read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("databank.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["script"] = _script
    environment.filters["breakable"] = _breakable
    return environment


def _breakable(name: str) -> Markup:
    """Let a name break after an underscore."""
    return Markup("_<wbr>").join(name.split("_"))


def _script(value: Any) -> Markup:
    """Write JSON for a script element: nothing in it may close the element."""
    text = json.dumps(value, separators=(",", ":"), default=str, ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c"))
