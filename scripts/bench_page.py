"""Write what a bench printed into the page of benchmarks, with date, machine and commit."""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import TextIO

import psutil

HERE = Path(__file__).parents[1]
PAGE = HERE / "lib" / "databank" / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Each section is what one command printed, written by its option `--write`. Machines differ and
were shared: ratios within a section mean more than seconds. `databank docs measurements` says which
goals were missed, and why.
"""


class _Tee(StringIO):
    """Keeps what is printed, and prints it."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(text)
        self._stream.flush()
        return super().write(text)


@contextmanager
def written_as(title: str) -> Iterator[None]:
    """Print as usual, and put all of it into the section of a title at the end."""
    stream, tee = sys.stdout, _Tee(sys.stdout)
    sys.stdout = tee
    try:
        yield
    finally:
        sys.stdout = stream
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else HEAD
    PAGE.write_text(with_section(page, title, tee.getvalue()), encoding="utf-8")


def with_section(page: str, title: str, printed: str) -> str:
    """Put a section into a page in the place of the one of its title; sections are sorted."""
    _, *parts = re.split(r"^## ", page, flags=re.MULTILINE)
    sections = {part.partition("\n")[0]: part for part in parts}
    sections[title] = f"{title}\n\n{_circumstances()}\n\n```\n{printed.rstrip()}\n```\n"
    texts = ["## " + sections[name].rstrip() + "\n" for name in sorted(sections)]
    return "\n".join([HEAD, *texts])


def _circumstances() -> str:
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True
    ).stdout.strip()
    memory = psutil.virtual_memory().total / 2**30
    machine = f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"
    python = platform.python_version()
    return f"{datetime.now(UTC):%Y-%m-%d}, {machine}, Python {python}, commit {commit or 'unknown'}"
