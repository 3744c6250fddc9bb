"""Compare two banks table by table, row by row, to prove that a change changed no result.

python scripts/compare_banks.py OLD_ROOT NEW_ROOT [--renames FILE.yml]

Both are read at their published versions. The file of renames may say what has another name in the
new bank:

    tables: {identity.old: identity.new}
    columns: {identity.new: {old_column: new_column}}
    values: {identity.new.rule: {old value: new value}}
    ignore: {identity.new: [column]}

Ids of runs and loads are left out. Exit code 1 if any row differs.
"""

import sys
from pathlib import Path
from typing import Any

import duckdb
import typer
import yaml
from deltalake import DeltaTable

from databank.tables.outside import published_versions

# made anew by each run
VOLATILE = frozenset({"run_id", "load_id", "loaded_ts"})


def main(old_root: str, new_root: str, renames: Path | None = None) -> None:
    """Print a line per table, and end with 1 where rows differ."""
    given: dict[str, Any] = yaml.safe_load(renames.read_text()) if renames else {}
    names = given.get("tables", {})
    old = {names.get(table, table): table for table in published_versions(old_root)}
    new = set(published_versions(new_root))
    differing = 0
    for table in sorted(new | old.keys()):
        if table not in new or table not in old:
            where = "old" if table in old else "new"
            print(f"{table:<32} only in the {where} bank")
            continue
        db = duckdb.connect()
        columns = given.get("columns", {}).get(table, {})
        left = open_table(db, "old", old_root, old[table], columns)
        right = open_table(db, "new", new_root, table, {})
        ignored = VOLATILE | set(given.get("ignore", {}).get(table, []))
        shared = [name for name in right if name in left and name not in ignored]
        values = given.get("values", {})
        before = select("old", shared, table, values)
        after = select("new", shared, table, {})
        counts = db.execute(
            f"SELECT (SELECT count(*) FROM old), (SELECT count(*) FROM new), "
            f"(SELECT count(*) FROM ({before} EXCEPT ALL {after})), "
            f"(SELECT count(*) FROM ({after} EXCEPT ALL {before}))"
        ).fetchone()
        assert counts is not None
        unshared = sorted((set(left) ^ set(right)) - ignored)
        note = f"  not compared: {', '.join(unshared)}" if unshared else ""
        verdict = "same" if counts[2:] == (0, 0) else f"{counts[2]} gone, {counts[3]} come"
        differing += verdict != "same"
        print(f"{table:<32} {counts[0]:>10,} {counts[1]:>10,}  {verdict}{note}")
    sys.exit(1 if differing else 0)


def open_table(
    db: duckdb.DuckDBPyConnection, view: str, root: str, table: str, renamed: dict[str, str]
) -> list[str]:
    """Register the published version of a table as a view; return its columns."""
    held = DeltaTable(f"{root}/{table.replace('.', '/')}", version=published_versions(root)[table])
    rows = held.to_pyarrow_table()
    rows = rows.rename_columns([renamed.get(name, name) for name in rows.column_names])
    db.register(view, rows)
    return list(rows.column_names)


def select(view: str, columns: list[str], table: str, values: dict[str, dict[str, str]]) -> str:
    """Select columns as text, old values by their new names."""
    parts = []
    for name in columns:
        text = f'CAST("{name}" AS VARCHAR)'
        for before, after in values.get(f"{table}.{name}", {}).items():
            text = f"CASE WHEN {text} = {_quoted(before)} THEN {_quoted(after)} ELSE {text} END"
        parts.append(f'{text} AS "{name}"')
    return f"SELECT {', '.join(parts)} FROM {view}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    typer.run(main)
