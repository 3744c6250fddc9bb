"""Preview resolve_identity: run it without publishing, and compare with what is published."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, functions as F

from databank.identity.build import update_persons
from databank.identity.config import IdentityConfig
from databank.identity.incremental.state import Counts, counts_of
from databank.identity.preview.gates import Churn
from databank.identity.preview.samples import Samples, sample_merges, sample_splits, types_of
from databank.identity.tables import CHANGES, EDGES, PERSON, REJECTED, STATE
from databank.runs import Context
from databank.sources.tables import IDENTIFIER

_LARGEST = 10
_KINDS = ("merge", "split", "new", "retired")

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Preview:
    """Changes that a run would make, for people to review; rows hold no values of identifiers.

    Attributes:
        before: Counts of identity.person as it is published.
        after: Counts as they would be.
        changed: Kind of change -> persons: merged away, split, new, retired.
        churn: What the gates compare.
        largest: Persons with most identifiers after it, and what they were before.
        refused: Rows of identity.rejected by rule, before and after it.
        merges: Sample of merges, with the evidence that made them.
        splits: Sample of splits, with what was rejected there.
        linkage_changed: Whether the rules of `linkage` differ from those of the last run; the
            likely pairs are then still those that link_profiles found by the old rules.
    """

    before: Counts
    after: Counts
    changed: dict[str, int]
    churn: Churn
    largest: Rows
    refused: Rows
    merges: Rows
    splits: Rows
    linkage_changed: bool


def preview_identity(context: Context, config: IdentityConfig) -> Preview:
    """Resolve persons and measure the churn; gates are not applied here.

    The run must be one that publishes nothing.
    """
    store = context.store
    # at the versions that are published, whatever is written below
    was, refused = store.read(PERSON), store.read(REJECTED)
    state = store.read(STATE).first()
    _, churn = update_persons(context, config)
    context.progress.step("measuring and drawing samples")
    now, edges = store.read(PERSON), store.read(EDGES)
    changes = store.read(CHANGES).where(F.col("run_id") == context.run_id)
    types = store.read(IDENTIFIER).select("id_key", "id_type")
    samples = Samples(was, now, types, edges, store.read(REJECTED))
    return Preview(
        before=counts_of(was),
        after=counts_of(now),
        changed=_changed(changes),
        churn=churn,
        largest=_largest(was, now, types),
        refused=_refused(refused, store.read(REJECTED)),
        merges=sample_merges(changes, samples),
        splits=sample_splits(changes, samples),
        linkage_changed=state is not None
        and IdentityConfig.model_validate_json(state["rules"]).linkage != config.linkage,
    )


def _changed(changes: DataFrame) -> dict[str, int]:
    """Count persons by kind of change; a person split into three counts once."""
    whose = F.coalesce("other_person_id", "person_id")
    counted = changes.groupBy("kind").agg(F.count_distinct(whose).alias("n")).collect()
    persons = {row["kind"]: row["n"] for row in counted}
    return {kind: persons.get(kind, 0) for kind in _KINDS}


def _largest(was: DataFrame, now: DataFrame, types: DataFrame) -> Rows:
    sizes = now.groupBy("person_id").agg(F.count(F.lit(1)).alias("n"))
    top = sizes.orderBy(F.desc("n"), "person_id").limit(_LARGEST).collect()
    persons = [row["person_id"] for row in top]
    held, earlier = types_of(now, types, persons), _sizes(was, persons)
    members = now.where(F.col("person_id").isin(persons)).select("person_id", "id_key").distinct()
    old = was.select("id_key", F.col("person_id").alias("old"))
    from_whom = old.join(F.broadcast(members), "id_key").groupBy("person_id")
    counts = from_whom.agg(F.count_distinct("old").alias("n")).collect()
    persons_before = {row["person_id"]: row["n"] for row in counts}
    return [
        {
            "person": row["person_id"],
            "identifiers": row["n"],
            "identifiers before": earlier.get(row["person_id"], 0),
            "made of persons": persons_before.get(row["person_id"], 0),
            "holds": held.get(row["person_id"]),
        }
        for row in top
    ]


def _sizes(rows: DataFrame, persons: Sequence[int]) -> dict[int, int]:
    wanted = rows.where(F.col("person_id").isin(persons))
    return {row["person_id"]: row["count"] for row in wanted.groupBy("person_id").count().collect()}


def _refused(before: DataFrame, after: DataFrame) -> Rows:
    """Count excluded identifiers and rejected links by rule, before and after."""
    alone = F.col("b_key").isNull().alias("alone")
    both = [
        rows.select("rule", alone, F.lit(column).alias("at"))
        for rows, column in ((before, "before"), (after, "after"))
    ]
    counts = both[0].unionByName(both[1]).groupBy("alone", "rule").pivot("at", ["before", "after"])
    rows = counts.count().orderBy(F.desc("alone"), "rule").collect()
    return [
        {
            "what": "excluded identifiers" if row["alone"] else "rejected links",
            "rule": row["rule"],
            "before": row["before"] or 0,
            "after": row["after"] or 0,
        }
        for row in rows
    ]
