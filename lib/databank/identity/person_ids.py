"""Stable person ids: yesterday's persons decide the ids of today's components.

Each person of yesterday claims the one component that holds most of its identifiers (a tie goes to
the part with the smallest id_key). A component takes the oldest, that is smallest, of the ids that
claim it; the other claimants are merged into it. A component that no person claims gets a new id.
Nothing here depends on row order, partitions or the component's own number, so that unchanged data
keeps every id, however often the persons are rebuilt.
"""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame, Window, functions as F

from databank.columns import require_columns
from databank.errors import DataBankError
from databank.session import checkpoint

PERSON_LIMIT = 2**32
CAUSES = {
    "new": "identifiers seen for the first time",
    "merge": "identifiers of both persons are now connected",
    "split": "identifiers of the other person are no longer connected",
    "retired": "no identifier is left",
}
# ids are numbered in 1024 slices of the 64-bit range, each sorted by itself
_SLICE_BITS = 54


@dataclass(frozen=True)
class Assignment:
    """Today's persons, and how they came from yesterday's; the frames are lazy.

    Attributes:
        person: id_key (bigint, unique), person_id (bigint, < 2^32).
        names: component (bigint, unique), person_id (unique).
        alias: old_person_id (bigint, unique), person_id: from every id that was ever merged away
            straight to the one that stands for it.
        changes: run_id, day, kind (new, merge, split, retired), person_id, other_person_id, cause.
            merge: other_person_id was merged into person_id. split: a part of other_person_id
            became person_id. A person may have several rows of both kinds.
    """

    person: DataFrame
    names: DataFrame
    alias: DataFrame
    changes: DataFrame


def next_person_id(person: DataFrame, alias: DataFrame) -> int:
    """Return one more than the highest person_id ever given, 1 for an empty bank.

    Args:
        person: person_id; all rows ever, closed intervals included, or retired ids come back.
        alias: old_person_id, person_id.
    """
    given = person.select("person_id").union(alias.select("old_person_id"))
    row = given.union(alias.select("person_id")).agg(F.max("person_id").alias("highest")).first()
    return 1 if row is None or row["highest"] is None else int(row["highest"]) + 1


def assign_persons(
    components: DataFrame,
    previous: DataFrame,
    aliases: DataFrame,
    *,
    run_id: str,
    day: date,
    next_id: int,
) -> Assignment:
    """Name today's components after yesterday's persons.

    Args:
        components: id_key (bigint, unique), component (bigint, any label of the component).
        previous: id_key (bigint, unique), person_id: the persons that own the identifiers so far.
        aliases: old_person_id, person_id: flat, as this function returns them.
        run_id: Written to changes.
        day: Run day, written to changes.
        next_id: The first id to give, see `next_person_id`. New ids follow on without a gap, in
            the order of the smallest id_key of their components.

    Raises:
        MissingColumnsError: If a frame lacks a column named above.
        DataBankError: If next_id is no person_id. It fails in Spark if ids run out.
    """
    require_columns(components, "id_key", "component", where="assign_persons: components")
    require_columns(previous, "id_key", "person_id", where="assign_persons: previous")
    require_columns(aliases, "old_person_id", "person_id", where="assign_persons: aliases")
    if not 0 < next_id < PERSON_LIMIT:
        raise DataBankError(f"assign_persons: next_id {next_id} is not between 1 and 2^32 - 1")
    overlaps = _overlaps(components, previous)
    # three results come from it
    names = checkpoint(_names(components, _survivors(overlaps), next_id))
    person = components.select("id_key", "component").join(names, "component")
    moves = _moves(overlaps, names, previous)
    return Assignment(
        person=person.select("id_key", "person_id"),
        names=names.select("component", "person_id"),
        alias=_alias(aliases, moves),
        changes=_changes(moves, run_id, day),
    )


def _overlaps(components: DataFrame, previous: DataFrame) -> DataFrame:
    """Pair components with yesterday's persons: component, old (person_id), claims.

    claims: the component is the successor of the person, which holds most of its identifiers.
    """
    before = previous.select("id_key", F.col("person_id").alias("old"))
    known = components.select("id_key", "component").join(before, "id_key")
    measures = (F.count(F.lit(1)).alias("n"), F.min("id_key").alias("smallest_key"))
    parts = known.groupBy("old", "component").agg(*measures)
    # a complement has the opposite order, and no key overflows by it
    rank = F.struct("n", F.bitwise_not("smallest_key"))
    successors = parts.groupBy("old").agg(F.max_by("component", rank).alias("successor"))
    claims = (F.col("component") == F.col("successor")).alias("claims")
    return checkpoint(parts.join(successors, "old").select("component", "old", claims))


