"""The job resolve_identity: evidence, guards, components, person ids that stay."""

from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, functions as F

from databank.identity.changes import moved_identifiers, with_evidence
from databank.identity.components.solve import connected_components
from databank.identity.config import IdentityConfig
from databank.identity.edges import add_edges, event_edges, profile_edges
from databank.identity.guards.cuts import Rules, cut_persons
from databank.identity.guards.hand import HAND, blocked_nodes, keys_of, one_by_hand
from databank.identity.guards.junk import release_junk
from databank.identity.guards.limits import (
    FORMAT,
    refuse_identifiers,
    unreadable_identifiers,
    without,
)
from databank.identity.registry import assign_persons, next_person_id
from databank.identity.tables import ALIAS, CHANGES, EDGES, PERSON, REJECTED
from databank.runs import Context, Job, StepResult
from databank.session import checkpoint, small_frame
from databank.sources.tables import EVENTS, IDENTIFIER, PROFILES, REFUSED


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
    identifiers, scratch = store.read(IDENTIFIER), store.scratch("components")
    edges, refused = _allowed(store.read(EDGES), identifiers, config, context.day)
    context.progress.step("connecting identifiers")
    links = without(edges, refused)
    found = connected_components(
        links.select("a_key", "b_key"),
        src="a_key",
        dst="b_key",
        scratch=scratch,
        local_budget=config.local_edges,
        engine=config.engine,
    )
    labels = checkpoint(_everyone(found, identifiers, refused))
    context.progress.step("cutting persons that hold too much")
    components, rejected = _bounded(labels, edges, refused, identifiers, config, context)
    context.progress.step("naming persons")
    before, aliases, rejected_before = store.read(PERSON), store.read(ALIAS), store.read(REJECTED)
    rejected_before = rejected_before.where(F.col("rule") != FORMAT)
    known = before.select("id_key", "person_id")
    given = before.select("person_id").unionByName(store.read(CHANGES).select("person_id"))
    assigned = assign_persons(
        components,
        known,
        aliases,
        run_id=context.run_id,
        day=context.day,
        next_id=next_person_id(given, aliases),
    )
    # an identifier is in one component, which has one name
    store.replace(PERSON, _always(assigned.person), checked=True)
    store.replace(ALIAS, assigned.alias)
    context.progress.step("telling what changed")
    persons = store.read(PERSON).select("id_key", "person_id")
    moved = moved_identifiers(before, persons, rejected_before, context.run_id, context.day)
    told = checkpoint(assigned.changes.unionByName(moved))
    changes = with_evidence(told, known, persons, without(edges, rejected), rejected)
    store.append(CHANGES, changes)
    unreadable = unreadable_identifiers(store.read(REFUSED), day=context.day)
    store.replace(REJECTED, rejected.unionByName(unreadable))
    return _summary(context, assigned.names.count(), told, rejected)


def _always(persons: DataFrame) -> DataFrame:
    """Persons who hold their identifiers for all time."""
    day = F.lit(None).cast("date")
    return persons.select("id_key", "person_id", day.alias("valid_from"), day.alias("valid_to"))


def _allowed(
    edges: DataFrame, identifiers: DataFrame, config: IdentityConfig, day: date
) -> tuple[DataFrame, DataFrame]:
    """Evidence without what is refused by hand, with what is told by hand; and what is refused."""
    spark = edges.sparkSession
    blocked = blocked_nodes(identifiers, config.block, day=day)
    cut = keys_of(identifiers, config.unlink)
    unlinked = small_frame(spark, cut, "a_key bigint, b_key bigint, reason string")
    pair = (F.least("a_key", "b_key"), F.greatest("a_key", "b_key"))
    wrong = F.broadcast(unlinked.toDF("one", "other", "why"))
    same = (pair[0] == F.col("one")) & (pair[1] == F.col("other"))
    allowed = without(edges.join(wrong, same, "left_anti"), blocked)
    joined = [(a, b, HAND) for a, b, _ in keys_of(identifiers, config.together)]
    counted = one_by_hand(allowed, joined)
    refused = refuse_identifiers(
        counted, identifiers, limits=config.limits, junk=config.junk, day=day
    )
    ends = [key for a, b, _ in joined for key in (a, b)]
    refused = refused.where(~F.col("a_key").isin(ends)) if ends else refused
    by_hand = unlinked.select(
        "a_key", "b_key", F.lit(HAND).alias("rule"), "reason", F.lit(day).alias("day")
    )
    made = small_frame(spark, joined, "a_key bigint, b_key bigint, rule string")
    made = made.withColumn("n", F.lit(1).cast("bigint"))
    told = allowed.select("a_key", "b_key", "rule", "n", "first_ts", "last_ts")
    told = told.unionByName(made, allowMissingColumns=True)
    parts = (blocked, refused, by_hand)
    return told, checkpoint(reduce(DataFrame.unionByName, parts))


def _everyone(found: DataFrame, identifiers: DataFrame, refused: DataFrame) -> DataFrame:
    """id_key, id_type, component of all that is not refused; who has no link is alone.

    A join costs less than a loop for each identifier in the graph, and brings the types along.
    """
    alone = F.col("id_key") == F.col("a_key")
    kept = identifiers.join(refused.where("b_key IS NULL"), alone, "left_anti")
    named = kept.select("id_key", "id_type").join(
        found.withColumnRenamed("id", "id_key"), "id_key", "full"
    )
    return named.select("id_key", "id_type", F.coalesce("component", "id_key").alias("component"))


def _bounded(
    labels: DataFrame,
    edges: DataFrame,
    refused: DataFrame,
    identifiers: DataFrame,
    config: IdentityConfig,
    context: Context,
) -> tuple[DataFrame, DataFrame]:
    """Components that keep the limits of one person, and all that is rejected."""
    apart = [(a, b) for a, b, _ in keys_of(identifiers, config.apart)]
    if config.junk is not None:
        labels, refused = release_junk(
            labels,
            refused,
            edges,
            identifiers,
            limits=config.persons,
            scratch=context.store.scratch("released"),
        )
    if not config.persons and not apart:
        return labels, refused
    rules = Rules(config.persons, apart, config.identifiers, context.day)
    whole, cut = cut_persons(labels, without(edges, refused), rules)
    return whole, refused.unionByName(cut)


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
    store.upsert(EDGES, add_edges(store.read(EDGES), checkpoint(fresh)))


def _summary(context: Context, persons: int, changes: DataFrame, rejected: DataFrame) -> StepResult:
    """A row per kind of change and rule: a dozen."""
    kinds = {row["kind"]: row["count"] for row in changes.groupBy("kind").count().collect()}
    alone = F.col("b_key").isNull().alias("alone")
    found = rejected.groupBy("rule", alone).count().collect()
    context.metric("persons", persons)
    for kind, count in kinds.items():
        context.metric("person_changes", count, kind=kind)
    for row in found:
        name = "identifiers_set_aside" if row["alone"] else "links_refused"
        context.metric(name, row["count"], rule=row["rule"])
    return StepResult(
        {
            "identifiers": context.store.rows_written[PERSON.name],
            "persons": persons,
            "set aside": sum(row["count"] for row in found if row["alone"]),
            "links refused": sum(row["count"] for row in found if not row["alone"]),
            **{f"changes: {kind}": count for kind, count in sorted(kinds.items())},
        }
    )


JOB = Job(
    name="resolve_identity",
    step=resolve_identity,
    tables=(EDGES, PERSON, ALIAS, CHANGES, REJECTED),
)
