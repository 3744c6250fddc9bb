"""The whole loop on a small generated world."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession, functions as F

from databank.demo.evaluate import evaluate
from databank.demo.generate import deliver_next_day
from databank.project.execute import execute
from databank.project.jobs import JOBS, load_job
from databank.project.model import Project
from databank.project.plan import plan_all
from databank.tables import DeltaStore
from databank.tables.erasure import ERASED_PERSON
from databank.tables.ops import RUN
from tests.flow.conftest import DAY
from tests.support.compare import content


def test_every_table_of_the_design_is_filled(spark_session: SparkSession, loop: Path) -> None:
    store = DeltaStore(spark_session, str(loop))
    held = content(store)
    # a small world need not have junk
    may_be_empty = {"identity.alias", "identity.rejected", "identity.hub", "identity.entity_alias"}
    specs = {spec.name for name in JOBS for spec in load_job(name).tables}
    # the demo compares no profiles, has no lists, and nobody has asked to be erased
    specs -= {
        "identity.likely_pair",
        "identity.match_threshold",
        "identity.erased_identifier",
        "identity.erased_person",
        "tags.listed",
    }
    assert specs == held.keys()
    assert [name for name in sorted(specs - may_be_empty) if held[name][0] == 0] == []


def test_a_job_reads_only_what_its_entry_declares(spark_session: SparkSession, loop: Path) -> None:
    runs = DeltaStore(spark_session, str(loop)).ledger(RUN)
    assert runs is not None
    for job, entry in JOBS.items():
        rows = runs.where(F.col("job") == job).select("read").collect()
        # what nodes build is read where expressions name it, and entities where nodes are of one
        by_name = {table for each in JOBS if JOBS[each].kind for table in written_by(each)}
        by_name |= {"identity.entity"} if entry.kind else set()
        # the runner looks for erased persons before each job
        read = {table for row in rows for table in row["read"]} - {ERASED_PERSON.name}
        assert read - by_name - {*entry.reads, *entry.uses} == set(), job


def written_by(job: str) -> set[str]:
    return {spec.name for spec in load_job(job).tables}


def test_the_truth_is_met(spark_session: SparkSession, loop: Path) -> None:
    store = DeltaStore(spark_session, str(loop))
    scores = {(s.stage, s.figure): s for s in evaluate(spark_session, store, str(loop))}
    assert scores["OneID", "precision"].value > 0.97
    # what one person's records connect is found, whatever the guards refuse
    assert scores["OneID", "recall of connected pairs"].value > 0.98
    # families are told from halls of residence
    assert scores["households", "precision"].value > 0.97
    assert scores["households", "recall where addresses are known"].value > 0.97
    assert scores["flow matrix", "persons out of balance"].value == 0
    churn = scores["model churn", "AUC on the next 30 days"]
    assert churn.beside is not None
    assert 0.6 < churn.value <= churn.beside[1] + 0.05


def test_the_archive_holds_every_event_of_a_person_once(
    spark_session: SparkSession, loop: Path
) -> None:
    # written apart from the job: plain SQL, by way of the strongest identifier that is held
    store = DeltaStore(spark_session, str(loop))
    for name in ("core.events", "identity.person", "archive.person_day"):
        store.require(name).createOrReplaceTempView(name.replace(".", "_"))
    wanted = spark_session.sql(
        """
        WITH held AS (
            SELECT i.source, i.event_id, min_by(p.person_id, i.rank) AS person_id
            FROM (SELECT source, event_id, posexplode(ids) AS (rank, id_key) FROM core_events) i
            JOIN identity_person p ON p.id_key = i.id_key
            GROUP BY i.source, i.event_id
        )
        SELECT h.person_id, e.day, e.event, count(*) AS n, sum(e.amount) AS amount
        FROM core_events e JOIN held h USING (source, event_id)
        GROUP BY ALL
        """
    )
    archived = spark_session.sql(
        "SELECT person_id, day, event, sum(n) AS n, sum(amount) AS amount "
        "FROM archive_person_day WHERE synthetic IS NULL GROUP BY ALL"
    )
    cast = [
        F.col(c).cast("double" if c == "amount" else "string").alias(c) for c in archived.columns
    ]
    assert archived.select(cast).exceptAll(wanted.select(cast)).count() == 0
    assert wanted.select(cast).exceptAll(archived.select(cast)).count() == 0


def test_sessions_hold_every_event_that_makes_them_once(
    spark_session: SparkSession, project: Project, loop: Path
) -> None:
    store = DeltaStore(spark_session, str(loop))
    made, days = store.require("archive.visit"), store.require("archive.person_day")
    assert project.archive.sessions is not None
    counted = days.where("synthetic IS NULL").where(
        F.col("event").isin(*project.archive.sessions.events or ())
    )
    per_day = made.groupBy("person_id", "day").agg(F.sum("events").alias("n"))
    assert per_day.exceptAll(
        counted.groupBy("person_id", "day").agg(F.sum("n").alias("n"))
    ).isEmpty()
    assert made.agg(F.sum("events")).first() == counted.agg(F.sum("n")).first()
    sums = made.agg(F.count("*"), F.sum("seconds").cast("double")).first()
    assert sums == days.where("synthetic").agg(F.sum("n"), F.sum("quantity").cast("double")).first()
    # each kind of link of the demo's web shop is met
    assert {row["channel"] for row in made.select("channel").distinct().collect()} == {
        "paid search", "organic search", "organic social", "email", "affiliates", "referral",
        "direct",
    }  # fmt: skip


@pytest.mark.slow
def test_the_same_day_again_changes_nothing(
    spark_session: SparkSession, project: Project, loop: Path
) -> None:
    before = content(DeltaStore(spark_session, str(loop)))
    outcomes = execute(project, plan_all(project, None), root=str(loop), day=DAY)
    assert {outcome.outcome for outcome in outcomes} == {"unchanged"}
    assert content(DeltaStore(spark_session, str(loop))) == before


@pytest.mark.slow
@pytest.mark.usefixtures("affected_only")
def test_the_next_day_equals_a_bank_built_from_nothing(
    spark_session: SparkSession, project: Project, loop: Path, tmp_path: Path
) -> None:
    day = DAY + timedelta(days=1)
    grown, fresh = tmp_path / "grown", tmp_path / "fresh"
    shutil.copytree(loop, grown)
    assert deliver_next_day(str(grown))
    shutil.copytree(grown / "landing", fresh / "landing")
    steps = [
        s
        for s in plan_all(project, None)
        if s.job in ("ingest", "resolve_identity", "build_archive")
    ]
    for root in (grown, fresh):
        execute(project, steps, root=str(root), day=day)
    stores = [DeltaStore(spark_session, str(root)) for root in (grown, fresh)]
    # ids are given in the order in which persons come, so persons are named by their identifiers
    days = []
    for store in stores:
        named = (
            store.require("identity.person").groupBy("person_id").agg(F.min("id_key").alias("who"))
        )
        rows = store.require("archive.person_day").join(named, "person_id")
        days.append(
            rows.select("who", "day", "terminal", "event", "dims_json", "n", "amount", "last_ts")
        )
    assert days[0].count() > 0
    assert days[0].exceptAll(days[1]).count() == 0
    assert days[1].exceptAll(days[0]).count() == 0


def test_a_run_day_in_the_future_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    from databank.cli.main import exit_code

    code = exit_code(["run", "all", "--conf-dir", "conf", "--date", str(date(2100, 1, 1))])
    assert code == 2
    assert "lies in the future" in capsys.readouterr().err
