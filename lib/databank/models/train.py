"""The job train_model: fit, measure on persons held out, register, pass the gate or be refused."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame

from databank.archive.analysis import Checked, refuse_wrong_expressions
from databank.archive.config import ArchiveConfig
from databank.errors import GateRefusedError, TooFewError
from databank.models.config import ModelsConfig
from databank.models.families.family import Family, TrainingSet, by_family
from databank.models.metrics import ModelQuality, measure
from databank.models.pipeline import TrainingStats, require_enough_rows, with_scores
from databank.models.registry import Registry, Version
from databank.models.spec import ModelSpec
from databank.models.tables import LIFT, TRAINING
from databank.runs import Context, Job, StepResult, Summary

_SAMPLE = "holdout"


@dataclass(frozen=True)
class Trained:
    """One training: the version that it made, its quality, and the word of the gate."""

    version: Version
    as_of: date
    algorithm: str
    stats: TrainingStats
    quality: ModelQuality
    champion_auc: float | None
    refusal: str | None

    @property
    def outcome(self) -> str:
        """Name the outcome as models.training does."""
        return "refused" if self.refusal else "champion"


def train_models(context: Context, config: ModelsConfig) -> StepResult:
    """Train the models that are due, and let those become champion that pass their gate.

    Due is a model without a champion, one whose spec has changed, and one whose champion was
    trained `train_every` ago. Features are cut `label.days` before the run day, the label is
    taken of the days after the cut.

    Raises:
        GateRefusedError: If a gate refused a model. The refusal is recorded and published first;
            the former champion goes on.
        TooFewError: If a model has too few persons of either label; the others are trained first.
    """
    wanted = [model for model in config.models if context.wants(model.model)]
    if not wanted:
        return StepResult()
    registry = open_registry(context)
    champions = {model.model: registry.champion(model.model) for model in wanted}
    due = [model for model in wanted if is_due(model, champions[model.model], context.day)]
    entries = [
        Checked(f"conf/models: model {model.model!r}", model.expressions, "double") for model in due
    ]
    refuse_wrong_expressions(context, entries, config.archive, {})
    summary: Summary = {model.model: "kept" for model in wanted if model not in due}
    trained: list[Trained] = []
    short: list[str] = []
    for family, specs in by_family(due):
        for batch in family.batches(specs):
            done, too_few = _train_batch(
                context, config.archive, family, batch, champions, registry
            )
            trained += done
            short += too_few
    if trained:
        _record(context, trained)
        # measurements are kept, those of refused models too, and before the alias moves: after a
        # crash in between a model is trained again, and its measurements are not missing
        context.store.publish(JOB.name, context.day)
    for training in trained:
        summary |= _summary(training)
        version = training.version
        for name, value in training.quality.figures.items():
            context.metric(name, value, model=version.model, version=str(version.version))
    for training in trained:
        if not training.refusal:
            registry.promote(training.version)
    refused = [f"{each.version.model}: {each.refusal}" for each in trained if each.refusal]
    if refused:
        raise GateRefusedError("; ".join([*refused, *short]))
    if short:
        raise TooFewError("; ".join(short))
    return StepResult(summary)


def open_registry(context: Context) -> Registry:
    """Open the registry of the bank."""
    return Registry(
        context.store.root, context.settings.tracking_uri, experiment=context.settings.name
    )


def refusal(spec: ModelSpec, quality: ModelQuality, champion_auc: float | None) -> str | None:
    """Tell why the gate refuses a model; None if it passes."""
    gate = spec.gate
    if quality.auc < gate.auc:
        return f"auc {quality.auc:.3f} is below the gate's {gate.auc:g}"
    if gate.max_ece is not None and quality.ece > gate.max_ece:
        return f"ece {quality.ece:.3f} is above the gate's {gate.max_ece:g}"
    if champion_auc is not None and quality.auc < champion_auc - gate.tolerance:
        return (
            f"auc {quality.auc:.3f} is worse than the champion's {champion_auc:.3f} "
            "on the same persons; the champion goes on"
        )
    return None


def is_due(spec: ModelSpec, champion: Version | None, day: date) -> bool:
    """Tell whether a model is to be trained: no champion, a changed spec, or its time has come."""
    # after a rollback both its own spec and the one that was rolled back have been tried
    if champion is None or spec.spec_hash not in (champion.spec_hash, champion.settled_hash):
        return True
    return (day - champion.settled_day).days >= spec.train_every_days


def _train_batch(
    context: Context,
    archive: ArchiveConfig,
    family: Family[Any],
    batch: list[ModelSpec],
    champions: Mapping[str, Version | None],
    registry: Registry,
) -> tuple[list[Trained], list[str]]:
    """Train the models of a batch on frames that they share; and say which have too few persons."""
    versions = {spec.model: champions[spec.model] for spec in batch}
    specs = {name: registry.spec(version) for name, version in versions.items() if version}
    # a champion of another family has other inputs: it cannot be compared on these persons
    comparable = {name: spec for name, spec in specs.items() if spec.family == batch[0].family}
    trained: list[Trained] = []
    short: list[str] = []
    with family.training_sets(context, batch, comparable, archive) as sets:
        for each in sets:
            try:
                champion = versions[each.spec.model]
                trained.append(_train(context, family, each, registry, champion))
            except TooFewError as error:
                short.append(str(error))
    return trained, short


def _train(
    context: Context,
    family: Family[Any],
    training_set: TrainingSet[Any],
    registry: Registry,
    champion: Version | None,
) -> Trained:
    spec, rows = training_set.spec, training_set.rows
    context.progress.step(f"training {spec.model}")
    stats = family.profile(rows, spec)
    require_enough_rows(stats, where=f"model {spec.model}, as of {training_set.as_of}")
    model = family.fit(rows, spec, stats)
    quality = measure(_held_out(model, rows))
    champion_auc = None
    if champion is not None and training_set.champion_rows is not None:
        champion_auc = measure(_held_out(registry.load(champion), training_set.champion_rows)).auc
    reason = refusal(spec, quality, champion_auc)
    context.progress.step(f"registering {spec.model}")
    started = time.monotonic()
    version = registry.log(
        model,
        spec,
        day=context.day,
        figures=quality.figures,
        tables={
            "lift.json": [vars(row) for row in quality.deciles],
            "weights.json": family.weights(model, spec),
        },
        tags={
            "databank.run_id": context.run_id,
            "databank.as_of": training_set.as_of.isoformat(),
            "databank.outcome": "refused" if reason else "champion",
            "databank.reason": reason or "",
        },
    )
    context.metric("register_seconds", time.monotonic() - started, model=spec.model)
    return Trained(
        version, training_set.as_of, spec.algorithm, stats, quality, champion_auc, reason
    )


def _held_out(model: PipelineModel, rows: DataFrame) -> DataFrame:
    return with_scores(model, rows.where("part = 'holdout'"), "label")


def _record(context: Context, trained: Iterable[Trained]) -> None:
    store = context.store
    trained = list(trained)
    trainings = [_training_row(context, training) for training in trained]
    lifts = [
        (training.version.model, training.version.version, _SAMPLE, *vars(row).values())
        for training in trained
        for row in training.quality.deciles
    ]
    store.append(TRAINING, store.small(TRAINING, trainings))
    store.append(LIFT, store.small(LIFT, lifts))


def _training_row(context: Context, training: Trained) -> tuple[object, ...]:
    version, quality, stats = training.version, training.quality, training.stats
    return (
        version.model,
        version.version,
        context.run_id,
        version.tracking_run,
        context.day,
        training.as_of,
        training.outcome,
        training.refusal,
        training.algorithm,
        sum(stats.persons.values()),
        sum(stats.positives.values()),
        quality.n,
        *(quality.figures[name] for name in ("auc", "pr_auc", "brier", "brier_raw", "ece")),
        quality.base_rate,
        training.champion_auc,
    )


def _summary(training: Trained) -> Summary:
    name = training.version.model
    return {
        name: f"version {training.version.version}, {training.outcome}",
        f"{name}: auc": training.quality.auc,
        f"{name}: ece": training.quality.ece,
    }


JOB = Job(name="train_model", step=train_models, tables=(TRAINING, LIFT), logic_version=2)
