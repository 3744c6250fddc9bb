"""What changed for a person in a run, and the evidence that made it."""

from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, functions as F

from databank.identity.ownership.reassignment import FOREVER, node_key
from databank.session import checkpoint, hinted

HANDED_OVER = "an identifier was handed over"
MET_AGAIN = "an identifier was erased, and later records show it"
TAKEN_BACK = "an identifier was not handed over after all"


def moved_identifiers(
    before: DataFrame, after: DataFrame, rejected_before: DataFrame, run_id: str, day: date
) -> DataFrame:
    """Changes beside merges and splits: identifiers set aside, released again, or handed over.

    A person that merely gained an identifier never seen before has no past to be redone, and
    is not among them.

    Args:
        before: identity.person of yesterday.
        after: The same of today.
        rejected_before: a_key, b_key of yesterday.
        run_id: Written to the rows.
        day: Run day, written to the rows.

    Returns:
        run_id, day, kind (shrink or grow), person_id, other_person_id (null), cause; one row per
        person, kind and cause.
    """
    aside = rejected_before.where("b_key IS NULL").select(F.col("a_key").alias("id_key"))
    rows = _compared(before, after)
    if aside.isEmpty():
        found = rows.where("told IS NOT NULL").select("person_id", "told.*")
    else:
        # of what is set aside by one holding the others stay as they are
        rows = checkpoint(rows.where("told IS NOT NULL OR new"))
        released = (
            rows.where("new")
            .join(aside, "id_key", "left_semi")
            .select(
                "person_id",
                F.lit("grow").alias("kind"),
                F.lit("an identifier was released").alias("cause"),
            )
        )
        found = rows.where("told IS NOT NULL").select("person_id", "told.*").unionByName(released)
    return _told(found, run_id, day)


def met_again(
    before: DataFrame, left: DataFrame, after: DataFrame, run_id: str, day: date
) -> DataFrame:
    """Changes of persons with an identifier that was erased and that later records show.

    Args:
        before: identity.person of yesterday.
        left: Its rows without what was erased since.
        after: identity.person of today.
        run_id: Written to the rows.
        day: Run day, written to the rows.

    Returns:
        As `moved_identifiers`.
    """
    erased = before.select("id_key").exceptAll(left.select("id_key")).distinct()
    again = after.join(hinted(checkpoint(erased)), "id_key", "left_semi")
    kind, cause = F.lit("grow").alias("kind"), F.lit(MET_AGAIN).alias("cause")
    return _told(again.select("person_id", kind, cause), run_id, day)


def _told(found: DataFrame, run_id: str, day: date) -> DataFrame:
    """Rows of identity.changes, of person_id, kind and cause."""
    return found.distinct().select(
        F.lit(run_id).alias("run_id"),
        F.lit(day).alias("day"),
        "kind",
        "person_id",
        F.lit(None).cast("bigint").alias("other_person_id"),
        "cause",
    )


