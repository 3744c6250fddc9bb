"""Questions to published tables that are answered without Spark, by DuckDB over Delta's files."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from databank.errors import DamagedTableError, DataBankError
from databank.tables.damage import damage_in
from databank.tables.outside import (
    first_line,
    is_elsewhere,
    local_files,
    refuse_closed,
    require_bank,
)

_PUBLISH = "ops.publish"
# written by the runner and never published: their newest state counts
_LEDGERS = ("ops.run", "ops.metric")


class PublishedReader:
    """The published tables of one warehouse, for questions that few rows answer.

    Args:
        root: The warehouse.

    Raises:
        DataBankError: If there is no bank at the root, or it cannot be read.
        DamagedTableError: If ops.publish is gone, or its files are.
    """

    def __init__(self, root: str) -> None:
        require_bank(root)
        self._root = root
        # it would ask the network for what it misses
        self._db = duckdb.connect(
            config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )
        self._versions: dict[str, int] = {}
        self._relations = {_PUBLISH: self._opened(_PUBLISH, None)}
        if self._relations[_PUBLISH] is None:
            self._refuse_lost_ledger()
        newest = ('"table"', "max_by(version, seq)")
        self._versions = dict(self.find(_PUBLISH, newest, 'true GROUP BY "table"'))

    def find(
        self, table: str, columns: Sequence[str], where: str, given: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Find rows of a table for which a condition holds, in the order of all their columns.

        No rows where the table has not been published. Of what the runner writes for every job
        (ops.run, ops.metric) the newest rows are seen.

        Args:
            table: schema.table.
            columns: What to give, as SQL; of a timestamp epoch_us(it), for DuckDB's own time zones
                are an extension.
            where: DuckDB's SQL, with a ? for each of `given`.
            given: Values.
        """
        relation = self._relation(table)
        if relation is None:
            return []
        query = f"SELECT {', '.join(columns)} FROM {relation} WHERE {where} ORDER BY ALL"
        return self._rows(table, query, given)

    def on_days(
        self,
        table: str,
        columns: Sequence[str],
        where: str,
        given: Sequence[Any] = (),
        *,
        first: date,
        last: date,
    ) -> list[tuple[Any, ...]]:
        """Find rows of some days in a table with a column `day`; other files are not read."""
        version = self._versions.get(table)
        relation = None if version is None else self._opened(table, version, (first, last))
        if relation is None:
            return []
        query = f"SELECT {', '.join(columns)} FROM {relation} WHERE day BETWEEN ? AND ?"
        return self._rows(table, f"{query} AND ({where}) ORDER BY ALL", [first, last, *given])

    def by_keys(
        self, table: str, columns: Sequence[str], key: str, keys: Sequence[int]
    ) -> list[tuple[Any, ...]]:
        """Find rows by their keys; a join reads the other columns of those rows alone."""
        relation = self._relation(table)
        if relation is None or not keys:
            return []
        wanted = f"(SELECT unnest([{', '.join(map(str, keys))}]::BIGINT[]) AS _key)"
        query = f"SELECT {', '.join(columns)} FROM {relation} JOIN {wanted} ON {key} = _key"
        return self._rows(table, f"{query} ORDER BY ALL")

    def _rows(self, table: str, query: str, given: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(query, list(given)).fetchall()
        except duckdb.BinderException as error:
            raise DataBankError(
                f"{table}: was written by an older databank ({first_line(error)}); run the job "
                "that writes it again"
            ) from error
        except duckdb.Error as error:
            if damage := damage_in(error):
                raise damage from None
            if not isinstance(error, duckdb.IOException):
                raise
            raise DamagedTableError(table, self._path(table), first_line(error)) from None

    def _relation(self, table: str) -> str | None:
        if table not in self._relations:
            version = self._versions.get(table)
            seen = version is not None or table in _LEDGERS
            self._relations[table] = self._opened(table, version) if seen else None
        return self._relations[table]

    def _refuse_lost_ledger(self) -> None:
        if self.find("ops.run", ("run_id",), "cardinality(written) > 0"):
            reason = "nothing lies there, and ops.run tells of runs that published"
            raise DamagedTableError(_PUBLISH, self._path(_PUBLISH), reason)

    def _path(self, table: str) -> str:
        return f"{self._root}/{table.replace('.', '/')}"

    def _opened(
        self, table: str, version: int | None, days: tuple[date, date] | None = None
    ) -> str | None:
        """Open a version of the table, or the newest, to select from; None if it has no rows.

        With days, first and last, the files that may hold any; of an object store Arrow chooses
        them in the query.
        """
        try:
            held = DeltaTable(self._path(table), version=version)
        except TableNotFoundError as error:
            refuse_closed(self._root, table, error)
            if version is None:
                return None
            raise DamagedTableError(
                table, self._path(table), f"nothing lies there, and version {version} is published"
            ) from None
        except (DeltaError, OSError) as error:
            refuse_closed(self._root, table, error)
            raise DamagedTableError(table, self._path(table), first_line(error)) from None
        if is_elsewhere(self._root):
            name = table.replace(".", "_")
            self._db.register(name, held.to_pyarrow_dataset())
            return name
        # DuckDB's own reader of Parquet is several times as fast as a dataset of Arrow
        uris = held.file_uris() if days is None else _files_of(held, self._path(table), *days)
        files = ", ".join("'" + path.replace("'", "''") + "'" for path in local_files(uris))
        return f"read_parquet([{files}], union_by_name = true)" if files else None


def _files_of(held: DeltaTable, path: str, first: date, last: date) -> list[str]:
    """List files of a table that may hold rows of some days, by what Delta's log knows of each."""
    files = pa.table(held.get_add_actions(flatten=True)).to_pylist()
    least, most = "min.day", "max.day"
    # a file that the log tells nothing of may hold them
    return [
        f"{path}/{file['path']}"
        for file in files
        if (file.get(least) or first) <= last and first <= (file.get(most) or last)
    ]
