"""The job train_model: fit, measure on persons held out, register, pass the gate or be refused."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import groupby

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame

from databank.archive.analysis import Checked, refuse_wrong_expressions
from databank.errors import GateRefusedError
from databank.models.config import ModelConfig, ModelsConfig
from databank.models.definition import Definition
from databank.models.features import FeatureConfig
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
from databank.models.text.config import TextModelConfig
from databank.models.text.frame import stated_frame, text_frame
from databank.models.text.pipeline import fit_text_pipeline
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


@dataclass(frozen=True)
class _Rows:
    """What a model is trained on, and how.

    Attributes:
        persons: person_id, the pipeline's input, label, part.
        champions: The same persons as the champion sees them, None = it cannot be compared.
        features: Columns whose gaps are to be known before the fit.
        fit: The fit.
        weights: What may be shown of the fitted model.
    """

    persons: DataFrame
    champions: DataFrame | None
    features: Mapping[str, FeatureConfig]
    fit: Callable[..., PipelineModel]
    weights: Callable[[PipelineModel], dict[str, float]]


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
    entries = [
        Checked(f"conf/models: model {model.model!r}", model.expressions, "double") for model in due
    ]
    refuse_wrong_expressions(context.spark, entries, config.archive, {})
    summary: dict[str, int | float | str] = {
        model.model: "kept" for model in wanted if model not in due
    }
    trained: list[Trained] = []
    foretelling = sorted(
        (m for m in due if isinstance(m, ModelConfig)), key=lambda model: model.label.days
    )
    for days, models in groupby(foretelling, lambda model: model.label.days):
        as_of = context.day - timedelta(days=days)
        trained += _train_on(context, config, list(models), champions, registry, as_of=as_of)
    for model in due:
        if isinstance(model, TextModelConfig):
            trained.append(_train_on_texts(context, model, champions[model.model], registry))
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


def refusal(config: Definition, quality: Quality, champion_auc: float | None) -> str | None:
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


def _is_due(config: Definition, champion: Version | None, day: date) -> bool:
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
    rivals: dict[str, ModelConfig] = {}
    for model in models:
        champion = champions[model.model]
        rival = registry.definition(champion) if champion else None
        # one that was trained on texts has no features to be compared by
        if isinstance(rival, ModelConfig):
            rivals[model.model] = rival
    expressions = [e for model in [*models, *rivals.values()] for e in model.expressions]
    context.progress.step(f"gathering features as of {as_of}")
    frame = macro_frame(context, expressions, config.archive, as_of=as_of)
    try:
        trained = []
        for model in models:
            theirs = rivals.get(model.model)
            rows = _Rows(
                training_frame(frame, model),
                # the same persons, labels and parts, with the champion's own features
                training_frame(frame, model.model_copy(update={"features": theirs.features}))
                if theirs
                else None,
                model.features,
                partial(fit_pipeline, config=model),
                coefficients,
            )
            champion = champions[model.model]
            trained.append(_train(context, model, rows, registry, champion, as_of=as_of))
        return trained
    finally:
        frame.unpersist()


def _train_on_texts(
    context: Context, config: TextModelConfig, champion: Version | None, registry: Registry
) -> Trained:
    context.progress.step(f"gathering {config.text} of profiles")
    frames = [text_frame(context, config, as_of=context.day)]
    rival = registry.definition(champion) if champion else None
    if isinstance(rival, TextModelConfig):
        same = config.model_copy(update={"text": rival.text})
        frames.append(text_frame(context, same, as_of=context.day))
    try:
        stated = [stated_frame(frame, config) for frame in frames]
        rows = _Rows(
            stated[0],
            stated[1] if len(stated) > 1 else None,
            {},
            lambda persons, facts: fit_text_pipeline(persons, config),
            lambda model: {},
        )
        return _train(context, config, rows, registry, champion, as_of=context.day)
    finally:
        for frame in frames:
            frame.unpersist()


def _train(
    context: Context,
    config: Definition,
    rows: _Rows,
    registry: Registry,
    champion: Version | None,
    *,
    as_of: date,
) -> Trained:
    context.progress.step(f"training {config.model}")
    facts = look_at(rows.persons, rows.features)
    refuse_thin(facts, where=f"model {config.model}, as of {as_of}")
    model = rows.fit(rows.persons, facts=facts)
    quality = measure(_held_out(model, rows.persons))
    champion_auc = None
    if champion is not None and rows.champions is not None:
        champion_auc = measure(_held_out(registry.load(champion), rows.champions)).auc
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
            "weights.json": rows.weights(model),
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
    store.append(TRAINING, store.small(TRAINING, runs))
    store.append(LIFT, store.small(LIFT, lifts))


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


JOB = Job(name="train_model", step=train_models, tables=(TRAINING, LIFT), logic_version=1)
