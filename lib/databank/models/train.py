"""The job train_model: fit, measure on persons held out, register, pass the gate or be refused."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame

from databank.errors import GateRefusedError
from databank.models.config import ModelConfig, ModelsConfig
from databank.models.frame import macro_frame, training_frame
from databank.models.metrics import Quality, measure
from databank.models.pipeline import (
    Facts,
    coefficients,
    fit_pipeline,
    look_at,
    refuse_thin,
    with_scores,
)
from databank.models.registry import Registry, Version
from databank.models.tables import LIFT, TRAINING
from databank.runs import Context, Job, StepResult

_SAMPLE = "holdout"


@dataclass(frozen=True)
class Trained:
    """What one training came to."""

    version: Version
    as_of: date
    algorithm: str
    facts: Facts
    quality: Quality
    champion_auc: float | None
    refusal: str | None


def train_models(context: Context, config: ModelsConfig) -> StepResult:
    """Train the models that are due, and let those become champion that pass their gate.

    Due is a model without a champion, one whose definition has changed, and one whose champion
    was trained `train_every` ago. Features are cut `label.days` before the run day, the label is
    taken of the days after the cut.

    Raises:
        GateRefusedError: If a gate refused a model. The refusal is recorded and published first;
            the former champion goes on.
        DataBankError: If there are too few persons of either label.
    """
    wanted = [model for model in config.models if context.wants(model.model)]
    if not wanted:
        return StepResult()
    registry = open_registry(context)
    champions = {model.model: registry.champion(model.model) for model in wanted}
    due = [model for model in wanted if _is_due(model, champions[model.model], context.day)]
    summary: dict[str, int | float | str] = {
        model.model: "kept" for model in wanted if model not in due
    }
    trained: list[Trained] = []
    for days, models in groupby(sorted(due, key=lambda m: m.label.days), lambda m: m.label.days):
        as_of = context.day - timedelta(days=days)
        trained += _train_on(context, config, list(models), champions, registry, as_of=as_of)
    if trained:
        _record(context, trained)
        # what was measured is kept, also of what the gate refuses; and before the alias moves: a
        # crash in between means that it is trained anew, not that its figures are missing
        context.store.publish(JOB.name, context.day)
    for one in trained:
        summary |= _summary(one)
        for name, value in one.quality.figures.items():
            context.metric(name, value, model=one.version.model, version=str(one.version.version))
    refused = [one for one in trained if one.refusal]
    for one in trained:
        if not one.refusal:
            registry.promote(one.version)
    if refused:
        raise GateRefusedError("; ".join(f"{one.version.model}: {one.refusal}" for one in refused))
    return StepResult(summary)


def open_registry(context: Context) -> Registry:
    """The registry of the bank."""
    return Registry(
        context.store.root, context.settings.tracking_uri, experiment=context.settings.name
    )


def refusal(config: ModelConfig, quality: Quality, champion_auc: float | None) -> str | None:
    """Why the gate refuses a model; None if it passes."""
    gate = config.gate
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


def _is_due(config: ModelConfig, champion: Version | None, day: date) -> bool:
    if champion is None or champion.definition_hash != config.definition_hash:
        return True
    return (day - champion.trained_day).days >= config.train_every_days


def _train_on(
    context: Context,
    config: ModelsConfig,
    models: list[ModelConfig],
    champions: dict[str, Version | None],
    registry: Registry,
    *,
    as_of: date,
) -> list[Trained]:
    """Train the models that are cut on the same day, on one pass over the archive."""
    rivals = {
        name: registry.definition(champion)
        for name, champion in champions.items()
        if champion is not None and name in {model.model for model in models}
    }
    expressions = [e for model in [*models, *rivals.values()] for e in model.expressions]
    context.progress.step(f"gathering features as of {as_of}")
    frame = macro_frame(context, expressions, config.archive, as_of=as_of)
    try:
        return [
            _train(context, model, frame, registry, champions[model.model], rivals, as_of=as_of)
            for model in models
        ]
    finally:
        frame.unpersist()


def _train(
    context: Context,
    config: ModelConfig,
    frame: DataFrame,
    registry: Registry,
    champion: Version | None,
    rivals: dict[str, ModelConfig],
    *,
    as_of: date,
) -> Trained:
    context.progress.step(f"training {config.model}")
    persons = training_frame(frame, config)
    facts = look_at(persons, config.features)
    refuse_thin(facts, where=f"model {config.model}, features as of {as_of}")
    model = fit_pipeline(persons, config, facts)
    quality = measure(_held_out(model, persons))
    champion_auc = None
    if champion is not None:
        theirs = _on_same_persons(frame, config, rivals[config.model])
        champion_auc = measure(_held_out(registry.load(champion), theirs)).auc
    refused = refusal(config, quality, champion_auc)
    context.progress.step(f"registering {config.model}")
    started = time.monotonic()
    version = registry.log(
        model,
        config,
        day=context.day,
        figures=quality.figures,
        tables={
            "lift.json": [vars(row) for row in quality.deciles],
            "weights.json": coefficients(model),
        },
        tags={
            "databank.run_id": context.run_id,
            "databank.as_of": as_of.isoformat(),
            "databank.outcome": _outcome(refused),
            "databank.reason": refused or "",
        },
    )
    context.metric("register_seconds", time.monotonic() - started, model=config.model)
    return Trained(version, as_of, config.algorithm, facts, quality, champion_auc, refused)


def _held_out(model: PipelineModel, persons: DataFrame) -> DataFrame:
    return with_scores(model, persons.where("part = 'holdout'"), "label")


def _on_same_persons(frame: DataFrame, config: ModelConfig, rival: ModelConfig) -> DataFrame:
    """The challenger's persons, labels and parts with the champion's own features."""
    same = config.model_copy(update={"features": rival.features})
    return training_frame(frame, same)


def _outcome(refused: str | None) -> str:
    return "refused" if refused else "champion"


def _record(context: Context, trained: Iterable[Trained]) -> None:
    store = context.store
    trained = list(trained)
    runs = [_training_row(context, one) for one in trained]
    lifts = [
        (one.version.model, one.version.version, _SAMPLE, *vars(row).values())
        for one in trained
        for row in one.quality.deciles
    ]
    store.append(TRAINING, store.few(TRAINING, runs))
    store.append(LIFT, store.few(LIFT, lifts))


def _training_row(context: Context, one: Trained) -> tuple[object, ...]:
    quality, facts = one.quality, one.facts
    return (
        one.version.model,
        one.version.version,
        context.run_id,
        one.version.tracking_run,
        context.day,
        one.as_of,
        _outcome(one.refusal),
        one.refusal,
        one.algorithm,
        sum(facts.persons.values()),
        sum(facts.positives.values()),
        quality.n,
        *(quality.figures[name] for name in ("auc", "pr_auc", "brier", "brier_raw", "ece")),
        quality.base_rate,
        one.champion_auc,
    )


def _summary(one: Trained) -> dict[str, int | float | str]:
    name = one.version.model
    return {
        name: f"version {one.version.version}, {_outcome(one.refusal)}",
        f"{name}: auc": one.quality.auc,
        f"{name}: ece": one.quality.ece,
    }


JOB = Job(name="train_model", step=train_models, tables=(TRAINING, LIFT))