def _compared(before: DataFrame, after: DataFrame) -> DataFrame:
    """All holdings of both days: id_key, person_id, new, and told (kind, cause).

    told is of those that are gone, have been handed over, or last shorter or longer.
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
        (F.col("now_person").isNull() & F.col("was_later"), "shrink", TAKEN_BACK),
        (F.col("now_person").isNull(), "shrink", "an identifier was set aside"),
        (F.col("was_person").isNull() & F.col("now_later"), "grow", HANDED_OVER),
        (F.col("now_end") < F.col("was_end"), "shrink", HANDED_OVER),
        (F.col("now_end") > F.col("was_end"), "grow", TAKEN_BACK),
    )
    told = F.lit(None).cast("struct<kind string, cause string>")
    for holds, kind, cause in reversed(kinds):
        both = F.struct(F.lit(kind).alias("kind"), F.lit(cause).alias("cause"))
        told = F.when(holds, both).otherwise(told)
    return was.join(now, "node", "full").select(
        F.coalesce("now_id", "was_id").alias("id_key"),
        F.coalesce("now_person", "was_person").alias("person_id"),
        F.col("was_person").isNull().alias("new"),
        told.alias("told"),
    )


def with_evidence(
    changes: DataFrame, before: DataFrame, after: DataFrame, links: DataFrame, rejected: DataFrame
) -> DataFrame:
    """Add the link that made each merge, and what was refused where a person was split.

    Args:
        changes: kind, person_id, other_person_id and any other columns; read twice.
        before: id_key (bigint, unique), person_id: yesterday's.
        after: The same of today.
        links: a_key, b_key, first_ts, n: the evidence that is not refused.
        rejected: a_key, b_key, rule: the evidence that is.

    Returns:
        changes with a_key, b_key: of all links that lead out of a merged person the one that came
        last (then that with most records); of all refused links and identifiers (b_key null) of a
        split person the one with the smallest keys. Both null where there is none.
    """
    pair = ["person_id", "other_person_id"]
    found = []
    # most days have neither, and the evidence is long
    merged = hinted(changes.where("kind = 'merge'").select(*pair))
    if not merged.isEmpty():
        found.append(_links_out_of(merged, before, after, links))
    split = hinted(changes.where("kind = 'split'").select(*pair))
    if not split.isEmpty():
        found.append(_refused_between(split, before, after, rejected))
    if not found:
        nothing = F.lit(None).cast("bigint")
        return changes.withColumns({"a_key": nothing, "b_key": nothing})
    return changes.join(reduce(DataFrame.unionByName, found), ["kind", *pair], "left")


def _links_out_of(
    merged: DataFrame, before: DataFrame, after: DataFrame, links: DataFrame
) -> DataFrame:
    """kind, person_id, other_person_id, a_key, b_key; one row per merge with such a link."""
    old = before.select("id_key", F.col("person_id").alias("was"))
    mine = old.join(merged, F.col("was") == F.col("other_person_id"))
    # a link between two persons of today was refused
    now = after.select("id_key", "person_id")
    mine = hinted(checkpoint(mine.join(now, ["id_key", "person_id"], "left_semi")))
    theirs = now.join(merged.select("person_id").distinct(), "person_id", "left_semi")
    theirs = theirs.join(old, "id_key", "left").select(
        F.col("id_key").alias("far"), F.col("person_id").alias("now"), "was"
    )
    theirs = hinted(checkpoint(theirs))
    columns = ("person_id", "other_person_id", "a_key", "b_key", "first_ts", "n")
    ends = [
        links.join(mine, F.col(near) == F.col("id_key"))
        .drop("id_key", "was")
        .join(theirs, (F.col(far) == F.col("far")) & (F.col("now") == F.col("person_id")))
        .where("was IS NULL OR was <> other_person_id")
        .select(*columns)
        for near, far in (("a_key", "b_key"), ("b_key", "a_key"))
    ]
    newest = F.struct("first_ts", "n", -F.col("a_key"), -F.col("b_key"))
    link = F.max_by(F.struct("a_key", "b_key"), newest).alias("link")
    found = ends[0].unionByName(ends[1]).groupBy("person_id", "other_person_id").agg(link)
    return found.select(F.lit("merge").alias("kind"), *columns[:2], "link.a_key", "link.b_key")


def _refused_between(
    split: DataFrame, before: DataFrame, after: DataFrame, rejected: DataFrame
) -> DataFrame:
    """The same of splits; one row per split with something refused in it."""
    old = before.select("id_key", F.col("person_id").alias("other_person_id"))
    theirs = old.join(split, "other_person_id").select("id_key", *split.columns)
    refused = rejected.select("a_key", "b_key")
    # an identifier of the old person, or a link to one of its identifiers that left
    left = theirs.join(after.withColumnRenamed("person_id", "now"), "id_key", "left")
    left = hinted(checkpoint(left))
    aside = refused.where("b_key IS NULL").join(left, F.col("a_key") == F.col("id_key"))
    went = left.where("now = person_id")
    cut = [
        refused.where("b_key IS NOT NULL").join(went, F.col(end) == F.col("id_key"))
        for end in ("a_key", "b_key")
    ]
    columns = (*split.columns, "a_key", "b_key")
    met = aside.select(*columns)
    for part in cut:
        met = met.unionByName(part.select(*columns))
    keys = F.min(F.struct("a_key", "b_key")).alias("keys")
    found = met.groupBy(*split.columns).agg(keys)
    return found.select(F.lit("split").alias("kind"), *split.columns, "keys.a_key", "keys.b_key")
