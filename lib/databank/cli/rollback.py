"""`databank rollback`: back to what a job had published by a day."""

from datetime import date
from pathlib import Path

from databank.cli.show import Section
from databank.clock import refuse_future
from databank.config import ConfigReader, Settings
from databank.project.jobs import load_job
from databank.runs import Progress
from databank.runs.records import StoreLedger
from databank.runs.rollback import roll_back
from databank.session import get_spark
from databank.tables import DeltaStore
from databank.tables.outside import require_root

_CONF = "conf"  # the default: a bank may be rolled back from where there is none
# what can go back, and the job that makes it
JOBS = {"identity": "resolve_identity"}


def roll_back_to(what: str, conf_dir: str, root: str, day: date) -> list[Section]:
    """Publish again what a job had published by a day, and tell what follows.

    Raises:
        DataBankError: If the day lies ahead, the root does not exist, or the job cannot go there.
    """
    settings = _settings(conf_dir)
    refuse_future(day, timezone=settings.timezone, option="--to")
    require_root(root)
    spark, job = get_spark("databank", **settings.spark), load_job(JOBS[what])
    store = DeltaStore(spark, root)
    outcome = roll_back(store, settings, job, to=day, progress=Progress(quiet=True))
    # other jobs are ahead, and take no older day
    latest = max(StoreLedger(store).history().days.values())
    follows = (
        f"the tables made of it follow by `databank run all --root {root} --date {latest}`, or a "
        "later day; what they keep of the days between stays as it was made"
    )
    return [Section(f"{what} is rolled back", [dict(outcome.summary)]), Section(follows, [])]


def _settings(conf_dir: str) -> Settings:
    """Of the configuration the settings alone; the rest may be what has to be mended."""
    if conf_dir == _CONF and not Path(conf_dir).is_dir():
        return Settings()
    reader = ConfigReader(conf_dir)
    settings = reader.read_file("databank.yml", Settings, optional=True)
    reader.finish()
    return settings or Settings()
