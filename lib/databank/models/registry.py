"""The MLflow registry: runs, versions, and the alias `champion`; the only place that knows it."""

import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from pydantic import ValidationError
from pyspark.ml import PipelineModel

from databank.errors import DataBankError
from databank.models.definition import Definition
from databank.models.kinds import read_definition

CHAMPION = "champion"
_DAY, _HASH, _FORMER = "databank.trained_day", "databank.definition", "databank.former"
_DEFINITION = "definition.json"


@dataclass(frozen=True)
class Version:
    """A registered version of a model."""

    model: str
    version: int
    tracking_run: str
    trained_day: date
    definition_hash: str


class Registry:
    """Models of one bank in MLflow.

    Args:
        root: Warehouse root; without a tracking URI, runs go to sqlite under it.
        tracking_uri: Of a tracking server or database.
        experiment: Name under which runs are listed.

    Raises:
        DataBankError: If there is no tracking URI and the root is not a local folder.
    """

    def __init__(self, root: str, tracking_uri: str | None, *, experiment: str) -> None:
        _be_quiet()
        import mlflow
        from mlflow.tracking import MlflowClient

        self._artifacts: str | None = None
        if tracking_uri is None:
            folder = _local(root) / "mlflow"
            folder.mkdir(parents=True, exist_ok=True)
            tracking_uri = f"sqlite:///{folder / 'mlflow.db'}"
            self._artifacts = (folder / "artifacts").as_uri()
        self._tmp = f"{root}/mlflow/_tmp"
        self._experiment = experiment
        mlflow.set_tracking_uri(tracking_uri)
        mlflow.set_registry_uri(tracking_uri)
        self._client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)

    def champion(self, model: str) -> Version | None:
        """The version that the alias `champion` names now; None if there is none."""
        from mlflow.exceptions import MlflowException

        try:
            found = self._client.get_model_version_by_alias(model, CHAMPION)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        day = found.tags.get(_DAY)
        if day is None:
            raise DataBankError(
                f"{model}@{CHAMPION}: version {found.version} was not registered by databank; "
                "move the alias to one that was, or remove it and run train_model"
            )
        return Version(
            model=model,
            version=int(found.version),
            tracking_run=str(found.run_id),
            trained_day=date.fromisoformat(day),
            definition_hash=found.tags.get(_HASH, ""),
        )

    def definition(self, version: Version) -> Definition:
        """The configuration that a version was trained by; its features are its own.

        Raises:
            DataBankError: If it cannot be read by this release.
        """
        import mlflow

        uri = f"runs:/{version.tracking_run}/{_DEFINITION}"
        try:
            return read_definition(mlflow.artifacts.load_dict(uri))
        except ValidationError as error:
            raise DataBankError(
                f"{version.model} version {version.version}: its definition cannot be read "
                f"({error.error_count()} faults); remove the alias {CHAMPION} and run train_model"
            ) from None

    def load(self, version: Version) -> PipelineModel:
        """The fitted pipeline of a version."""
        import mlflow

        uri = f"models:/{version.model}/{version.version}"
        loaded = mlflow.spark.load_model(uri, dfs_tmpdir=self._tmp)
        if not isinstance(loaded, PipelineModel):
            raise DataBankError(f"{uri}: is no pipeline; run train_model")
        return loaded

    def log(
        self,
        model: PipelineModel,
        config: Definition,
        *,
        day: date,
        figures: Mapping[str, float],
        tables: Mapping[str, Any],
        tags: Mapping[str, str],
    ) -> Version:
        """Log a run with its model and register it; no alias moves.

        Args:
            model: The fitted pipeline.
            config: What it was fitted by.
            day: Run day.
            figures: Metrics by name.
            tables: JSON artifacts by file name.
            tags: Of the run.
        """
        import mlflow

        started = self._client.create_run(
            self._experiment_id(), run_name=f"{config.model} {day}", tags=dict(tags)
        )
        with mlflow.start_run(run_id=started.info.run_id) as run:
            mlflow.log_params(_params(config))
            mlflow.log_metrics(dict(figures))
            mlflow.log_text(config.model_dump_json(indent=2), _DEFINITION)
            for name, table in tables.items():
                mlflow.log_text(json.dumps(table, indent=2), name)
            mlflow.spark.log_model(
                model,
                "model",
                signature=_signature(config),
                # inferring them starts a second Spark session
                pip_requirements=[f"{name}=={installed(name)}" for name in ("mlflow", "pyspark")],
                dfs_tmpdir=self._tmp,
            )
        return self._register(config, run, day)

    def _register(self, config: Definition, run: Any, day: date) -> Version:
        """Make the run's model a version; by the client, which does not talk to the terminal."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(config.model, description=config.description)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found = self._client.create_model_version(
            config.model,
            f"{run.info.artifact_uri}/model",
            run_id=run.info.run_id,
            tags={_DAY: day.isoformat(), _HASH: config.definition_hash},
        )
        return Version(
            model=config.model,
            version=int(found.version),
            tracking_run=run.info.run_id,
            trained_day=day,
            definition_hash=config.definition_hash,
        )

    def promote(self, version: Version) -> None:
        """Make a version the champion; it remembers whom it followed."""
        former = self.champion(version.model)
        if former is not None and former.version != version.version:
            self._client.set_model_version_tag(
                version.model, str(version.version), _FORMER, str(former.version)
            )
        self._client.set_registered_model_alias(version.model, CHAMPION, str(version.version))

    def roll_back(self, model: str) -> tuple[int, int]:
        """Give the alias back to the version that the champion followed.

        Returns:
            The version that was champion, and the one that is now.

        Raises:
            DataBankError: If there is no champion, or it is the first one.
        """
        champion = self.champion(model)
        if champion is None:
            raise DataBankError(f"{model}: has no champion; run train_model first")
        held = self._client.get_model_version(model, str(champion.version))
        former = held.tags.get(_FORMER)
        if former is None:
            raise DataBankError(
                f"{model}: version {champion.version} is its first champion; there is none before"
            )
        self._client.set_registered_model_alias(model, CHAMPION, former)
        return champion.version, int(former)

    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(self._experiment)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(self._experiment, self._artifacts))


def _local(root: str) -> Path:
    parts = urlparse(root)
    if parts.scheme not in ("", "file"):
        raise DataBankError(
            f"--root {root}: sqlite cannot lie there; set tracking_uri in conf/databank.yml to a "
            "tracking server"
        )
    return Path(unquote(parts.path)).resolve()


def _be_quiet() -> None:
    """No banners, bars and calls home; databank tells itself what it does."""
    for name, value in (
        ("MLFLOW_DISABLE_TELEMETRY", "true"),
        ("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false"),
        ("GIT_PYTHON_REFRESH", "quiet"),
    ):
        os.environ.setdefault(name, value)
    for logger in ("mlflow", "alembic", "mlflow.spark", "mlflow.store.db.utils"):
        logging.getLogger(logger).setLevel(logging.ERROR)


def _params(config: Definition) -> dict[str, str]:
    given = {
        "algorithm": config.algorithm,
        "holdout": config.holdout,
        "seed": config.seed,
        **config.shown,
    }
    shown = {name: str(value) for name, value in given.items() if value is not None}
    return {re.sub(r"[^\w./ -]", "_", name): value for name, value in shown.items()}


def _signature(config: Definition) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs: list[Any] = [
        ColSpec(kind, name, required=False) for name, kind in config.columns.items()
    ]
    return ModelSignature(Schema(inputs), Schema([ColSpec("double", "calibrated")]))
