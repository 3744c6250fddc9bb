"""The former champion of a model made champion again."""

from dataclasses import replace

from pyspark.sql import functions as F

from databank.models.tables import TRAINING
from databank.models.train import JOB, open_registry
from databank.runs import Context, StepResult

ROLLED_BACK = "rolled back"


def reinstate_former(context: Context, model: str) -> StepResult:
    """Make the former champion champion again, and note so on the champion's training.

    The changed row of models.training lets the next score_model run see that the champion is
    another one. It is published before the alias moves: after a crash in between, the rollback is
    simply done again.

    Raises:
        DataBankError: If there is no such model, no champion, or none before it.
    """
    registry = open_registry(context)
    champion, former = registry.former(model)
    store = context.store
    is_champion = (F.col("model") == model) & (F.col("version") == champion.version)
    training = store.read(TRAINING).where(is_champion)
    reason = f"by hand, back to version {former}"
    changed = {"outcome": F.lit(ROLLED_BACK), "reason": F.lit(reason)}
    store.upsert(TRAINING, training.withColumns(changed))
    store.publish(JOB.name, context.day)
    registry.reinstate(champion, former)
    return StepResult({"model": model, "was champion": champion.version, "is champion": former})


# a run of train_model, so that no training runs at the same time; it destroys no newer state
ROLLBACK = replace(JOB, step=reinstate_former, latest_only=False, outside=lambda *_: True)
