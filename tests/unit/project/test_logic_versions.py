"""A change of a job's results needs a new version of its logic.

All jobs that write tables run on a small fixed bank, kept in memory. What each wrote must be
what logic_versions.json says of the version of its logic.
"""

import json
import os
import shutil
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.hashing import fingerprint
from databank.project.catalog import all_tables
from databank.project.jobs import JOBS, config_hash, job_config, load_job
from databank.project.load import load_project
from databank.project.plan import plan_all
from databank.runs import Progress, Runner
from tests.support.compare import content
from tests.support.memory_store import MemoryStore
from tests.support.plain_store import ListLedger

BANK = Path(__file__).parents[2] / "support" / "fixed_bank"
COMMITTED = Path(__file__).parent / "logic_versions.json"
WRITE = "DATABANK_WRITE_LOGIC_VERSIONS"
DAY = date(2026, 1, 31)
# they train models, or draw a page: their own tests say what they must give
WITHOUT = {"link_profiles", "train_model", "score_model", "expand_lookalike", "publish_report"}

Digest = dict[str, str | int]
Digests = dict[str, Digest]

needs_digests = pytest.mark.skipif(
    not COMMITTED.exists() and WRITE not in os.environ,
    reason="no digest is committed yet: run scripts/logic_versions",
)


@pytest.fixture(scope="module")
def digests(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Digests:
    """Job -> version of its logic, and a digest of the tables that it wrote."""
    root = tmp_path_factory.mktemp("fixed") / "root"
    shutil.copytree(BANK / "landing", root / "landing")
    project, store = load_project(BANK / "conf"), MemoryStore(spark_session, root)
    quiet = Progress(quiet=True)
    runner = Runner(store, project.settings, ledger=ListLedger(), progress=quiet)
    for step in plan_all(project, None):
        if step.job in WITHOUT:
            continue
        outcome = runner.run(
            load_job(step.job),
            job_config(step.job, project),
            day=DAY,
            config_hash=config_hash(step.job, project, step.nodes),
            nodes=step.nodes,
        )
        assert outcome.outcome == "done", outcome.error
    written: dict[str, dict[str, tuple[int, int]]] = {}
    for table, rows in content(store.reader()).items():
        written.setdefault(all_tables()[table].owner, {})[table] = rows
    return {
        job: {"logic_version": load_job(job).logic_version, "digest": fingerprint(written[job])}
        for job in sorted(written)
    }


@needs_digests
def test_every_job_that_writes_tables_is_compared(digests: Digests) -> None:
    assert digests.keys() == JOBS.keys() - WITHOUT


@needs_digests
@pytest.mark.parametrize("job", sorted(JOBS.keys() - WITHOUT))
def test_other_results_have_another_version(digests: Digests, job: str) -> None:
    committed: Digests = json.loads(COMMITTED.read_text()) if COMMITTED.exists() else {}
    message = fault_of(job, committed.get(job), digests[job])
    if message and os.environ.get(WRITE) and may_write(committed.get(job), digests[job]):
        committed[job] = digests[job]
        COMMITTED.write_text(json.dumps(dict(sorted(committed.items())), indent=1) + "\n")
    else:
        assert message is None, message


def may_write(known: Digest | None, now: Digest) -> bool:
    """Tell whether a digest may be written: a job is new, or its version was raised."""
    return known is None or known["logic_version"] != now["logic_version"]


def fault_of(job: str, known: Digest | None, now: Digest) -> str | None:
    """Say what to do where a job gives other results than its version gave; None = as before."""
    if known == now:
        return None
    if may_write(known, now):
        return f"{job} has another logic_version: run scripts/logic_versions to write its digest"
    return (
        f"results of {job} changed: raise its logic_version, and run scripts/logic_versions to "
        "write the new digest"
    )


def test_a_change_of_results_says_what_to_do() -> None:
    known: Digest = {"logic_version": 1, "digest": "a"}
    assert fault_of("build_tags", known, dict(known)) is None
    changed = {**known, "digest": "b"}
    assert "results of build_tags changed: raise" in (fault_of("build_tags", known, changed) or "")
    assert not may_write(known, changed)
    for before in (None, known):
        raised = {"logic_version": 2, "digest": "b"}
        assert "run scripts/logic_versions" in (fault_of("build_tags", before, raised) or "")
        assert may_write(before, raised)
