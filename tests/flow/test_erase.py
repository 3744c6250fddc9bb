"""A person asks to be erased: after the next run no table and no file knows anything of them."""

import shutil
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.cli.main import exit_code
from databank.project.catalog import all_tables
from databank.project.execute import execute
from databank.project.model import Project
from databank.project.plan import plan_all
from databank.tables import DeltaStore, TableSpec
from databank.tables.statistics import properties
from tests.flow.conftest import FIXED_BANK, FIXED_DAY
from tests.support.search import holding

pytestmark = pytest.mark.nightly


def total(store: DeltaStore) -> object:
    row = store.require("core.events").agg(F.count("*"), F.sum("amount"), F.sum("quantity")).first()
    return row and tuple(row)


def persons(store: DeltaStore) -> set[int]:
    rows = store.require("identity.person").select("person_id").distinct().collect()
    return {row["person_id"] for row in rows}


def held_by(store: DeltaStore, person: int) -> dict[str, int]:
    """The keys of a person's identifiers, by value."""
    own = store.require("identity.person").where(F.col("person_id") == person)
    names = own.join(store.require("identity.identifier"), "id_key").select("id_value", "id_key")
    return {row["id_value"]: row["id_key"] for row in names.collect()}


def naming(rows: DataFrame, values: list[str]) -> int:
    """Rows in which a text names one of the values, however a phone is written."""
    texts = [n for n, kind in rows.dtypes if kind in ("string", "map<string,string>")]
    whole = F.lower(F.to_json(F.struct(*texts)))
    plain = F.regexp_replace(whole, r"[\s()+-]", "")
    named = [F.contains(whole, F.lit(v.lower())) | F.contains(plain, F.lit(v)) for v in values]
    return rows.where(F.greatest(*named)).count()


def values_of(held: Mapping[str, int]) -> list[str]:
    """Values of identifiers as `naming` looks for them."""
    return [value.removeprefix("+86") for value in held]


def assert_unknown(
    store: DeltaStore, specs: Iterable[TableSpec], person: int, held: Mapping[str, int]
) -> None:
    """Look for a person in published tables: the number, the identifiers by value and by key."""
    values = values_of(held)
    # what became of persons is told by number, and who asked to be erased is not taken in again
    kept = ("changes", "erasure_request", "erased_identifier", "erased_person")
    for spec in specs:
        if not store.is_published(spec):
            continue
        rows = store.read(spec)
        assert naming(rows, values) == 0, spec.name
        if spec.name in {f"identity.{name}" for name in kept}:
            continue
        # the number of a household may be the person's, too
        person_columns = {"person_id"} if "entity" in rows.columns else {"person_id", "entity_id"}
        for column in person_columns & set(rows.columns):
            assert rows.where(F.col(column) == person).isEmpty(), spec.name
        for column in {"id_key", "a_key", "b_key"} & set(rows.columns):
            assert rows.where(F.col(column).isin(*held.values())).isEmpty(), spec.name


# a person of the fixed bank; the last of all identifiers, so that statistics hold it
PERSON, USER = "13800000009", "user9"


def make_older(store: DeltaStore) -> None:
    """Have the logs of tables as an older databank wrote them: statistics of all columns."""
    older = ("raw.record", "core.events", "identity.identifier", "identity.person", "tags.history")
    specs = [
        spec for name, spec in all_tables().items() if name in older and store.is_published(spec)
    ]
    store.start_run("20260131-ingest-older", specs)
    for spec in specs:
        path, names = store.path(spec), ", ".join(f"'{name}'" for name in properties(spec))
        store.spark.sql(f"ALTER TABLE delta.`{path}` UNSET TBLPROPERTIES ({names})")
        rows = store.read(spec).localCheckpoint()
        rows.coalesce(1).write.format("delta").mode("overwrite").save(path)
        store.versions_written[spec.name] = store.newest_version(spec) or 0
        store.files.delete(f"{path}/_delta_log/_statistics")
    store.publish("older", FIXED_DAY)


def holder_of(store: DeltaStore, value: str) -> int:
    names = store.require("identity.identifier").where(F.col("id_value") == value)
    row = store.require("identity.person").join(names, "id_key").first()
    assert row is not None
    return int(row["person_id"])


def test_nothing_of_an_erased_person_is_left_in_any_file(
    spark_session: SparkSession,
    fixed_project: Project,
    fixed_bank: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "bank"
    shutil.copytree(fixed_bank, root)
    store = DeltaStore(spark_session, str(root))
    make_older(store)
    person = holder_of(store, USER)
    held, events, everybody = held_by(store, person), total(store), persons(store)
    # who tries all phones finds the one of a key
    keys = [str(key).removeprefix("-") for key in held.values()]
    assert len(keys) >= 4
    values = [PERSON, USER, *keys]
    planted = holding(root, values)
    # the search finds the person in rows, logs and checksums of an older bank, and as it came
    places = {"/".join(name.split("/")[:2]) for name in planted[PERSON]}
    assert {"landing/crm.csv", "raw/record", "identity/identifier"} <= places
    in_logs = [name for name in planted[USER] if "/_delta_log/" in name]
    assert {Path(name).suffix for name in in_logs} >= {".json", ".crc"}
    for key in keys:
        assert {name.split("/")[1] for name in planted[key]} >= {"identifier", "person", "events"}
    command = ["erase", "phone", f"+86{PERSON}", "--person", "--date", str(FIXED_DAY)]
    places = ["--root", str(root), "--conf-dir", str(FIXED_BANK / "conf")]
    assert exit_code([*command, *places]) == 0
    day = FIXED_DAY + timedelta(days=1)
    outcomes = execute(fixed_project, plan_all(fixed_project, None), root=str(root), day=day)
    assert {outcome.outcome for outcome in outcomes} == {"done"}
    specs = [spec for spec in all_tables().values() if spec.owner != "runner"]
    store = DeltaStore(spark_session, str(root))
    assert_unknown(store, specs, person, held)
    # nobody else has lost anything
    assert persons(store) == everybody - {person}
    assert total(store) == events
    capsys.readouterr()
    assert exit_code(["person", "phone", f"+86{PERSON}", *places]) == 2
    assert "phone" in capsys.readouterr().err
    # what the pages on erasure leave to the operator
    shutil.rmtree(root / "landing")
    check = "spark.databricks.delta.retentionDurationCheck.enabled"
    spark_session.conf.set(check, "false")
    for log in root.glob("*/*/_delta_log"):
        spark_session.sql(f"VACUUM delta.`{log.parent}` RETAIN 0 HOURS")
    spark_session.conf.unset(check)
    assert holding(root, values) == {value: set() for value in values}
