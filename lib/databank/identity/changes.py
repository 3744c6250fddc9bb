"""Changes of persons in a run, and the evidence that made them."""

from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, functions as F

from databank.identity.ownership.periods import FOREVER, node_key
from databank.session import checkpoint, checkpoint_counted, checkpoint_keys

LOST, GAINED = "shrink", "grow"  # kinds of identity.changes: an identifier lost or gained
REASSIGNED = "an identifier was reassigned"
REAPPEARED = "an identifier was erased, and later records show it"
NOT_REASSIGNED = "an identifier was not reassigned after all"
EXCLUDED = "an identifier was excluded"
RELEASED = "an identifier was released"


def ownership_changes(
    before: DataFrame, after: DataFrame, rejected_before: DataFrame, run_id: str, day: date
) -> DataFrame:
    """Find the identifiers that were excluded, released or reassigned: changes beside merges.

    A person that merely gained an identifier never seen before has no past to be rebuilt, and
    is not among them.

    Args:
        before: identity.person of yesterday.
        after: identity.person of today.
        rejected_before: a_key, b_key of yesterday's identity.rejected.
        run_id: Written to the rows.
        day: Run day, written to the rows.

    Returns:
        run_id, day, kind (shrink or grow), person_id, other_person_id (null), cause; one row per
        person, kind and cause.
    """
    excluded = rejected_before.where("b_key IS NULL").select(F.col("a_key").alias("id_key"))
    periods = _compare_periods(before, after)
    if excluded.isEmpty():
        changed = periods.where("change IS NOT NULL").select("person_id", "change.*")
    else:
        # an identifier may be excluded for one of its periods, and the other periods stay
        periods = checkpoint(periods.where("change IS NOT NULL OR new"))
        released = periods.where("new").join(excluded, "id_key", "left_semi")
        changed = (
            periods.where("change IS NOT NULL")
            .select("person_id", "change.*")
            .unionByName(
                released.select(
                    "person_id", F.lit(GAINED).alias("kind"), F.lit(RELEASED).alias("cause")
                )
            )
        )
    return _change_rows(changed, run_id, day)


def reappeared(
    before: DataFrame, left: DataFrame, after: DataFrame, run_id: str, day: date
) -> DataFrame:
    """Find the persons with an identifier that was erased and that later records show.

    Args:
        before: identity.person of yesterday.
        left: Its rows without what was erased since.
        after: identity.person of today.
        run_id: Written to the rows.
        day: Run day, written to the rows.

    Returns:
        The columns of `ownership_changes`.
    """
    erased = before.select("id_key").exceptAll(left.select("id_key")).distinct()
    again = after.join(checkpoint_keys(erased), "id_key", "left_semi")
    kind, cause = F.lit(GAINED).alias("kind"), F.lit(REAPPEARED).alias("cause")
    return _change_rows(again.select("person_id", kind, cause), run_id, day)


def _change_rows(changed: DataFrame, run_id: str, day: date) -> DataFrame:
    """Make rows of identity.changes from person_id, kind and cause."""
    return changed.distinct().select(
        F.lit(run_id).alias("run_id"),
        F.lit(day).alias("day"),
        "kind",
        "person_id",
        F.lit(None).cast("bigint").alias("other_person_id"),
        "cause",
    )


def _compare_periods(before: DataFrame, after: DataFrame) -> DataFrame:
    """Join the ownership periods of both days: id_key, person_id, new, change (kind, cause).

    change is set for periods that are gone, begin by a reassignment, or end on another day.
    """
    was, now = (
        rows.select(
            node_key().alias("node"),
            F.col("id_key").alias(f"{name}_id"),
            F.col("person_id").alias(f"{name}_person"),
            F.col("valid_from").isNotNull().alias(f"{name}_later"),
            F.coalesce("valid_to", F.lit(FOREVER)).alias(f"{name}_end"),
        )
        for rows, name in ((before, "was"), (after, "now"))
    )
    kinds = (
        (F.col("now_person").isNull() & F.col("was_later"), LOST, NOT_REASSIGNED),
        (F.col("now_person").isNull(), LOST, EXCLUDED),
        (F.col("was_person").isNull() & F.col("now_later"), GAINED, REASSIGNED),
        (F.col("now_end") < F.col("was_end"), LOST, REASSIGNED),
        (F.col("now_end") > F.col("was_end"), GAINED, NOT_REASSIGNED),
    )
    change = F.lit(None).cast("struct<kind string, cause string>")
    for holds, kind, cause in reversed(kinds):
        both = F.struct(F.lit(kind).alias("kind"), F.lit(cause).alias("cause"))
        change = F.when(holds, both).otherwise(change)
    return was.join(now, "node", "full").select(
        F.coalesce("now_id", "was_id").alias("id_key"),
        F.coalesce("now_person", "was_person").alias("person_id"),
        F.col("was_person").isNull().alias("new"),
        change.alias("change"),
    )


