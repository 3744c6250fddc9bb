"""`databank quarantine`: what was not taken, and why; read without Spark."""

from databank.cli.show import Rows
from databank.tables.published_reader import PublishedReader

_TABLE = "ops.quarantine"
_EXAMPLES = 3
# values of records are personal data: they stand in quotes, or are times
_MASKED = """regexp_replace(regexp_replace(reason, '"[^"]*"', '"..."', 'g'),
    '[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+', '...', 'g')"""


def list_quarantine(root: str, source: str | None, *, show_values: bool) -> Rows:
    """Count what is in quarantine by source, rule and reason, with three places of each.

    Raises:
        DataBankError: If there is no bank at the root, or it cannot be read.
    """
    reason = "reason" if show_values else _MASKED
    place = "file || coalesce(' line ' || line::VARCHAR, '')"
    if show_values:
        place += " || ': ' || left(coalesce(raw, ''), 200)"
    columns = (
        "source", "rule", f"{reason} AS why", "count(*)", "min(waits_for)",
        f"list({place} ORDER BY file, line)[1:{_EXAMPLES}]",
    )  # fmt: skip
    where, given = ("source = ?", [source]) if source else ("true", [])
    held = PublishedReader(root).find(_TABLE, columns, f"{where} GROUP BY source, rule, why", given)
    rows: Rows = [
        {
            "source": row[0], "rule": row[1], "reason": row[2], "rows": row[3],
            "waits for": row[4], "examples": "; ".join(row[5]),
        }
        for row in held
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row["source"], -row["rows"], row["rule"]))
