"""What a table is: name, grain, columns with comments, key, personal data, retention, owner."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType


_SKIPPED_BY = ("bigint", "int", "date", "timestamp")


@dataclass(frozen=True)
class Column:
    """One column; `pii` marks personal data, which never leaves the bank by name.

    A hash of an identifier is marked, too: whoever tries all phone numbers finds the one.
    """

    name: str
    type: str
    comment: str
    pii: bool = False
    nullable: bool = True


@dataclass(frozen=True)
class TableSpec:
    """The contract of one table.

    Attributes:
        name: `<schema>.<table>`; stored under `<root>/<schema>/<table>`.
        grain: What one row is, in one sentence.
        columns: In the order they are stored.
        key: Columns that identify a row; empty where rows are facts without one.
        open_key: Columns of the key in which null is a value like any other.
        cluster_by: Columns that most queries filter by (liquid clustering).
        change_feed: Whether later jobs ask what changed since they last looked.
        retention_days: Days up to the run day whose rows stay, by the column `day`; the runner
            removes older ones. None keeps rows for ever.
        owner: The job that writes the table; nobody else does.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    owner: str
    key: tuple[str, ...] = ()
    open_key: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    change_feed: bool = False
    retention_days: int | None = None

    def __post_init__(self) -> None:
        names = {column.name for column in self.columns}
        unknown = (set(self.key) | set(self.cluster_by)) - names
        unknown |= set(self.open_key) - set(self.key)
        if unknown or self.name.count(".") != 1:
            raise ValueError(f"table {self.name}: unknown key or clustering columns {unknown}")
        if set(self.pii) & set(self.cluster_by):
            raise ValueError(f"table {self.name}: clustered by personal data, which its log keeps")
        if self.retention_days is not None:
            self._check_retention(self.retention_days)

    def _check_retention(self, days: int) -> None:
        if days < 1:
            raise ValueError(f"table {self.name}: retention_days is {days}; at least 1")
        if ("day", "date") not in {(column.name, column.type) for column in self.columns}:
            raise ValueError(f"table {self.name}: retention_days needs a column `day` of type date")

    @property
    def pii(self) -> tuple[str, ...]:
        """Give the names of the columns that hold personal data."""
        return tuple(column.name for column in self.columns if column.pii)

    @property
    def statistics(self) -> tuple[str, ...]:
        """Give the columns whose smallest and largest values Delta's log may keep, per file.

        Queries skip files by them. They are days, numbers and what the table is clustered by, and
        never personal data: a log outlives the rows.
        """
        return tuple(
            column.name
            for column in self.columns
            if column.name in self.cluster_by or (not column.pii and column.type in _SKIPPED_BY)
        )

    def schema(self) -> "StructType":
        """Build the Spark schema, comments included; needs a running session to read the types."""
        # whoever lists tables starts no Spark
        from pyspark.sql.types import StructField, StructType

        return StructType(
            [
                StructField(
                    column.name,
                    _spark_type(column.type),
                    column.nullable,
                    {"comment": column.comment},
                )
                for column in self.columns
            ]
        )


@cache
def _spark_type(text: str) -> "DataType":
    """Read a type once; Spark's parser, in another process, takes milliseconds."""
    from pyspark.sql.types import DataType

    return DataType.fromDDL(text)


def name_of(table: TableSpec | str) -> str:
    """`schema.table` of a table."""
    return table if isinstance(table, str) else table.name
