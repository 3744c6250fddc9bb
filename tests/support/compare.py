"""What a warehouse holds, in a form that two warehouses can be compared by."""

from databank.project.catalog import all_tables
from databank.tables import Store

# columns that name the attempt, not what it made
ATTEMPT = {"run_id", "load_id", "tracking_run", "first_load", "modified", "version"}


def content(store: Store) -> dict[str, tuple[int, int]]:
    """Published table -> number of rows, and a hash of them that their order does not change."""
    contents = {}
    for name, spec in all_tables().items():
        if spec.owner == "runner" or not store.is_published(spec):
            continue
        columns = ", ".join(c.name for c in spec.columns if c.name not in ATTEMPT)
        rows = store.read(spec).selectExpr(f"xxhash64(to_json(struct({columns}))) AS h")
        row = rows.selectExpr("count(*) AS n", "sum(cast(h AS decimal(38,0))) AS h").collect()[0]
        contents[name] = (row["n"], int(row["h"] or 0))
    return contents
