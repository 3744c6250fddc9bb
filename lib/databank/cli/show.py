"""Print what read commands found: tables for people, JSON for programs."""

import sys
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from databank.terminal import one_line, printable, printable_json

Rows = list[dict[str, Any]]
# columns whose whole numbers name something, beside those that end in _id
_NAMES_OF = ("person", "and", "takes in", "gives to", "number", "session", "version", "pid")
_TINY = 0.0001  # below it four decimals say nothing


@dataclass(frozen=True)
class TextSection:
    """One answer: a line that says it, and rows below it.

    Attributes:
        title: What people read.
        rows: What it holds.
        section: What programs know it by; it stays the same whatever the title says.
    """

    title: str
    rows: Rows
    section: str = ""


def show_rows(rows: Rows, as_json: bool) -> None:
    """Print rows as a table without lines, or as JSON."""
    if as_json:
        show_json(rows)
        return
    _console().print(_table(rows) if rows else "nothing found")


def show_sections(sections: list[TextSection], as_json: bool) -> None:
    """Print answers one below the other, or all as JSON."""
    if as_json:
        show_json([asdict(section) for section in sections])
        return
    console = _console()
    for number, section in enumerate(sections):
        if number:
            console.print()
        console.print(Text(one_line(section.title), style="bold"))
        if section.rows:
            console.print(_table(section.rows))


def show_page(text: str) -> None:
    """Print Markdown: set for a terminal, as it is into a pipe or a file."""
    if sys.stdout.isatty():
        Console().print(Markdown(text))
    else:
        typer.echo(text, nl=False)


def show_json(value: Any) -> None:
    """Print JSON."""
    typer.echo(printable_json(value))


def _console() -> Console:
    # into a pipe or a file: lines as wide as they are, not those of a terminal of 80;
    # values may hold brackets and colons, which are no markup
    width = None if sys.stdout.isatty() else 180
    return Console(width=width, markup=False, emoji=False, highlight=False)


def _table(rows: Rows) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    # an empty column takes room from the others
    names = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    for name in names:
        is_number = all(isinstance(row[name], int | float | Decimal | None) for row in rows)
        table.add_column(printable(name), overflow="fold", justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(Text(_cell(name, row[name])) for name in names))
    return table


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    names = isinstance(value, int) and (name in _NAMES_OF or name.endswith("_id"))
    return str(value) if names else shown_value(value)


def shown_value(value: Any) -> str:
    """Write a value: amounts with two decimals, shares with up to four, thousands apart."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return printable(value)
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return f"{value:,.0f}"
    size = abs(float(value))
    if 0 < size < _TINY:
        return f"{value:.2g}"
    whole, _, decimals = f"{value:,.{4 if size < 1 else 2}f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}" if decimals else whole
