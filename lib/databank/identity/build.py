"""The job resolve_identity: evidence, scope, components, person ids that stay, tables."""

from pyspark.sql import DataFrame, functions as F

from databank.identity.config import IdentityConfig
from databank.identity.evidence.allowed import Inputs
from databank.identity.evidence.manual import resolve_manual_rules
from databank.identity.evidence.refresh import replace_edges, update_edges
from databank.identity.incremental.affected import (
    affected_identifiers,
    aged_evidence,
    changed_blocks,
)
from databank.identity.incremental.region import previous_state
from databank.identity.incremental.scope import Previous, SolveScope, affected_scope, full_scope
from databank.identity.incremental.state import (
    Counts,
    PreviousRun,
    counts_of,
    read_state,
    roll_back_state,
    updated_counts,
    write_state,
)
from databank.identity.person_ids import Assignment, assign_persons, next_person_id
from databank.identity.preview.gates import Churn, refusal
from databank.identity.rules import FORMAT_RULE
from databank.identity.solve import Solved, solve_scope
from databank.identity.tables import ALIAS, CHANGES, DEGREES, EDGES, HUB, PERSON, REJECTED, STATE
from databank.identity.write import (
    by_node,
    forget_erased_keys,
    write_changes,
    write_erased_persons,
    write_persons,
    write_rejected,
)
from databank.runs import Context, Job, StepResult
from databank.session import checkpoint, checkpoint_counted
from databank.sources.erasure.persons import completed_since, remaining_periods
from databank.sources.erasure.request import erased_keys
from databank.sources.erasure.tables import ERASED_IDENTIFIER
from databank.sources.tables import IDENTIFIER
from databank.tables.erasure import ERASED_PERSON

# share of the identifiers; where more are affected, to solve all costs less than to find a region
_MOST_AFFECTED = 0.2


def resolve_identity(context: Context, config: IdentityConfig) -> StepResult:
    """Bring the evidence up to date and give every identifier its person.

    The evidence of events grows by what is new since the last run; that of profiles is what
    the profiles say today. Only what it affects is solved again, or all where the code or a general
    rule has changed; the result is the same. Every person_id that can be kept is kept.

    Raises:
        GateRefusedError: If more changes than identity.yml lets a run change.
    """
    result, churn = update_persons(context, config)
    refused = refusal(churn, config.gates)
    if refused is not None:
        raise refused
    return result


def update_persons(context: Context, config: IdentityConfig) -> tuple[StepResult, Churn]:
    """Resolve persons and measure the churn; gates are not applied here."""
    previous = read_state(context, config)
    context.progress.step("gathering evidence")
    inputs, edge_changes = _refresh_evidence(context, config, previous)
    scope, full_reason = _find_scope(context, inputs, previous, edge_changes)
    solved = solve_scope(context, inputs, scope)
    context.progress.step("naming persons")
    remaining = _without_erased(context, previous, scope.before)
    next_id = _next_id(context, previous)
    assigned = _name_persons(context, scope, solved, remaining, next_id)
    after = write_persons(context, assigned, scope)
    context.progress.step("recording what changed")
    kinds, moved = write_changes(context, assigned, scope, solved, after, remaining)
    write_rejected(context, solved, scope)
    if remaining is not None:
        write_erased_persons(context, scope.before, remaining, after)
        forget_erased_keys(context)
    if scope.degrees is not None:
        context.store.replace(DEGREES, scope.degrees, checked=True)
    known = scope.before.count() if full_reason else previous.counts.identifiers
    counts = _counts(context, scope, previous, full_reason, after)
    new = assigned.names.where(F.col("person_id") >= next_id).count()
    write_state(context, config, counts, next_id=next_id + new)
    churn = Churn(known, moved, counts.largest)
    return _summary(context, counts, churn, kinds, scope, full_reason), churn


# ---- evidence and scope


def _refresh_evidence(
    context: Context, config: IdentityConfig, previous: PreviousRun
) -> tuple[Inputs, DataFrame | None]:
    """Write identity.edges; gives what persons are made from, and what of it has changed."""
    store, day = context.store, context.day
    identifiers = _of_persons(store.read(IDENTIFIER))
    manual = resolve_manual_rules(identifiers, config, day=day)
    edge_changes = None
    if previous.full_reason:
        replace_edges(store, config.linkage)
    else:
        edge_changes = update_edges(store, previous.versions, config.linkage)
    edges, timezone = store.read(EDGES), context.settings.timezone
    return Inputs(edges, identifiers, config, manual, day, timezone), edge_changes


def _find_scope(
    context: Context, inputs: Inputs, previous: PreviousRun, edge_changes: DataFrame | None
) -> tuple[SolveScope, str]:
    """Decide what is solved; gives also why that is all, or "" where it is not."""
    full_reason = previous.full_reason
    rejected = context.store.read(REJECTED).where(F.col("rule") != FORMAT_RULE)
    if edge_changes is not None:
        context.progress.step("finding what is affected")
        scope = _affected_scope(context, inputs, previous, edge_changes, rejected)
        if isinstance(scope, SolveScope):
            return scope, ""
        full_reason = scope
    context.progress.step(f"excluding shared identifiers ({full_reason})")
    return full_scope(inputs, context.store.read(PERSON), rejected), full_reason


