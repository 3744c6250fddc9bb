"""The job resolve_identity: evidence, guards, components, person ids that stay."""

from pyspark.sql import DataFrame, functions as F

from databank.identity.changes import moved_identifiers, with_evidence
from databank.identity.components.solve import connected_components
from databank.identity.config import IdentityConfig
from databank.identity.edges import add_edges, event_edges, profile_edges
from databank.identity.evidence import Evidence, allowed_evidence
from databank.identity.guards.cuts import Rules, cut_persons
from databank.identity.guards.hand import keys_of
from databank.identity.guards.junk import release_junk
from databank.identity.guards.limits import FORMAT, unreadable_identifiers, without
from databank.identity.handovers import as_identifiers, node_key, of_every_holding
from databank.identity.registry import assign_persons, next_person_id
from databank.identity.tables import ALIAS, CHANGES, EDGES, PERSON, REJECTED
from databank.runs import Context, Job, StepResult
from databank.session import checkpoint
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
    evidence = allowed_evidence(
        store.read(EDGES),
        identifiers,
        config,
        day=context.day,
        timezone=context.settings.timezone,
    )
    context.progress.step("connecting identifiers")
    links = without(evidence.links, evidence.refused)
    found = connected_components(
        links.select("a_key", "b_key"),
        src="a_key",
        dst="b_key",
        scratch=scratch,
        local_budget=config.local_edges,
        engine=config.engine,
    )
    labels = checkpoint(_everyone(found, evidence.nodes, evidence.refused))
    context.progress.step("cutting persons that hold too much")
    components, rejected = _bounded(labels, evidence, identifiers, config, context)
    context.progress.step("naming persons")
    before, aliases, rejected_before = store.read(PERSON), store.read(ALIAS), store.read(REJECTED)
    rejected_before = rejected_before.where(F.col("rule") != FORMAT)
    known = before.select(node_key().alias("id_key"), "person_id")
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
    store.replace(PERSON, _dated(assigned.person, evidence.holdings), checked=True)
    store.replace(ALIAS, assigned.alias)
    context.progress.step("telling what changed")
    persons = store.read(PERSON)
    moved = moved_identifiers(before, persons, rejected_before, context.run_id, context.day)
    told = checkpoint(assigned.changes.unionByName(moved))
    now = persons.select(node_key().alias("id_key"), "person_id")
    allowed = without(evidence.links, rejected)
    changes = with_evidence(told, known, now, allowed, rejected)
    store.append(CHANGES, as_identifiers(changes, evidence.holdings, "a_key", "b_key"))
    unreadable = unreadable_identifiers(store.read(REFUSED), day=context.day)
    rejected = as_identifiers(rejected, evidence.holdings, "a_key", "b_key")
    store.replace(REJECTED, rejected.unionByName(unreadable))
    context.metric("handed_over", evidence.holdings.where("valid_from IS NOT NULL").count())
    return _summary(context, assigned.names.count(), told, rejected)


def _dated(persons: DataFrame, holdings: DataFrame) -> DataFrame:
    """Persons by identifier and the days of a holding; by far the most hold theirs for ever."""
    held = F.broadcast(holdings.withColumnRenamed("id_key", "whose"))
    joined = persons.join(held, F.col("id_key") == F.col("node"), "left")
    named = F.coalesce("whose", "id_key").alias("id_key")
    return joined.select(named, "person_id", "valid_from", "valid_to")


def _everyone(found: DataFrame, nodes: DataFrame, refused: DataFrame) -> DataFrame:
    """id_key, id_type, component of all that is not refused; who has no link is alone.

    A join costs less than a loop for each identifier in the graph, and brings the types along.
    """
    alone = F.col("id_key") == F.col("a_key")
    kept = nodes.join(refused.where("b_key IS NULL"), alone, "left_anti")
    named = kept.select("id_key", "id_type").join(
        found.withColumnRenamed("id", "id_key"), "id_key", "full"
    )
    return named.select("id_key", "id_type", F.coalesce("component", "id_key").alias("component"))


def _bounded(
    labels: DataFrame,
    evidence: Evidence,
    identifiers: DataFrame,
    config: IdentityConfig,
    context: Context,
) -> tuple[DataFrame, DataFrame]:
    """Components that keep the limits of one person, and all that is rejected."""
    refused, pairs = evidence.refused, [(a, b) for a, b, _ in keys_of(identifiers, config.apart)]
    if config.junk is not None:
        labels, refused = release_junk(
            labels,
            refused,
            evidence.links,
            evidence.nodes,
            limits=config.persons,
            scratch=context.store.scratch("released"),
        )
    if not config.persons and not pairs:
        return labels, refused
    apart = of_every_holding(pairs, evidence.holdings)
    rules = Rules(config.persons, apart, config.identifiers, context.day)
    whole, cut = cut_persons(labels, without(evidence.links, refused), rules)
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
