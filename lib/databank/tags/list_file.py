"""Lists beside the configuration: files with values for the persons whose identifiers they name.

They hold personal data: their rows are read when tags are built and nowhere else, and no cell of
them is in any message.
"""

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from databank.errors import DataBankError
from databank.tags.cells import EXAMPLES, is_readable

_BLOCK = 1 << 20
# what no column is called: an address, or a number
_LIKE_A_VALUE = re.compile(r"@|\d{5}")


@dataclass(frozen=True)
class ListFile:
    """A list as it was when the configuration was read.

    Attributes:
        path: Where it lies, on the driver's disk.
        columns: 2 = an identifier and a value; 1 = an identifier, whose value is yes.
        digest: Hash of its bytes: another content is another configuration.
        id_type: Type of its identifiers.
        form: How ingest normalises these.
        region: Country of phones without a prefix; '' for other forms.
        scope: Where they are unique; '' = everywhere.
    """

    path: Path = field(repr=False)
    columns: int
    digest: str
    id_type: str
    form: str
    region: str = ""
    scope: str = ""

    @property
    def name(self) -> str:
        """The file, as the configuration names it."""
        return self.path.name


class Row(NamedTuple):
    """A row of a list: the line it begins in, from 1, its identifier as written, and its value
    (None = nothing)."""

    line: int
    identifier: str
    value: str | None


def inspect_list(path: Path) -> tuple[int, str]:
    """Count the columns of a list, and hash its bytes; it is read once, and not kept.

    Raises:
        ValueError: If there is no such file, it is not UTF-8, or has no header or no row:
            `what is wrong; what to write instead`.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    digest, lines, start = hashlib.sha256(), 1, ""
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
                text = decoder.decode(block)
                start = start or text
                lines += text.count("\n")
        decoder.decode(b"", final=True)
    except FileNotFoundError:
        raise ValueError(f"{path.name}: there is no such file; put it beside this one") from None
    except UnicodeDecodeError as error:
        line = lines + error.object[: error.start].count(b"\n")
        raise ValueError(f"{path.name}: line {line} is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise ValueError(f"{path.name}: cannot be read ({error.strerror}); fix it") from None
    try:
        rows = (_cells(row) for row in csv.reader(io.StringIO(start, newline="")))
        header, first = (next((row for row in rows if row), []) for _ in range(2))
    except csv.Error as error:
        raise ValueError(f"{path.name}: its first line: {error}; fix its quotes") from None
    if any(_LIKE_A_VALUE.search(cell) for cell in header):
        raise ValueError(
            f"{path.name}: its first line looks like a row; write the names of the columns into it"
        )
    if len(header) not in (1, 2):
        raise ValueError(
            f"{path.name}: has {len(header)} columns; write the identifier, and the value, "
            "with their names in the first line"
        )
    if not first:
        raise ValueError(f"{path.name}: has no row; fill it in, or remove the tag")
    return len(header), digest.hexdigest()[:16]


def rows_of(file: ListFile, *, tag: str, gives: str) -> Iterator[Row]:
    """Read the rows of a list in their order, header and blank lines left out.

    Args:
        file: The list.
        tag: Named in errors.
        gives: Type of the values.

    Raises:
        DataBankError: If a row has too many cells, or a value of another type; with its line,
            and without what is written there.
    """
    place = f"tag {tag!r}: {file.name}"
    line = 0
    try:
        with file.path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = True
            while True:
                line = reader.line_num + 1
                row = next(reader, None)
                if row is None:
                    return
                cells = _cells(row)
                if not cells or header:
                    header = header and not cells
                    continue
                if len(cells) > file.columns:
                    raise DataBankError(
                        f"{place}, line {line}: has {len(cells)} cells, and the first line "
                        f"{file.columns}; put a text with a comma between quotes"
                    )
                yield Row(line, cells[0], _value(cells, file, gives, f"{place}, line {line}"))
    except csv.Error as error:
        raise DataBankError(f"{place}, line {line}: {error}; fix its quotes") from None
    except (OSError, UnicodeDecodeError):
        raise DataBankError(
            f"{place}: cannot be read any more; put it back as it was, in UTF-8"
        ) from None


def _value(cells: list[str], file: ListFile, gives: str, place: str) -> str | None:
    if file.columns == 1:
        return "true"
    if len(cells) == 1:
        return None
    value = cells[1].strip()
    # not shown: the columns may be the wrong way round
    if not is_readable(value, gives):
        raise DataBankError(
            f"{place}: its value is no {gives}; write {EXAMPLES[gives]}, or another `gives`"
        )
    return value


def _cells(row: list[str]) -> list[str]:
    """Keep the cells up to the last one that is not blank; spreadsheets add empty ones."""
    cells = [cell.strip(" ") for cell in row]  # no more than ingest takes off an identifier
    while cells and not cells[-1].strip():
        cells.pop()
    return cells
