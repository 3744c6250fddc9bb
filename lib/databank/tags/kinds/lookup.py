"""Lookups: a value of one tag becomes that of another, by a small table."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from databank.archive.config import TagType
from databank.config import Name
from databank.expressions import Expression, parse_expression
from databank.tags.base import Surroundings, TagBase, TagFaultError
from databank.tags.cells import EXAMPLES, is_readable
from databank.tags.columns import SPARK_TYPES, F, never_null

if TYPE_CHECKING:
    from pyspark.sql import Column

# each value is compared with all of them, in the plan itself
MOST_ROWS = 5_000
CsvFile = Annotated[str, Field(pattern=r"^[\w.-]+\.csv$")]
GivenType = Annotated[TagType, Field(description="Type of the value; default: text")]


class LookupTag(TagBase):
    """What a small table has for the value of another tag."""

    example: ClassVar[str] = "of: city, table: city_tier.csv"
    if_empty: ClassVar[str] = "no value of the tag it looks up is in its table"

    kind: Literal["lookup"]
    of: Name = Field(description="Tag whose value is looked up; a text")
    table: CsvFile | None = Field(
        default=None, description="File beside this one with two columns: a value, what it becomes"
    )
    values: dict[str, str] = Field(
        default_factory=dict, description="The table itself, in place of a file"
    )
    gives: GivenType = "text"

    @model_validator(mode="after")
    def _has_one_table(self) -> Self:
        if bool(self.values) == bool(self.table):
            raise ValueError(f"tag {self.name!r}: write either `values` or `table`")
        _refuse_unreadable(self.values, self.gives)
        return self

    @property
    def type(self) -> TagType:
        """As `gives` says."""
        return self.gives

    @property
    def possible_values(self) -> frozenset[str] | None:
        """What its table gives."""
        return frozenset(self.values.values()) if self.gives == "text" else None

    @cached_property
    def expressions(self) -> tuple[Expression, ...]:
        """The name of the other tag."""
        return (parse_expression(self.of),)

    def completed(self, folder: Path, around: Surroundings) -> Self:
        """Read the file."""
        if self.table is None:
            return self
        try:
            values = read_lookup(folder / self.table)
            _refuse_unreadable(values, self.gives)
        except ValueError as error:
            raise TagFaultError("table", error) from None
        return self.model_copy(update={"values": values})

    def check(self, around: Surroundings) -> Iterator[TagFaultError]:
        """The other tag has to be a text; an unknown one is noted as a reference."""
        kind = around.types.get(self.of)
        if kind not in (None, "text"):
            yield TagFaultError(
                "of",
                f"tag {self.name!r} looks up {self.of}, which is a {kind}; "
                "name a tag that is a text",
            )

    def column(self, aggregates: Sequence[Any] = ()) -> Column:
        """Look the value up; one that the table lacks, or that is of another type, is unknown."""
        pairs = [F.lit(each) for pair in sorted(self.values.items()) for each in pair]
        value = F.try_element_at(F.create_map(*pairs), F.col(self.of))
        return never_null(value.try_cast(SPARK_TYPES[self.type]), self.type)

    @property
    def definition(self) -> str:
        """Name the table and the other tag."""
        return f"what {self.table or 'a table'} of {len(self.values)} values has for {self.of}"


def _refuse_unreadable(values: dict[str, str], gives: str) -> None:
    """Raise if a value is not of the type that the tag gives.

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    for key, value in values.items():
        if not is_readable(value, gives):
            raise ValueError(
                f"{value!r} of {key!r} is no {gives}; write {EXAMPLES[gives]}, or another `gives`"
            )


def read_lookup(path: Path) -> dict[str, str]:
    """Read a CSV file of two columns with a header: value -> what it becomes.

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    try:
        # utf-8-sig: spreadsheets write a mark before the first name
        with path.open(encoding="utf-8-sig", newline="") as lines:
            header, *rows = [row for row in csv.reader(lines) if row] or [[]]
    except FileNotFoundError:
        raise ValueError(f"{path.name}: there is no such file; put it beside this one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: cannot be read ({error}); save it as UTF-8") from None
    if len(header) != 2:
        raise ValueError(
            f"{path.name}: has {len(header)} columns; write two, with their names in the first line"
        )
    if not 1 <= len(rows) <= MOST_ROWS:
        raise ValueError(
            f"{path.name}: has {len(rows):,} rows; write 1 to {MOST_ROWS:,}, or make it a source"
        )
    values: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        key, value = (cell.strip() for cell in (*row, "")[:2])
        if len(row) != 2 or not key or not value:
            raise ValueError(f"{path.name}: row {number} has not two values; correct it")
        if values.get(key, value) != value:
            raise ValueError(f"{path.name}: {key!r} is there twice, as row {number}; leave one")
        values[key] = value
    return values