def _survivors(overlaps: DataFrame) -> DataFrame:
    """Find the survivor, the oldest person that claims it, of each component with an overlap."""
    survivor = F.min(F.when(F.col("claims"), F.col("old"))).alias("survivor")
    return overlaps.groupBy("component").agg(survivor)


def _names(components: DataFrame, survivors: DataFrame, next_id: int) -> DataFrame:
    """Give each component its person_id: component, person_id, fresh.

    person_id is the survivor, else new and consecutive in the order of the smallest id_key. fresh:
    no identifier of the component was known before.
    """
    smallest = components.groupBy("component").agg(F.min("id_key").alias("smallest_key"))
    named = smallest.join(survivors.withColumn("fresh", F.lit(False)), "component", "left")
    named = named.withColumn("fresh", F.coalesce("fresh", F.lit(True)))
    unclaimed = checkpoint(named.where(F.col("survivor").isNull()))
    sliced = unclaimed.withColumn("slice", F.shiftright("smallest_key", _SLICE_BITS))
    counts = sliced.groupBy("slice").agg(F.count(F.lit(1)).alias("n"))
    # at most 1024 rows: the only window without a partition
    before = F.sum("n").over(Window.orderBy("slice")) - F.col("n")
    offsets = F.broadcast(counts.select("slice", before.alias("offset")))
    place = F.row_number().over(Window.partitionBy("slice").orderBy("smallest_key"))
    person_id = F.col("offset") + F.col("place") + F.lit(next_id - 1).cast("bigint")
    numbered = sliced.withColumn("place", place).join(offsets, "slice")
    given = numbered.select("component", _below_limit(person_id).alias("person_id"), "fresh")
    kept = survivors.where(F.col("survivor").isNotNull())
    return given.unionByName(
        kept.select("component", F.col("survivor").alias("person_id"), F.lit(False).alias("fresh"))
    )


def _below_limit(person_id: Column) -> Column:
    message = F.lit("assign_persons: person ids have run out (2^32); start a new bank")
    return F.when(person_id < PERSON_LIMIT, person_id).otherwise(
        F.raise_error(message).cast("bigint")
    )


def _moves(overlaps: DataFrame, names: DataFrame, previous: DataFrame) -> DataFrame:
    """List what differs from yesterday: kind, person_id, other_person_id."""
    no_person = F.lit(None).cast("bigint").alias("other_person_id")
    new = names.where("fresh").select(F.lit("new").alias("kind"), "person_id", no_person)
    old = F.col("old")
    kind = F.when(~F.col("claims"), F.lit("split")).when(old != F.col("person_id"), F.lit("merge"))
    named = overlaps.join(names, "component").select(kind.alias("kind"), "person_id", old)
    changed = new.union(named.where(F.col("kind").isNotNull()))
    gone = previous.select("person_id").distinct()
    gone = gone.join(overlaps.select(old.alias("person_id")), "person_id", "left_anti")
    return changed.union(gone.select(F.lit("retired"), "person_id", no_person))


def _alias(aliases: DataFrame, moves: DataFrame) -> DataFrame:
    """Lead old aliases on to the survivor of a merge, so that none takes two steps."""
    merged = moves.where(F.col("kind") == "merge")
    merged = merged.select(F.col("other_person_id").alias("old_person_id"), "person_id")
    onward = merged.toDF("person_id", "survivor")
    kept = aliases.select("old_person_id", "person_id").join(onward, "person_id", "left")
    target = F.coalesce("survivor", "person_id").alias("person_id")
    return kept.select("old_person_id", target).union(merged)


def _changes(moves: DataFrame, run_id: str, day: date) -> DataFrame:
    """Add run, day and cause to the moves."""
    causes = F.create_map(*(F.lit(text) for item in CAUSES.items() for text in item))
    cause = causes[F.col("kind")]
    return moves.select(
        F.lit(run_id).alias("run_id"),
        F.lit(day).alias("day"),
        "kind",
        "person_id",
        "other_person_id",
        cause.alias("cause"),
    )
