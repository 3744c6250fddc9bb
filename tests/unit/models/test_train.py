"""The jobs: train, gate, keep, score; in the order in which a bank meets them."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession, functions as F

from databank.cli.main import exit_code
from databank.config import Settings
from databank.errors import DataBankError, GateRefusedError, TooFewError
from databank.models.config import ModelsConfig
from databank.models.metrics import ModelQuality
from databank.models.registry import Registry, Version
from databank.models.score import JOB as SCORE_JOB, score_models
from databank.models.spec import ModelSpec
from databank.models.tables import LIFT, SCORE, TRAINING
from databank.models.train import JOB, is_due, open_registry, refusal, train_models
from databank.runs import Context, StepResult
from databank.tables import DeltaStore
from tests.support.bank import Bank
from tests.unit.models.samples import model
from tests.unit.models.world import LAST, context_on, planted_days, publish_world

NEXT = LAST + timedelta(days=1)


def _train(store: DeltaStore, config: ModelSpec, **changes: Any) -> tuple[Context, StepResult]:
    context = context_on(store, tables=JOB.tables, **changes)
    result = train_models(context, ModelsConfig(models=(config,)))
    store.publish(JOB.name, context.day)
    return context, result


@pytest.fixture(scope="module")
def bank(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DeltaStore:
    """A bank on disk: a rollback is a run of its own, by the command line."""
    store = DeltaStore(spark_session, str(tmp_path_factory.mktemp("bank")))
    publish_world(store, planted_days())
    return store


@pytest.fixture(scope="module")
def first(bank: DeltaStore) -> tuple[Context, TooFewError]:
    """The first training, beside a model whose label nobody has."""
    nobody = {"when": "events('never_seen', 'next 30 days') >= 1", "days": 30}
    models = (model(model="nobody", label=nobody), model())
    context = context_on(bank, tables=JOB.tables)
    with pytest.raises(TooFewError) as caught:
        train_models(context, ModelsConfig(models=models))
    return context, caught.value


@pytest.fixture(scope="module")
def registry(first: tuple[Context, TooFewError]) -> Registry:
    return open_registry(first[0])


def test_without_a_champion_scoring_says_what_to_run(bank: DeltaStore) -> None:
    context = context_on(bank, tables=SCORE_JOB.tables)
    with pytest.raises(DataBankError, match="has no champion; run train_model first"):
        score_models(context, ModelsConfig(models=(model(model="never_trained"),)))


def test_the_first_model_that_passes_becomes_champion(
    first: tuple[Context, TooFewError], registry: Registry, bank: DeltaStore
) -> None:
    champion = registry.champion("churn")
    assert champion is not None
    assert (champion.version, champion.trained_day) == (1, LAST)
    assert registry.spec(champion) == model()
    row = bank.read(TRAINING).where("version = 1").collect()[0]
    assert row["outcome"] == "champion"
    assert row["auc"] > 0.75
    assert {name for name, _, _ in first[0].metrics} >= {"auc", "brier", "ece", "register_seconds"}
    held = bank.read(LIFT).where("version = 1").agg(F.sum("n")).collect()[0][0]
    assert held == row["holdout"]


def test_a_model_with_too_few_of_a_label_stops_no_other(
    first: tuple[Context, TooFewError], registry: Registry, bank: DeltaStore
) -> None:
    message = str(first[1])
    assert "model nobody, as of 2026-03-01" in message
    assert "0 of them with label 1" in message
    assert "churn" not in message
    assert registry.champion("nobody") is None
    assert {row["model"] for row in bank.read(TRAINING).collect()} == {"churn"}


def test_a_model_that_is_not_due_is_kept(
    first: tuple[Context, TooFewError], bank: DeltaStore
) -> None:
    _, result = _train(bank, model(), day=NEXT)
    assert result.summary == {"churn": "kept"}


@pytest.mark.slow
def test_a_refused_model_is_recorded_and_the_champion_goes_on(
    first: tuple[Context, TooFewError], registry: Registry, bank: DeltaStore
) -> None:
    # another seed is another model, so it is due; nothing passes that gate
    strict = model(seed=8, gate={"auc": 0.999})
    with pytest.raises(GateRefusedError, match=r"churn: auc 0\.\d+ is below the gate's 0\.999"):
        _train(bank, strict, day=NEXT)
    champion = registry.champion("churn")
    assert champion is not None
    assert champion.version == 1
    bank.refresh()
    row = bank.read(TRAINING).where("outcome = 'refused'").collect()[0]
    assert row["version"] == 2
    # measured on the same persons, most of whom the champion has seen: not far from it
    assert row["champion_auc"] == pytest.approx(row["auc"], abs=0.1)


@pytest.mark.slow
def test_the_champion_scores_its_population(
    first: tuple[Context, TooFewError], bank: DeltaStore
) -> None:
    context = context_on(bank, tables=SCORE_JOB.tables)
    score_models(context, ModelsConfig(models=(model(),)))
    rows = bank.read(SCORE).toPandas()
    assert rows.entity_id.is_unique
    assert set(rows.version) == {1}
    assert rows.score.between(0, 1).all()
    assert rows.calibrated.between(0, 1).all()
    by_decile = rows.groupby("decile").score.agg(["min", "max", "size"])
    assert by_decile.index.tolist() == list(range(1, 11))
    assert (by_decile["min"].to_numpy()[:-1] >= by_decile["max"].to_numpy()[1:]).all()
    assert by_decile["size"].between(0.08 * len(rows), 0.12 * len(rows)).all()


@pytest.mark.nightly
def test_the_former_champion_comes_back_and_scores(
    first: tuple[Context, TooFewError],
    registry: Registry,
    bank: DeltaStore,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    disk = Bank(bank.spark, Path(bank.root.removeprefix("file:")), on_disk=True)
    options = ["--root", disk.root, "--conf-dir", str(tmp_path), "--json"]
    assert exit_code(["rollback", "model", "churn", *options]) == 2
    assert "no model was trained on it yet; run train_model" in capsys.readouterr().err
    config = ModelsConfig(models=(model(seed=9, gate={"auc": 0.5, "tolerance": 0.5}),))
    disk.run(JOB, config, day=NEXT, nodes=("churn",))
    disk.run(SCORE_JOB, config, day=NEXT, nodes=("churn",), config_hash="same")
    latest = registry.champion("churn")
    assert latest is not None
    assert latest.version > 1

    assert exit_code(["rollback", "model", "chrun", *options]) == 2
    assert "unknown model 'chrun'; did you mean 'churn'?" in capsys.readouterr().err
    assert exit_code(["rollback", "model", "churn", *options]) == 0
    sections = json.loads(capsys.readouterr().out)
    assert sections[0]["rows"] == [
        {"model": "churn", "was champion": latest.version, "is champion": 1}
    ]
    assert f"--date {NEXT}" in sections[1]["title"]
    champion = registry.champion("churn")
    assert champion is not None
    assert champion.version == 1

    # the file is that of the version rolled back, and it does not become due again by it
    assert disk.run(JOB, config, day=NEXT, nodes=("churn",)).summary == {"churn": "kept"}
    scored = disk.run(SCORE_JOB, config, day=NEXT, nodes=("churn",), config_hash="same")
    assert scored.outcome == "done"
    assert set(disk.read(SCORE).toPandas().version) == {1}
    training = disk.read(TRAINING).where(f"version = {latest.version}").collect()[0]
    assert (training["outcome"], training["reason"]) == (
        "rolled back",
        "by hand, back to version 1",
    )
    assert training["auc"] > 0.5
    with pytest.raises(DataBankError, match="version 1 is its first champion, and none was"):
        registry.former("churn")


def test_a_model_is_due_by_the_training_that_was_settled_last() -> None:
    spec, changed = model(), model(seed=9)
    own = Version("churn", 1, "run", LAST, spec.spec_hash, LAST, spec.spec_hash)
    month = timedelta(days=spec.train_every_days)
    assert is_due(spec, None, LAST)
    assert not is_due(spec, own, LAST + month - timedelta(days=1))
    assert is_due(spec, own, LAST + month)
    assert is_due(changed, own, NEXT)
    # version 2, trained on NEXT by the changed spec, was rolled back to version 1
    back = replace(own, settled_day=NEXT, settled_hash=changed.spec_hash)
    assert not is_due(changed, back, NEXT + month - timedelta(days=1))
    assert is_due(changed, back, NEXT + month)
    assert not is_due(spec, back, NEXT)
    assert is_due(model(seed=10), back, NEXT)


def _quality(auc: float, ece: float = 0.0) -> ModelQuality:
    return ModelQuality(100, 20, auc, 0.5, 0.1, 0.1, ece, ())


@pytest.mark.parametrize(
    ("quality", "champion_auc", "message"),
    [
        (_quality(0.7), None, None),
        (_quality(0.59), None, "below the gate's 0.6"),
        (_quality(0.7, ece=0.2), None, "ece 0.200 is above"),
        (_quality(0.7), 0.72, "worse than the champion's 0.720"),
        (_quality(0.7), 0.704, None),
    ],
)
def test_the_gate_asks_for_quality_and_for_no_step_back(
    quality: ModelQuality, champion_auc: float | None, message: str | None
) -> None:
    reason = refusal(model(gate={"auc": 0.6, "max_ece": 0.1}), quality, champion_auc)
    assert (message in reason) if message and reason else reason is message


def test_runs_on_an_object_store_need_a_tracking_server() -> None:
    with pytest.raises(DataBankError, match="set tracking_uri in conf"):
        Registry("s3a://bucket/bank", None, experiment=Settings().name)
