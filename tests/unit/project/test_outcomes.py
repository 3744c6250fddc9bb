"""Every outcome that a run can have is written, and every reader of the ledgers can read it."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from databank.cli.main import exit_code
from databank.config import Settings
from databank.errors import DataBankError, GateRefusedError
from databank.models.tables import TRAINING
from databank.reports.sections import quality
from databank.reports.sections.models import ModelCard, _model_table
from databank.runs import Context, Job, Progress, Runner, StepResult
from databank.runs.rollback import roll_back
from databank.tables.ops import RUN
from tests.support.plain_store import ListLedger, PlainStore
from tests.unit.runs.world import FIRST, JOB, MADE, SECOND

# what the table of runs says that there is
OUTCOMES = next(c.comment for c in RUN.columns if c.name == "outcome").split(" | ")
OF_MODELS = next(c.comment for c in TRAINING.columns if c.name == "outcome").split(" | ")


def test_runs_write_each_outcome_and_no_other(tmp_path: Path) -> None:
    store, ledger, quiet = PlainStore(tmp_path), ListLedger(), Progress(quiet=True)

    def run(job: Job, config: object, day: date, *, preview: bool = False) -> None:
        runner = Runner(store, Settings(), ledger=ledger, progress=quiet)
        runner.run(job, config, day=day, config_hash=str(config), preview=preview)

    def fail(context: Context, config: Exception) -> StepResult:
        raise config

    run(JOB, 1, FIRST)
    run(JOB, 2, SECOND)
    run(JOB, 3, SECOND, preview=True)
    roll_back(store, Settings(), JOB, to=FIRST, ledger=ledger, progress=quiet)
    failing = Job("fail", fail, (MADE,))
    run(failing, GateRefusedError("no"), SECOND)
    run(failing, DataBankError("no"), SECOND)
    with pytest.raises(KeyError):
        run(failing, KeyError("bug"), SECOND)
    assert {record.outcome for record in ledger.records} == set(OUTCOMES)


def test_databank_runs_lists_each_outcome(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = len(OUTCOMES)
    written = pa.array([[("core.made", 7)]] * count, pa.map_(pa.string(), pa.int64()))
    rows = {
        "run_id": [f"r{n}" for n in range(count)],
        "job": ["make"] * count,
        "nodes": [[]] * count,
        "day": [FIRST] * count,
        "outcome": OUTCOMES,
        # of a run that was done, and of a bug, nothing is said
        "message": pa.array([None] * count, pa.string()),
        "rows": written,
        "started": [datetime(2026, 1, 29, n, tzinfo=UTC) for n in range(count)],
        "seconds": [1.5] * count,
    }
    rows["nodes"] = pa.array([[]] * count, pa.list_(pa.string()))
    write_deltalake(str(tmp_path / "ops/run"), pa.table(rows))
    for options in ([], ["--json"]):
        assert exit_code(["runs", "--root", str(tmp_path), *options]) == 0
        printed = capsys.readouterr().out
        assert all(outcome in printed for outcome in OUTCOMES)
    assert [row["outcome"] for row in json.loads(printed)] == OUTCOMES[::-1]


def test_the_report_words_each_outcome_that_it_shows() -> None:
    shown = [outcome for outcome in OUTCOMES if outcome in quality._WORST]
    # a preview and a rollback are no runs of the day
    assert set(OUTCOMES) - set(shown) == {"previewed", "rolled back"}
    rows = [
        {"job": outcome, "outcome": outcome, "seconds": 1.0, "rows": None} for outcome in OUTCOMES
    ]
    runs = quality._job_runs([row for row in rows if row["outcome"] in shown])
    [panel] = quality._jobs(runs)
    for word in ("refused was refused by a gate", "failed failed", "error was stopped by a bug"):
        assert word in panel.summary


@pytest.mark.parametrize("outcome", OF_MODELS)
def test_the_report_tells_what_became_of_a_model(outcome: str) -> None:
    card = ModelCard(
        model="churn", version=1, trained=FIRST, outcome=outcome, algorithm="tree", holdout=10,
        base_rate=0.1, auc=0.7, calibration_error=0.1, scored=0, bands=(),
    )  # fmt: skip
    grid = _model_table((card,), {}).grid
    assert grid is not None
    state = grid.rows[0][2]
    wanted = {"champion": "champion", "refused": "refused by the gate", "rolled back": outcome}
    assert state == wanted[outcome]