def _affected_scope(
    context: Context,
    inputs: Inputs,
    previous: PreviousRun,
    edge_changes: DataFrame,
    rejected: DataFrame,
) -> SolveScope | str:
    """Find the region that new evidence and rules affect; a text says why that is all."""
    store, config, day = context.store, inputs.config, context.day
    since = previous.versions[IDENTIFIER.name]
    added = _of_persons(store.changes(IDENTIFIER, since))
    removed, removals = checkpoint_counted(_of_persons(store.altered(IDENTIFIER, since)))
    manual = inputs.manual
    if previous.rules != config or removals:
        then = inputs.identifiers.unionByName(removed)
        manual = resolve_manual_rules(then, previous.rules, day=previous.day)
    # identifiers added since had no manual rules then; few have one
    if named := sorted(manual.all_keys()):
        new = added.where(F.col("id_key").isin(named)).select("id_key").collect()
        manual = manual.without({row["id_key"] for row in new})
    blocks = changed_blocks(inputs.identifiers, rejected, previous.rules, config)
    affected, count = affected_identifiers(
        edge_changes,
        added,
        inputs.edges,
        others=removed.select("id_key").union(blocks).distinct(),
        aged=aged_evidence(inputs.edges, config, before=previous.day, day=day),
        manual=(manual, inputs.manual),
    )
    if (share := count / max(1, previous.counts.identifiers)) > _MOST_AFFECTED:
        return f"{share:.0%} of the identifiers have new evidence"
    state = previous_state(store.read(PERSON), rejected, store.read(HUB), inputs.edges, affected)
    degrees = store.read(DEGREES)
    last = Previous(state, previous.rules, manual, degrees, edge_changes, removed)
    return affected_scope(context, inputs, last, affected)


def _of_persons(identifiers: DataFrame) -> DataFrame:
    return identifiers.where("entity IS NULL")


# ---- names


def _without_erased(context: Context, previous: PreviousRun, before: DataFrame) -> DataFrame | None:
    """Drop what was erased since from yesterday's persons; None where nothing was."""
    since = previous.versions.get(ERASED_IDENTIFIER.name)
    completed, count = checkpoint_counted(completed_since(context, since))
    if not count:
        return None
    erased = erased_keys(context, before.select("id_key"), completed)
    return checkpoint(remaining_periods(before, erased))


def _next_id(context: Context, previous: PreviousRun) -> int:
    if previous.versions:
        return previous.next_id
    store = context.store
    given = store.read(PERSON).select("person_id").union(store.read(CHANGES).select("person_id"))
    return next_person_id(given, store.read(ALIAS))


def _name_persons(
    context: Context,
    scope: SolveScope,
    solved: Solved,
    remaining: DataFrame | None,
    next_id: int,
) -> Assignment:
    """Name components after yesterday's persons."""
    claims = scope.before if remaining is None else _claims(scope.before, remaining)
    return assign_persons(
        solved.components,
        by_node(claims),
        context.store.read(ALIAS),
        run_id=context.run_id,
        day=context.day,
        next_id=next_id,
    )


def _claims(before: DataFrame, remaining: DataFrame) -> DataFrame:
    """Keep the persons all of whose identifiers were erased, by a row that claims no component."""
    gone = before.join(remaining.select("person_id").distinct(), "person_id", "left_anti")
    return remaining.unionByName(gone.withColumn("id_key", F.lit(None).cast("bigint")))


# ---- figures


def _counts(
    context: Context, scope: SolveScope, previous: PreviousRun, full_reason: str, after: DataFrame
) -> Counts:
    if full_reason:
        return counts_of(after)
    read = context.store.read
    return updated_counts(previous.counts, scope.before, after, whole=lambda: read(PERSON))


def _summary(
    context: Context,
    counts: Counts,
    churn: Churn,
    kinds: dict[str, int],
    scope: SolveScope,
    full_reason: str,
) -> StepResult:
    """Write the metrics and the short table: a row per kind of change and rule, a dozen."""
    alone = F.col("b_key").isNull().alias("alone")
    by_rule = context.store.read(REJECTED).groupBy("rule", alone).count().collect()
    context.metric("persons", counts.persons)
    context.metric("reassigned", counts.reassigned)
    context.metric("identifiers_moved", churn.moved)
    context.metric("share_moved", churn.share)
    context.metric("largest_person", churn.largest)
    for kind, count in kinds.items():
        context.metric("person_changes", count, kind=kind)
    for row in by_rule:
        name = "identifiers_excluded" if row["alone"] else "links_rejected"
        context.metric(name, row["count"], rule=row["rule"])
    return StepResult(
        {
            "identifiers": counts.identifiers,
            "solved again": "all" if scope.id_keys is None else scope.id_keys.count(),
            **({"full solve because": full_reason} if full_reason else {}),
            "persons": counts.persons,
            "largest person": churn.largest,
            "identifiers moved": churn.moved,
            "identifiers excluded": sum(row["count"] for row in by_rule if row["alone"]),
            "links rejected": sum(row["count"] for row in by_rule if not row["alone"]),
            **{f"changes: {kind}": count for kind, count in sorted(kinds.items())},
        }
    )


JOB = Job(
    name="resolve_identity",
    step=resolve_identity,
    tables=(EDGES, PERSON, ALIAS, CHANGES, REJECTED, HUB, DEGREES, ERASED_PERSON, STATE),
    logic_version=2,
    rollback=roll_back_state,
)
