"""`databank rollback`: identity back to a day, a model back to its former champion."""

from datetime import date
from pathlib import Path

from databank.cli.options import CONF
from databank.cli.show import TextSection
from databank.clock import parse_day, refuse_future
from databank.config import ConfigReader, Settings
from databank.errors import DataBankError
from databank.project.jobs import load_job
from databank.runs import Progress, Runner
from databank.runs.records import StoreLedger
from databank.runs.rollback import roll_back as roll_back_job
from databank.session import open_session
from databank.tables import DeltaStore
from databank.tables.outside import require_bank


def roll_back(
    what: str, name: str | None, to: str | None, conf_dir: str, root: str
) -> list[TextSection]:
    """Roll back identity to a day, or a model to its former champion.

    Raises:
        DataBankError: If the options do not fit, or the rollback is refused.
    """
    if what == "model":
        if name is None:
            raise DataBankError("rollback model: which one is missing; add the name of the model")
        if to is not None:
            raise DataBankError(
                "--to: a model goes back to its former champion, to no day; leave out --to"
            )
        return roll_back_model(name, conf_dir, root)
    if name is not None:
        raise DataBankError(f"rollback identity: has no part {name!r}; leave out the name")
    if to is None:
        raise DataBankError("--to: is missing; add the day whose state comes back, YYYY-MM-DD")
    return roll_back_identity(conf_dir, root, parse_day(to, option="--to"))


def roll_back_identity(conf_dir: str, root: str, day: date) -> list[TextSection]:
    """Publish again the identity that was published by a day, and tell what follows.

    Raises:
        DataBankError: If the day lies ahead, the root holds no bank, or the job cannot go there.
    """
    settings = _settings(conf_dir)
    refuse_future(day, timezone=settings.timezone, option="--to")
    require_bank(root)
    progress = Progress()
    with progress.wait("session"):
        spark, job = open_session(settings), load_job("resolve_identity")
        store = DeltaStore(spark, root)
    outcome = roll_back_job(store, settings, job, to=day, progress=progress)
    # other jobs are ahead, and take no older day
    latest = max(StoreLedger(store).history().days.values())
    follows = (
        f"the tables made of it follow by `databank run all --root {root} --date {latest}`, or a "
        "later day; what they keep of the days between stays as it was made"
    )
    return [
        TextSection("identity is rolled back", [dict(outcome.summary)], "rollback"),
        TextSection(follows, [], "follows"),
    ]


def roll_back_model(name: str, conf_dir: str, root: str) -> list[TextSection]:
    """Make the former champion of a model champion again, and tell what follows.

    Raises:
        DataBankError: If the root holds no bank, no model was trained on it, there is no such
            model, no champion, or none before it.
    """
    settings = _settings(conf_dir)
    require_bank(root)
    progress = Progress()
    with progress.wait("session"):
        store = DeltaStore(open_session(settings), root)
    day = StoreLedger(store).history().latest_day("train_model")
    if day is None:
        raise DataBankError(f"--root {root}: no model was trained on it yet; run train_model first")
    from databank.models.rollback import ROLLBACK  # imports mlflow's and Spark's models

    runner = Runner(store, settings, progress=progress)
    outcome = runner.run(ROLLBACK, name, day=day, config_hash="rollback", nodes=(name,))
    if outcome.error is not None:
        raise outcome.error
    follows = (
        f"scores, and what is made of them, follow by `databank run all --root {root} --date "
        f"{day}`, or a later day; the model is trained again when its file changes, or "
        "`train_every` after the training that was rolled back"
    )
    title = f"model {name} is rolled back"
    return [
        TextSection(title, [dict(outcome.summary)], "rollback"),
        TextSection(follows, [], "follows"),
    ]


def _settings(conf_dir: str) -> Settings:
    """Read the settings alone; a fault in the rest of the configuration does not matter here."""
    # the default: a bank may be rolled back from where there is none
    if conf_dir == CONF and not Path(conf_dir).is_dir():
        return Settings()
    reader = ConfigReader(conf_dir)
    settings = reader.read_file("databank.yml", Settings, optional=True)
    reader.finish()
    return settings or Settings()
