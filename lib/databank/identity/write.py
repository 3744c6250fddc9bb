"""Write what a run found: persons, what changed, what is excluded or rejected, who was erased."""

from pyspark.sql import DataFrame, functions as F

from databank.identity.changes import ownership_changes, reappeared, with_evidence
from databank.identity.exclusions.verdict import (
    as_rejected,
    unreadable_identifiers,
    without_excluded,
)
from databank.identity.incremental.scope import SolveScope
from databank.identity.ownership.periods import node_key, to_identifiers
from databank.identity.person_ids import Assignment
from databank.identity.preview.gates import count_moved
from databank.identity.solve import Solved
from databank.identity.tables import ALIAS, CHANGES, HUB, PERSON, REJECTED
from databank.runs import Context
from databank.session import checkpoint, checkpoint_counted, checkpoint_keys
from databank.sources.erasure.persons import erased_persons
from databank.sources.tables import IDENTIFIER, REFUSED
from databank.tables.erasure import ERASED_PERSON


def by_node(persons: DataFrame) -> DataFrame:
    """Give identity.person by nodes of the graph: id_key (the node), person_id."""
    return persons.select(node_key().alias("id_key"), "person_id")


def write_persons(context: Context, assigned: Assignment, scope: SolveScope) -> DataFrame:
    """Write identity.person; gives its rows of today in scope."""
    store = context.store
    rows = _with_days(assigned.person, scope.evidence.periods)
    if scope.id_keys is None:
        # an identifier is in one component, which has one name
        store.replace(PERSON, rows, checked=True)
        return store.read(PERSON)
    after = checkpoint(rows)
    columns = [column.name for column in PERSON.columns]
    was, now = scope.before.select(*columns), after.select(*columns)
    moved = was.exceptAll(now).unionByName(now.exceptAll(was)).select("id_key").distinct()
    changed = checkpoint_keys(moved)
    store.replace_keys(PERSON, after.join(changed, "id_key", "left_semi"), changed)
    return after


def write_changes(
    context: Context,
    assigned: Assignment,
    scope: SolveScope,
    solved: Solved,
    after: DataFrame,
    remaining: DataFrame | None,
) -> tuple[dict[str, int], int]:
    """Write identity.changes, and identity.alias where persons were merged.

    Args:
        context: The run.
        assigned: The names of persons.
        scope: What was solved.
        solved: How.
        after: identity.person of today, in scope.
        remaining: That of yesterday without what was erased since; None = nothing was.

    Returns:
        How many changes there are by kind; and how many identifiers came to another person.
    """
    store, day, run_id, periods = context.store, context.day, context.run_id, scope.evidence.periods
    moved = ownership_changes(scope.before, after, scope.rejected_before, run_id, day)
    changes = assigned.changes.unionByName(moved)
    if remaining is not None:
        changes = changes.unionByName(reappeared(scope.before, remaining, after, run_id, day))
    changes = checkpoint(changes)
    # one row per kind
    kinds = {row["kind"]: row["count"] for row in changes.groupBy("kind").count().collect()}
    if scope.id_keys is None or "merge" in kinds:
        store.replace(ALIAS, assigned.alias)
    links = without_excluded(scope.evidence.links, solved.excluded)
    before, now, rejected = by_node(scope.before), by_node(after), _rejected(context, solved)
    with_links = with_evidence(changes, before, now, links, rejected)
    store.append(CHANGES, to_identifiers(with_links, periods, "a_key", "b_key"))
    return kinds, count_moved(changes, scope.before, after)


def write_rejected(context: Context, solved: Solved, scope: SolveScope) -> None:
    """Write identity.rejected and identity.hub; rows outside of the scope stay as they are."""
    store, hubs = context.store, solved.hubs
    rejected = to_identifiers(_rejected(context, solved), scope.evidence.periods, "a_key", "b_key")
    if scope.id_keys is not None:
        a, b = (scope.id_keys.withColumnRenamed("id_key", f"{end}_key") for end in "ab")
        outside = scope.rejected_before.join(a, "a_key", "left_anti").join(b, "b_key", "left_anti")
        rejected = rejected.join(a, "a_key", "left_semi").unionByName(outside)
        hubs = hubs.unionByName(store.read(HUB).join(scope.id_keys, "id_key", "left_anti"))
    unreadable = as_rejected(unreadable_identifiers(store.read(REFUSED)), context.day)
    store.replace(REJECTED, rejected.unionByName(unreadable))
    store.replace(HUB, hubs, checked=True)


def write_erased_persons(
    context: Context, before: DataFrame, remaining: DataFrame, after: DataFrame
) -> None:
    """Add persons all of whose identifiers were erased to the ids that every job forgets."""
    store = context.store
    erased = erased_persons(before, remaining, after, store.read(ALIAS))
    known = store.read(ERASED_PERSON)
    new, count = checkpoint_counted(erased.join(known, "person_id", "left_anti"))
    # every job deals with a new version of it
    if count:
        store.replace(ERASED_PERSON, known.unionByName(new))


def forget_erased_keys(context: Context) -> None:
    """Take keys that no identifier has any more out of identity.changes; the changes stay."""
    store, ends = context.store, ("a_key", "b_key")
    changes = store.read(CHANGES)
    named = changes.select(F.explode(F.array(*ends)).alias("id_key")).dropna().distinct()
    known = store.read(IDENTIFIER).select("id_key")
    gone, count = checkpoint_counted(named.join(known, "id_key", "left_anti"))
    if not count:
        return
    for end in ends:
        erased = gone.select(F.col("id_key").alias(end), F.lit(True).alias(f"{end}_gone"))
        changes = changes.join(erased, end, "left")
    altered = changes.where("a_key_gone OR b_key_gone").withColumns(
        {end: F.when(F.col(f"{end}_gone").isNull(), F.col(end)) for end in ends}
    )
    altered = checkpoint(altered.select(*(column.name for column in CHANGES.columns)))
    store.delete(CHANGES, gone, " OR ".join(f"target.{end} = source.id_key" for end in ends))
    store.append(CHANGES, altered)


def _rejected(context: Context, solved: Solved) -> DataFrame:
    """Rows of identity.rejected, their keys those of nodes."""
    links = solved.rejected_links.withColumn("day", F.lit(context.day))
    return as_rejected(solved.excluded, context.day).unionByName(links)


def _with_days(persons: DataFrame, periods: DataFrame) -> DataFrame:
    """Name identifiers and the days of a period; by far the most have one owner for ever."""
    dated = F.broadcast(periods.withColumnRenamed("id_key", "of_key"))
    joined = persons.join(dated, F.col("id_key") == F.col("node"), "left")
    named = F.coalesce("of_key", "id_key").alias("id_key")
    return joined.select(named, "person_id", "valid_from", "valid_to")