def with_evidence(
    changes: DataFrame, before: DataFrame, after: DataFrame, links: DataFrame, rejected: DataFrame
) -> DataFrame:
    """Add the link that made each merge, and what was rejected where a person was split.

    Args:
        changes: kind, person_id, other_person_id and any other columns; read twice.
        before: id_key (bigint, unique), person_id: yesterday's.
        after: id_key (bigint, unique), person_id: today's.
        links: a_key, b_key, first_ts, n: the evidence that is not rejected.
        rejected: a_key, b_key, rule: the evidence that is.

    Returns:
        changes with a_key, b_key: of all links that lead out of a merged person the latest one
        (then the one with most records); of all rejected links and identifiers (b_key null) of a
        split person the one with the smallest keys. Both null where there is none.
    """
    pair = ["person_id", "other_person_id"]
    evidence = []
    # most days have neither, and the evidence is long
    merged, merges = checkpoint_counted(changes.where("kind = 'merge'").select(*pair))
    if merges:
        evidence.append(_links_out_of(merged, before, after, links))
    split, splits = checkpoint_counted(changes.where("kind = 'split'").select(*pair))
    if splits:
        evidence.append(_rejected_within(split, before, after, rejected))
    if not evidence:
        nothing = F.lit(None).cast("bigint")
        return changes.withColumns({"a_key": nothing, "b_key": nothing})
    return changes.join(reduce(DataFrame.unionByName, evidence), ["kind", *pair], "left")


def _links_out_of(
    merged: DataFrame, before: DataFrame, after: DataFrame, links: DataFrame
) -> DataFrame:
    """Choose a link out of each merged person: kind, person_id, other_person_id, a_key, b_key."""
    old = before.select("id_key", F.col("person_id").alias("was"))
    moved = old.join(merged, F.col("was") == F.col("other_person_id"))
    # a link between two persons of today was rejected
    now = after.select("id_key", "person_id")
    moved = checkpoint_keys(moved.join(now, ["id_key", "person_id"], "left_semi"))
    around = now.join(merged.select("person_id").distinct(), "person_id", "left_semi")
    around = around.join(old, "id_key", "left").select(
        F.col("id_key").alias("far"), F.col("person_id").alias("now"), "was"
    )
    around = checkpoint_keys(around)
    columns = ("person_id", "other_person_id", "a_key", "b_key", "first_ts", "n")
    ends = [
        links.join(moved, F.col(near) == F.col("id_key"))
        .drop("id_key", "was")
        .join(around, (F.col(far) == F.col("far")) & (F.col("now") == F.col("person_id")))
        .where("was IS NULL OR was <> other_person_id")
        .select(*columns)
        for near, far in (("a_key", "b_key"), ("b_key", "a_key"))
    ]
    latest = F.struct("first_ts", "n", -F.col("a_key"), -F.col("b_key"))
    link = F.max_by(F.struct("a_key", "b_key"), latest).alias("link")
    chosen = ends[0].unionByName(ends[1]).groupBy("person_id", "other_person_id").agg(link)
    return chosen.select(F.lit("merge").alias("kind"), *columns[:2], "link.a_key", "link.b_key")


def _rejected_within(
    split: DataFrame, before: DataFrame, after: DataFrame, rejected: DataFrame
) -> DataFrame:
    """Choose a rejected link or identifier of each split; the columns of `_links_out_of`."""
    old = before.select("id_key", F.col("person_id").alias("other_person_id"))
    members = old.join(split, "other_person_id").select("id_key", *split.columns)
    rejected = rejected.select("a_key", "b_key")
    # an identifier of the old person, or a link to one of its identifiers that left
    members = members.join(after.withColumnRenamed("person_id", "now"), "id_key", "left")
    members = checkpoint_keys(members)
    excluded = rejected.where("b_key IS NULL").join(members, F.col("a_key") == F.col("id_key"))
    left = members.where("now = person_id")
    cut = [
        rejected.where("b_key IS NOT NULL").join(left, F.col(end) == F.col("id_key"))
        for end in ("a_key", "b_key")
    ]
    columns = (*split.columns, "a_key", "b_key")
    candidates = reduce(DataFrame.unionByName, [rows.select(*columns) for rows in (excluded, *cut)])
    keys = F.min(F.struct("a_key", "b_key")).alias("keys")
    chosen = candidates.groupBy(*split.columns).agg(keys)
    return chosen.select(F.lit("split").alias("kind"), *split.columns, "keys.a_key", "keys.b_key")
