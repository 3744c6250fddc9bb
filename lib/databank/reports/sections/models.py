"""Section on models: champions with their figures, and a gain curve each beside chance."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame, Row, functions as F

from databank.reports import charts, format as fmt
from databank.reports.config import NoteConfig, ReportConfig
from databank.reports.page import Grid, Panel, Section
from databank.reports.reader import Reader
from databank.reports.section import Notes, ReportSection

_STATES = {"refused": "refused by the gate"}  # other outcomes are words for people


@dataclass(frozen=True)
class LiftBand:
    """One decile of a model's hold-out, best first."""

    decile: int
    n: int
    positives: int
    gain: float
    lift: float


@dataclass(frozen=True)
class ModelCard:
    """The champion of a model, or its newest version if none is; quality on the hold-out.

    `refused_on` is the day of a later training that the gate refused.
    """

    model: str
    version: int
    trained: date
    outcome: str
    algorithm: str
    holdout: int
    base_rate: float | None
    auc: float | None
    calibration_error: float | None
    refused_on: date | None = None
    scored: int = 0
    bands: tuple[LiftBand, ...] = ()


class Models(ReportSection[tuple[ModelCard, ...]]):
    """How good the versions are that score."""

    key = "models"
    title = "Models"
    tables = ("models.training", "models.lift", "models.score")
    needs = ("models.training",)
    filled_by = "train_model"
    technical = True

    def collect(self, reader: Reader) -> tuple[ModelCard, ...]:
        """Read the champion of each model (else the newest version), its lift and its scores."""
        trained, lifted, scored = (
            reader.table(f"models.{name}") for name in ("training", "lift", "score")
        )
        if trained is None:
            return ()
        past = trained.where(F.col("trained_day") <= F.lit(reader.day))
        runs = past.orderBy(F.desc("trained_day"), F.desc("version")).limit(500).collect()
        chosen = {row["model"]: row for row in reversed(runs)}  # the newest wins
        # one that was rolled back had passed the gate
        newest = {r["model"]: r for r in reversed(runs) if r["outcome"] != "rolled back"}
        chosen |= {row["model"]: row for row in reversed(runs) if row["outcome"] == "champion"}
        bands = _bands(lifted, {name: row["version"] for name, row in chosen.items()})
        counts: dict[str, int] = {}
        if scored is not None:
            persons = scored.where(F.col("as_of") <= F.lit(reader.day)).groupBy("model").count()
            counts = {row["model"]: row["count"] for row in persons.collect()}
        return tuple(
            ModelCard(
                model=name,
                version=row["version"],
                trained=row["trained_day"],
                outcome=row["outcome"],
                algorithm=row["algorithm"] or "",
                holdout=row["holdout"] or 0,
                base_rate=row["base_rate"],
                auc=row["auc"],
                calibration_error=row["ece"],
                refused_on=_refused_on(row, newest.get(name, row)),
                scored=counts.get(name, 0),
                bands=bands.get(name, ()),
            )
            for name, row in sorted(chosen.items())
        )

    def is_wanted(self, config: ReportConfig) -> bool:
        """Say whether conf/models has any."""
        return bool(config.models)

    def draw(self, data: tuple[ModelCard, ...], notes: Notes) -> Section | None:
        """Draw the table of versions, and the gain of each model."""
        if not data:
            return None
        champions = [m for m in data if m.outcome == "champion"]
        rated = [m for m in data if m.auc is not None]
        summary = (
            f"{fmt.count(len(champions))} of {fmt.plural(len(data), 'model')} passed "
            "the gate and may score."
        )
        if rated:
            best = max(rated, key=lambda m: m.auc or 0)
            summary += f" The sharpest is {fmt.label(best.model, 40)}: "
            summary += f"AUC {fmt.number(best.auc, 3)}."
        about = {note.name: note for note in notes.config.models}
        gains = (_gain(model) for model in data if model.bands)
        return self.section(summary, (_model_table(data, about), *gains))


def _refused_on(chosen: Row, newest: Row) -> date | None:
    return None if newest is chosen else newest["trained_day"]


def _bands(lifted: DataFrame | None, versions: dict[str, int]) -> dict[str, tuple[LiftBand, ...]]:
    """Read the deciles of the hold-out of the chosen versions, best first."""
    if lifted is None or not versions:
        return {}
    chosen = F.lit(False)
    for model, version in versions.items():
        chosen = chosen | ((F.col("model") == model) & (F.col("version") == version))
    rows = lifted.where(chosen & (F.col("sample") == "holdout"))
    rows = rows.select("model", "decile", "n", "positives", "gain", "lift")
    bands: dict[str, tuple[LiftBand, ...]] = {}
    for model, *band in rows.orderBy("model", "decile").limit(2000).collect():
        bands[model] = (*bands.get(model, ()), LiftBand(*band))
    return bands


def _model_table(models: tuple[ModelCard, ...], about: dict[str, NoteConfig]) -> Panel:
    rows = tuple(
        (
            model.model,
            about[model.model].description if model.model in about else "",
            _STATES.get(model.outcome, model.outcome),
            fmt.count(model.version),
            fmt.day(model.trained),
            fmt.number(model.auc, 3),
            fmt.number(model.bands[0].lift) + "x" if model.bands else "",
            fmt.number(model.calibration_error, 3),
            fmt.share(model.base_rate, 1) if model.base_rate is not None else "",
            fmt.count(model.scored),
        )
        for model in models
    )
    head = (
        "Model",
        "What it tells",
        "State",
        "Version",
        "Trained",
        "AUC",
        "Lift, top 10%",
        "Calibration error",
        "Base rate",
        "Persons scored",
    )
    summary = (
        "AUC: 0.5 is chance, 1 is perfect. Lift: how many times more frequent the outcome is in "
        "the best tenth. Calibration error: mean distance of forecast and outcome."
    )
    later = [m for m in models if m.refused_on is not None]
    if later:
        named = [f"{m.model} ({fmt.day(m.refused_on)})" for m in later if m.refused_on]
        summary += f" A later training was refused by the gate: {fmt.listed(named)}."
    return Panel(
        "The versions that score", summary, grid=Grid(head, rows, text_columns=3), wide=True
    )


def _gain(model: ModelCard) -> Panel:
    total = sum(band.n for band in model.bands)
    xs, ys, persons = [0.0], [0.0], 0
    for band in model.bands:
        persons += band.n
        xs.append(persons / total)
        ys.append(band.gain)
    cut = min(3, len(model.bands))
    summary = (
        f"The best {fmt.share(xs[cut], 1)} of the persons held out hold "
        f"{fmt.share(ys[cut], 1)} of the positives: {fmt.number(ys[cut] / xs[cut])} times "
        "what chance finds."
    )
    titles = ("share of persons, best first", "share of positives found")
    figure = charts.curves({model.model: (xs, ys)}, titles=titles, beside="chance")
    return Panel(f"Gain of {fmt.label(model.model, 40)}", summary, figure)
