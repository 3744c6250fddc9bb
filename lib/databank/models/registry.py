"""The MLflow registry: runs, versions, and the alias `champion`; the only place that knows it."""

import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version as installed
from typing import Any

from pydantic import ValidationError
from pyspark.ml import PipelineModel

from databank.errors import DataBankError, did_you_mean
from databank.models.config import read_spec
from databank.models.families.family import family_of
from databank.models.spec import ModelSpec
from databank.models.tracking import names_faults, open_tracking

CHAMPION = "champion"
_DAY, _HASH, _FORMER = "databank.trained_day", "databank.spec", "databank.former"
# on a champion that came back: training and spec of the champion that was rolled back
_SETTLED_DAY, _SETTLED_HASH = "databank.settled_day", "databank.settled_spec"
_SPEC = "spec.json"


@dataclass(frozen=True)
class Version:
    """A registered version of a model.

    Attributes:
        settled_day: Run day of the training that decides when the model is due again: its own,
            or that of the champion that was rolled back to this version.
        settled_hash: Spec of that training, so that a rollback does not make the model due.
    """

    model: str
    version: int
    tracking_run: str
    settled_day: date
    settled_hash: str
    trained_day: date
    spec_hash: str


class Registry:
    """Models of one bank in MLflow.

    Args:
        root: Warehouse root; without a tracking URI, runs go to sqlite under it.
        tracking_uri: Of a tracking server or database.
        experiment: Name under which runs are listed.

    Raises:
        DataBankError: As `open_tracking` does.
    """

    @names_faults
    def __init__(self, root: str, tracking_uri: str | None, *, experiment: str) -> None:
        _be_quiet()
        import mlflow
        from mlflow.tracking import MlflowClient

        tracking = open_tracking(root, tracking_uri)
        self._artifacts = tracking.artifacts
        self._tmp = f"{root}/mlflow/_tmp"
        self._experiment = experiment
        mlflow.set_tracking_uri(tracking.uri)
        mlflow.set_registry_uri(tracking.uri)
        self._client = MlflowClient(tracking_uri=tracking.uri, registry_uri=tracking.uri)

    @names_faults
    def champion(self, model: str) -> Version | None:
        """Find the version that the alias `champion` names now; None if there is none."""
        from mlflow.exceptions import MlflowException

        try:
            champion = self._client.get_model_version_by_alias(model, CHAMPION)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        day = champion.tags.get(_DAY)
        if day is None:
            raise DataBankError(
                f"{model}@{CHAMPION}: version {champion.version} was not registered by databank; "
                "move the alias to one that was, or remove it and run train_model"
            )
        spec_hash = champion.tags.get(_HASH, "")
        return Version(
            model=model,
            version=int(champion.version),
            tracking_run=str(champion.run_id),
            settled_day=date.fromisoformat(champion.tags.get(_SETTLED_DAY, day)),
            settled_hash=champion.tags.get(_SETTLED_HASH, spec_hash),
            trained_day=date.fromisoformat(day),
            spec_hash=spec_hash,
        )

    @names_faults
    def spec(self, version: Version) -> ModelSpec:
        """Load the spec that a version was trained by, with the features of that time.

        Raises:
            DataBankError: If it cannot be read by this release.
        """
        import mlflow

        uri = f"runs:/{version.tracking_run}/{_SPEC}"
        try:
            return read_spec(mlflow.artifacts.load_dict(uri))
        except ValidationError as error:
            raise DataBankError(
                f"{version.model} version {version.version}: its {_SPEC} cannot be read "
                f"({error.error_count()} faults); remove the alias {CHAMPION} and run train_model"
            ) from None

    @names_faults
    def load(self, version: Version) -> PipelineModel:
        """Load the fitted pipeline of a version."""
        import mlflow

        uri = f"models:/{version.model}/{version.version}"
        loaded = mlflow.spark.load_model(uri, dfs_tmpdir=self._tmp)
        if not isinstance(loaded, PipelineModel):
            raise DataBankError(f"{uri}: is no pipeline; run train_model")
        return loaded

    @names_faults
    def log(
        self,
        model: PipelineModel,
        spec: ModelSpec,
        *,
        day: date,
        figures: Mapping[str, float],
        tables: Mapping[str, Any],
        tags: Mapping[str, str],
    ) -> Version:
        """Log a run with its model and register it; no alias moves.

        Args:
            model: The fitted pipeline.
            spec: The model it was fitted by.
            day: Run day.
            figures: Metrics by name.
            tables: JSON artifacts by file name.
            tags: Of the run.
        """
        import mlflow

        started = self._client.create_run(
            self._experiment_id(), run_name=f"{spec.model} {day}", tags=dict(tags)
        )
        with mlflow.start_run(run_id=started.info.run_id) as run:
            mlflow.log_params(_params(spec))
            mlflow.log_metrics(dict(figures))
            mlflow.log_text(spec.model_dump_json(indent=2), _SPEC)
            for name, table in tables.items():
                mlflow.log_text(json.dumps(table, indent=2), name)
            mlflow.spark.log_model(
                model,
                "model",
                signature=_signature(spec),
                # inferring them starts a second Spark session
                pip_requirements=[f"{name}=={installed(name)}" for name in ("mlflow", "pyspark")],
                dfs_tmpdir=self._tmp,
            )
        return self._register(spec, run, day)

    def _register(self, spec: ModelSpec, run: Any, day: date) -> Version:
        """Register the model of a run; by the client, which does not write to the terminal."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(spec.model, description=spec.description)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        created = self._client.create_model_version(
            spec.model,
            f"{run.info.artifact_uri}/model",
            run_id=run.info.run_id,
            tags={_DAY: day.isoformat(), _HASH: spec.spec_hash},
        )
        return Version(
            model=spec.model,
            version=int(created.version),
            tracking_run=run.info.run_id,
            settled_day=day,
            settled_hash=spec.spec_hash,
            trained_day=day,
            spec_hash=spec.spec_hash,
        )

    @names_faults
    def promote(self, version: Version) -> None:
        """Make a version the champion, and note on it the champion before it."""
        former = self.champion(version.model)
        if former is not None and former.version != version.version:
            self._client.set_model_version_tag(
                version.model, str(version.version), _FORMER, str(former.version)
            )
        self._client.set_registered_model_alias(version.model, CHAMPION, str(version.version))

    @names_faults
    def former(self, model: str) -> tuple[Version, int]:
        """Find the champion of a model, and the version that was champion before it.

        Raises:
            DataBankError: If there is no such model, no champion, or none before it.
        """
        names = {each.name for each in self._client.search_registered_models()}
        if model not in names:
            raise DataBankError(f"unknown model {model!r}; {did_you_mean(model, names)}")
        champion = self.champion(model)
        if champion is None:
            raise DataBankError(f"model {model}: has no champion; run train_model first")
        tags = self._client.get_model_version(model, str(champion.version)).tags
        if _FORMER not in tags:
            raise DataBankError(
                f"model {model}: version {champion.version} is its first champion, and none was "
                "before it; to replace it, change the file of the model and run train_model"
            )
        return champion, int(tags[_FORMER])

    @names_faults
    def reinstate(self, champion: Version, former: int) -> None:
        """Make the former champion champion again; the model is due when it was due before."""
        tags = {
            _SETTLED_DAY: champion.settled_day.isoformat(),
            _SETTLED_HASH: champion.settled_hash,
        }
        for name, value in tags.items():
            self._client.set_model_version_tag(champion.model, str(former), name, value)
        self._client.set_registered_model_alias(champion.model, CHAMPION, str(former))

    def _experiment_id(self) -> str:
        experiment = self._client.get_experiment_by_name(self._experiment)
        if experiment is not None:
            return str(experiment.experiment_id)
        return str(self._client.create_experiment(self._experiment, self._artifacts))


def _be_quiet() -> None:
    """Turn off banners, progress bars and telemetry of MLflow."""
    for name, value in (
        ("MLFLOW_DISABLE_TELEMETRY", "true"),
        ("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false"),
        ("GIT_PYTHON_REFRESH", "quiet"),
    ):
        os.environ.setdefault(name, value)
    for logger in ("mlflow", "alembic", "mlflow.spark", "mlflow.store.db.utils"):
        logging.getLogger(logger).setLevel(logging.ERROR)


def _params(spec: ModelSpec) -> dict[str, str]:
    params = {
        "algorithm": spec.algorithm,
        "holdout": spec.holdout,
        "seed": spec.seed,
        **spec.all_parameters,
        **spec.tracking_params,
    }
    listed = {name: str(value) for name, value in params.items() if value is not None}
    return {re.sub(r"[^\w./ -]", "_", name): value for name, value in listed.items()}


def _signature(spec: ModelSpec) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs: list[Any] = [
        ColSpec(kind, name, required=False)
        for name, kind in family_of(spec).input_schema(spec).items()
    ]
    return ModelSignature(Schema(inputs), Schema([ColSpec("double", "calibrated")]))
