"""Gates: refuse a run that changes more than identity.yml allows."""

from datetime import date
from typing import NamedTuple

from pyspark.sql import Column, DataFrame, functions as F

from databank.errors import GateRefusedError
from databank.identity.config import Gates
from databank.identity.ownership.periods import FOREVER
from databank.session import checkpoint_counted, checkpoint_keys

_ALWAYS = date(1000, 1, 1)


class Churn(NamedTuple):
    """Changes of a run; identifiers are rows of identity.person.

    Attributes:
        known: Identifiers that belonged to a person before.
        moved: Those of them that belong to another person, on some of their days at least.
        largest: Identifiers of the largest person after the run.
    """

    known: int
    moved: int
    largest: int

    @property
    def share(self) -> float:
        """Return moved as a share of known, 0-1; 0 in a bank that had no person."""
        return self.moved / self.known if self.known else 0.0


class Verdict(NamedTuple):
    """Verdict of a gate: `measured` may be as high as `allowed`; None = no gate is set."""

    gate: str
    measured: float
    allowed: float | None

    @property
    def refused(self) -> bool:
        """Tell whether `measured` is higher than `allowed`."""
        return self.allowed is not None and self.measured > self.allowed


def verdicts(churn: Churn, gates: Gates) -> list[Verdict]:
    """Give the verdict of each gate of identity.yml."""
    return [
        Verdict("moved", churn.share, gates.moved),
        Verdict("largest", churn.largest, gates.largest),
    ]


def refusal(churn: Churn, gates: Gates) -> GateRefusedError | None:
    """Make the error of a run that changes too much; None if it passes all gates."""
    moved, largest = verdicts(churn, gates)
    broken = []
    if moved.refused and moved.allowed is not None:
        broken.append(
            f"gates.moved: {_percent(churn.share)} of the identifiers ({churn.moved:,} of "
            f"{churn.known:,}) would come to another person, allowed are {_percent(moved.allowed)}"
        )
    if largest.refused:
        broken.append(
            f"gates.largest: a person would hold {churn.largest:,} identifiers, allowed are "
            f"{largest.allowed:,}"
        )
    if not broken:
        return None
    return GateRefusedError(
        f"identity.yml: {'; '.join(broken)}; nothing was published: review it with "
        "`databank preview identity`, then fix the rule, or raise the gate"
    )


def count_moved(changes: DataFrame, before: DataFrame, after: DataFrame) -> int:
    """Count identifiers that came to another person.

    Args:
        changes: kind, person_id, other_person_id of identity.changes, those of this run.
        before: identity.person of yesterday.
        after: identity.person of today.

    Returns:
        Rows of `before` whose identifier belongs, on one of their days, to another person in
        `after`.
    """
    left = changes.where("kind IN ('merge', 'split')").select("other_person_id")
    # a reassignment ends a period, and a period whose reassignment was taken back is gone
    left = left.union(changes.where("kind = 'shrink'").select("person_id")).toDF("person_id")
    persons, count = checkpoint_counted(left.distinct())
    if not count:
        return 0
    was = checkpoint_keys(before.join(persons, "person_id", "left_semi")).select(
        "id_key",
        F.col("person_id").alias("was"),
        F.col("valid_from").alias("was_from"),
        F.col("valid_to").alias("was_to"),
    )
    meet = _starts("valid_from") < _ends("was_to")
    meet &= _starts("was_from") < _ends("valid_to")
    moved = after.join(was, "id_key").where((F.col("was") != F.col("person_id")) & meet)
    return moved.select("id_key", "was_from").distinct().count()


def _starts(day: str) -> Column:
    return F.coalesce(day, F.lit(_ALWAYS))


def _ends(day: str) -> Column:
    return F.coalesce(day, F.lit(FOREVER))


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"
