"""The job resolve_identity: evidence, guards, components, person ids that stay."""

from collections.abc import Iterable
from datetime import date

from pyspark.sql import DataFrame, functions as F

from databank.identity.components.solve import connected_components
from databank.identity.config import BlockedValue, IdentityConfig
from databank.identity.edges import add_edges, event_edges, profile_edges
from databank.identity.guards import refuse_by_limits
from databank.identity.registry import Assignment, assign_persons, next_person_id
from databank.identity.tables import ALIAS, CHANGES, EDGES, PERSON, REJECTED
from databank.runs import Context, Job, StepResult
from databank.session import small_frame
from databank.sources.tables import EVENTS, IDENTIFIER, PROFILES


def resolve_identity(context: Context, config: IdentityConfig) -> StepResult:
    """Bring the evidence up to date and give every identifier its person.

    The evidence of events grows by what is new since the last run; that of profiles is what
    the profiles say today. Components are solved anew over all evidence; the registry keeps
    every person_id that can be kept.
    """
    store = context.store
    context.progress.step("gathering evidence")
    _update_edges(context)
    context.progress.step("refusing shared identifiers")
    edges, identifiers = store.read(EDGES), store.read(IDENTIFIER)
    blocked = blocked_nodes(identifiers, config.block, day=context.day)
    allowed = _without(edges, blocked)
    kept, limited = refuse_by_limits(allowed, identifiers, limits=config.limits, day=context.day)
    rejected = blocked.unionByName(limited).localCheckpoint()
    context.progress.step("connecting identifiers")
    nodes = identifiers.join(rejected, F.col("id_key") == F.col("a_key"), "left_anti")
    loops = nodes.select(F.col("id_key").alias("a_key"), F.col("id_key").alias("b_key"))
    components = connected_components(
        kept.select("a_key", "b_key").distinct().unionByName(loops),
        src="a_key",
        dst="b_key",
        scratch=store.scratch("components"),
        local_budget=config.local_edges,
        engine=config.engine,
    ).withColumnRenamed("id", "id_key")
    context.progress.step("naming persons")
    before, aliases, rejected_before = store.read(PERSON), store.read(ALIAS), store.read(REJECTED)
    given = before.select("person_id").unionByName(store.read(CHANGES).select("person_id"))
    assigned = assign_persons(
        components,
        before.select("id_key", "person_id"),
        aliases,
        run_id=context.run_id,
        day=context.day,
        next_id=next_person_id(given, aliases),
    )
    persons = assigned.person.localCheckpoint()
    moved = moved_identifiers(before, persons, rejected_before, context.run_id, context.day)
    changes = assigned.changes.unionByName(moved).localCheckpoint()
    alias = assigned.alias.localCheckpoint()
    _write(context, Assignment(persons, alias, changes), rejected)
    return _summary(context, changes, rejected)


def blocked_nodes(identifiers: DataFrame, block: Iterable[BlockedValue], *, day: date) -> DataFrame:
    """identity.rejected rows of the identifiers that are blocked by hand."""
    values = [(b.type, b.scope, b.value, b.reason) for b in block]
    schema = "id_type string, scope string, id_value string, reason string"
    listed = small_frame(identifiers.sparkSession, values, schema)
    found = identifiers.join(F.broadcast(listed), ["id_type", "scope", "id_value"])
    return found.select(
        F.col("id_key").alias("a_key"),
        F.lit(None).cast("bigint").alias("b_key"),
        F.lit("block").alias("rule"),
        "reason",
        F.lit(day).alias("day"),
    )


def moved_identifiers(
    before: DataFrame, after: DataFrame, rejected_before: DataFrame, run_id: str, day: date
) -> DataFrame:
    """Changes beside merges and splits: identifiers set aside, or released again.

    A person that merely gained an identifier never seen before has no past to be redone, and
    is not among them.

    Returns:
        identity.changes rows of kind `shrink` and `grow`, one per person and kind.
    """
    old = before.select("id_key", "person_id")
    lost = old.join(after.select("id_key"), "id_key", "left_anti").select(
        "person_id",
        F.lit("shrink").alias("kind"),
        F.lit("an identifier was set aside").alias("cause"),
    )
    aside = rejected_before.where("b_key IS NULL").select(F.col("a_key").alias("id_key"))
    released = after.join(aside, "id_key", "left_semi").select(
        "person_id", F.lit("grow").alias("kind"), F.lit("an identifier was released").alias("cause")
    )
    return (
        lost.unionByName(released)
        .distinct()
        .select(
            F.lit(run_id).alias("run_id"),
            F.lit(day).alias("day"),
            "kind",
            "person_id",
            F.lit(None).cast("bigint").alias("other_person_id"),
            "cause",
        )
    )


def _update_edges(context: Context) -> None:
    store = context.store
    since = context.last_read(EVENTS)
    fresh = event_edges(store.changes(EVENTS, since))
    whole = since is None or since < 0 or not store.is_published(EDGES)
    profiles = profile_edges(store.read(PROFILES))
    if whole:
        # grouped by the key a moment ago
        store.replace(EDGES, fresh.unionByName(profiles), checked=True)
        return
    store.replace(EDGES, profiles, where="rule = 'profile'", checked=True)
    store.upsert(EDGES, add_edges(store.read(EDGES), fresh.localCheckpoint()))


def _without(edges: DataFrame, blocked: DataFrame) -> DataFrame:
    keys = F.broadcast(blocked.select(F.col("a_key").alias("key")))
    kept = edges.join(keys, F.col("a_key") == F.col("key"), "left_anti")
    return kept.join(keys, F.col("b_key") == F.col("key"), "left_anti")


def _write(context: Context, assigned: Assignment, rejected: DataFrame) -> None:
    store = context.store
    person = assigned.person.select(
        "id_key",
        "person_id",
        F.lit(None).cast("date").alias("valid_from"),
        F.lit(None).cast("date").alias("valid_to"),
    )
    store.replace(PERSON, person)
    store.replace(ALIAS, assigned.alias)
    store.append(CHANGES, assigned.changes)
    store.replace(REJECTED, rejected)


def _summary(context: Context, changes: DataFrame, rejected: DataFrame) -> StepResult:
    """A row per kind of change and rule: a dozen."""
    kinds = {row["kind"]: row["count"] for row in changes.groupBy("kind").count().collect()}
    rules = rejected.groupBy("rule").count().collect()
    persons = context.store.read(PERSON).agg(F.count_distinct("person_id").alias("n")).first()
    context.metric("persons", persons["n"] if persons else 0)
    for kind, count in kinds.items():
        context.metric("person_changes", count, kind=kind)
    for row in rules:
        context.metric("identifiers_set_aside", row["count"], rule=row["rule"])
    return StepResult(
        {
            "identifiers": context.store.rows_written[PERSON.name],
            "persons": persons["n"] if persons else 0,
            "set aside": sum(row["count"] for row in rules),
            **{f"changes: {kind}": count for kind, count in sorted(kinds.items())},
        }
    )


JOB = Job(
    name="resolve_identity",
    step=resolve_identity,
    tables=(EDGES, PERSON, ALIAS, CHANGES, REJECTED),
)
