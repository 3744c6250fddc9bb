"""Stable person ids: what a component was called yesterday decides what it is called today.

Each person of yesterday claims the one component that holds most of its identifiers (a tie goes to
the part with the smallest id_key). A component takes the oldest, that is smallest, of the ids that
claim it; the other claimants are merged into it. A component that nobody claims gets a new id.
Nothing here depends on row order, partitions or the component's own number, so that unchanged data
keeps every id, however often it is built anew.
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
            merge: other was merged into person. split: a part of other went to person. Both may
            come more than once for a person.
    """

    person: DataFrame
    names: DataFrame
    alias: DataFrame
    changes: DataFrame


def next_person_id(person: DataFrame, alias: DataFrame) -> int:
    """One more than the highest person_id ever given, 1 for an empty bank.

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
        previous: id_key (bigint, unique), person_id: the persons that hold today.
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
    held = _held(components, previous)
    kept = _kept(held)
    # three results come from it
    names = checkpoint(_named(components, kept, next_id))
    person = components.select("id_key", "component").join(names, "component")
    moves = _moves(held, names, previous)
    return Assignment(
        person=person.select("id_key", "person_id"),
        names=names.select("component", "person_id"),
        alias=_alias(aliases, moves),
        changes=_changes(moves, run_id, day),
    )


def _held(components: DataFrame, previous: DataFrame) -> DataFrame:
    """One row per component and person of yesterday in it; claims: there the person goes on."""
    before = previous.select("id_key", F.col("person_id").alias("old"))
    known = components.select("id_key", "component").join(before, "id_key")
    measures = (F.count(F.lit(1)).alias("n"), F.min("id_key").alias("low"))
    parts = known.groupBy("old", "component").agg(*measures)
    # a complement has the opposite order, and no key's overflows
    largest = F.max_by("component", F.struct("n", F.bitwise_not("low"))).alias("goes_on")
    goes_on = parts.groupBy("old").agg(largest)
    claims = (F.col("component") == F.col("goes_on")).alias("claims")
    return checkpoint(parts.join(goes_on, "old").select("component", "old", claims))


def _kept(held: DataFrame) -> DataFrame:
    """One row per component with somebody of yesterday; kept: the oldest person that claims it."""
    return held.groupBy("component").agg(F.min(F.when(F.col("claims"), F.col("old"))).alias("kept"))


def _named(components: DataFrame, kept: DataFrame, next_id: int) -> DataFrame:
    """One row per component: component, person_id, and fresh: whether all its ids are unknown.

    person_id is what is kept, else new and consecutive in the order of the smallest id_key.
    """
    low = components.groupBy("component").agg(F.min("id_key").alias("first"))
    known = kept.withColumn("fresh", F.lit(False))
    whole = low.join(known, "component", "left").withColumn(
        "fresh", F.coalesce("fresh", F.lit(True))
    )
    nameless = checkpoint(whole.where(F.col("kept").isNull()))
    sliced = nameless.withColumn("slice", F.shiftright("first", _SLICE_BITS))
    counts = sliced.groupBy("slice").agg(F.count(F.lit(1)).alias("n"))
    # at most 1024 rows: the only window without a partition
    before = F.sum("n").over(Window.orderBy("slice")) - F.col("n")
    offsets = F.broadcast(counts.select("slice", before.alias("offset")))
    place = F.row_number().over(Window.partitionBy("slice").orderBy("first"))
    given = F.col("offset") + F.col("place") + F.lit(next_id - 1).cast("bigint")
    numbered = sliced.withColumn("place", place).join(offsets, "slice")
    named = numbered.select("component", _below_limit(given).alias("person_id"), "fresh")
    went_on = kept.where(F.col("kept").isNotNull())
    return named.unionByName(
        went_on.select("component", F.col("kept").alias("person_id"), F.lit(False).alias("fresh"))
    )


def _below_limit(person_id: Column) -> Column:
    message = F.lit("assign_persons: person ids have run out (2^32); start a new bank")
    return F.when(person_id < PERSON_LIMIT, person_id).otherwise(
        F.raise_error(message).cast("bigint")
    )


def _moves(held: DataFrame, names: DataFrame, previous: DataFrame) -> DataFrame:
    """kind, person_id, other_person_id: all that is different from yesterday."""
    nobody = F.lit(None).cast("bigint").alias("other_person_id")
    new = names.where("fresh").select(F.lit("new").alias("kind"), "person_id", nobody)
    old = F.col("old")
    kind = F.when(~F.col("claims"), F.lit("split")).when(old != F.col("person_id"), F.lit("merge"))
    met = held.join(names, "component").select(kind.alias("kind"), "person_id", old)
    told = new.union(met.where(F.col("kind").isNotNull()))
    gone = previous.select("person_id").distinct()
    gone = gone.join(held.select(old.alias("person_id")), "person_id", "left_anti")
    return told.union(gone.select(F.lit("retired"), "person_id", nobody))


def _alias(aliases: DataFrame, moves: DataFrame) -> DataFrame:
    """Old aliases lead on to the survivor, so that none takes two steps."""
    merged = moves.where(F.col("kind") == "merge")
    merged = merged.select(F.col("other_person_id").alias("old_person_id"), "person_id")
    onward = merged.toDF("person_id", "survivor")
    kept = aliases.select("old_person_id", "person_id").join(onward, "person_id", "left")
    target = F.coalesce("survivor", "person_id").alias("person_id")
    return kept.select("old_person_id", target).union(merged)


def _changes(moves: DataFrame, run_id: str, day: date) -> DataFrame:
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
