"""Tables that the runner writes for every job."""

from datetime import date
from typing import NamedTuple

from databank.tables.spec import Column, TableSpec

RUNNER = "runner"  # owner of the ledgers: they are never published, their newest state counts


class Publication(NamedTuple):
    """One row of ops.publish: a version of a table that readers see from then on."""

    job: str
    day: date
    run_id: str
    table: str
    version: int
    seq: int


PUBLISH = TableSpec(
    name="ops.publish",
    grain="one row per table that a run published",
    owner="runner",
    columns=(
        Column("job", "string", "job that published"),
        Column("day", "date", "run day"),
        Column("run_id", "string", "run that published"),
        Column("table", "string", "schema.table"),
        Column("version", "bigint", "Delta version that readers see"),
        Column("seq", "bigint", "order of publishing; the highest of a table counts"),
    ),
)

RUN = TableSpec(
    name="ops.run",
    grain="one row per run of a job, or of a part of it",
    owner="runner",
    columns=(
        Column("run_id", "string", "unique id of the run"),
        Column("job", "string", "job name"),
        Column("nodes", "array<string>", "tags, models, audiences of this part; empty = all"),
        Column("day", "date", "run day"),
        Column("outcome", "string", "done | refused | failed | error | previewed | rolled back"),
        Column("message", "string", "what the operator was told, null when done"),
        Column("config_hash", "string", "hash of what changes data in the configuration"),
        Column("logic_version", "int", "version of the logic of the job"),
        Column("read", "map<string,bigint>", "table -> version read, -1 = not published"),
        Column("written", "map<string,bigint>", "table -> version written"),
        Column("rows", "map<string,bigint>", "table -> rows written"),
        Column("started", "timestamp", "UTC"),
        Column("seconds", "double", "wall clock"),
    ),
)

METRIC = TableSpec(
    name="ops.metric",
    grain="one row per measured figure of a run",
    owner="runner",
    columns=(
        Column("run_id", "string", "run that measured"),
        Column("job", "string", "job name"),
        Column("day", "date", "run day"),
        Column("name", "string", "figure"),
        Column("labels", "map<string,string>", "what the figure is about"),
        Column("value", "double", "the figure"),
    ),
)
