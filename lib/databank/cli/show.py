"""Print what read commands found: tables for people, JSON for programs."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class TextSection:
    """One answer: a line that says it, and rows below it."""

    title: str
    rows: Rows


def show_rows(rows: Rows, as_json: bool) -> None:
    """Print rows as a table without lines, or as JSON."""
    if as_json:
        _print_json(rows)
        return
    _console().print(_table(rows) if rows else "nothing found")


def show_sections(sections: list[TextSection], as_json: bool) -> None:
    """Print answers one below the other, or all as JSON."""
    if as_json:
        _print_json([asdict(section) for section in sections])
        return
    console = _console()
    for number, section in enumerate(sections):
        if number:
            console.print()
        console.print(section.title, style="bold")
        if section.rows:
            console.print(_table(section.rows))


def show_page(text: str) -> None:
    """Print Markdown: set for a terminal, as it is into a pipe or a file."""
    if sys.stdout.isatty():
        Console().print(Markdown(text))
    else:
        typer.echo(text, nl=False)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, default=str, ensure_ascii=False, indent=1))


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
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*("" if row[name] is None else str(row[name]) for name in names))
    return table
