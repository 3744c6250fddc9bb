"""ops.quarantine: rows that were not taken, with the reason and the raw text."""

from pyspark.sql import Column, DataFrame, functions as F

WAITING = "from_the_future"  # rule of rows of a later day than the run's


def quarantine_rows(rows: DataFrame, *, load_id: str) -> DataFrame:
    """Select the rows of ops.quarantine.

    Args:
        rows: source, file, line, rule (null = sound), reason, raw, day.
        load_id: Load that met them.
    """
    columns: list[Column] = [F.lit(load_id).alias("load_id")]
    columns += [F.col(name) for name in ("source", "file", "line", "rule", "reason", "raw")]
    columns.append(F.when(F.col("rule") == WAITING, F.col("day")).alias("waits_for"))
    return rows.where("rule is not null").select(*columns)
