"""The job resolve_identity: evidence, guards, components, person ids that stay."""

from dataclasses import replace

from pyspark.sql import DataFrame, functions as F

from databank.identity.changes import ownership_changes, reappeared, with_evidence
from databank.identity.config import IdentityConfig
from databank.identity.evidence.manual import told_by_hand
from databank.identity.evidence.refresh import replace_edges, update_edges
from databank.identity.exclusions.limits import unreadable_identifiers, without
from databank.identity.forgotten import erased_since, forgotten_persons, without_erased
from databank.identity.incremental.affected import (
    aged_evidence,
    blocks_changed,
    touched_identifiers,
)
from databank.identity.incremental.region import last_known
from databank.identity.incremental.scope import Bank, Part, Yesterday, touched_part, whole_part
from databank.identity.incremental.state import (
    Basis,
    Counts,
    counts_now,
    counts_of,
    go_back,
    last_basis,
    write_basis,
)
from databank.identity.ownership.reassignment import as_identifiers, node_key
from databank.identity.person_ids import Assignment, assign_persons, next_person_id
from databank.identity.preview.gates import Churn, count_moved, refusal
from databank.identity.rules import FORMAT_RULE
from databank.identity.solve import Solved, solve_part
from databank.identity.tables import ALIAS, CHANGES, DEGREES, EDGES, HUB, PERSON, REJECTED, STATE
from databank.runs import Context, Job, StepResult
from databank.runs.forget import FORGOTTEN
from databank.session import checkpoint, hinted
from databank.sources.tables import ERASED, IDENTIFIER, REFUSED

# of the identifiers; where more are touched, to solve all costs less than to find a region
_MOST_TOUCHED = 0.2


def resolve_identity(context: Context, config: IdentityConfig) -> StepResult:
    """Bring the evidence up to date and give every identifier its person.

    The evidence of events grows by what is new since the last run; that of profiles is what
    the profiles say today. Only what it touches is solved anew, or all where the code or a general
    rule has changed; the result is the same. The registry keeps every person_id that can be kept.

    Raises:
        GateRefusedError: If more changes than identity.yml lets a run change.
    """
    result, churn = update_persons(context, config)
    refused = refusal(churn, config.gates)
    if refused is not None:
        raise refused
    return result


def update_persons(context: Context, config: IdentityConfig) -> tuple[StepResult, Churn]:
    """The same, with how much has changed, whatever the gates let a run change."""
    bank, part, basis = _part(context, config)
    solved = solve_part(context, config, part, bank.told.cannot_link)
    context.progress.step("naming persons")
    next_id = _next_id(context, basis)
    left = _left(context, basis, part)
    assigned = assign_persons(
        solved.components,
        _by_node(part.before if left is None else _claims(part.before, left)),
        context.store.read(ALIAS),
        run_id=context.run_id,
        day=context.day,
        next_id=next_id,
    )
    after = _write_persons(context, assigned, part)
    context.progress.step("telling what changed")
    kinds, moved = _write_changes(context, assigned, part, solved, after, left)
    _write_rejected(context, solved, part)
    if left is not None:
        _write_forgotten(context, part.before, left, after)
    if part.degrees is not None:
        context.store.replace(DEGREES, part.degrees, checked=True)
    known = part.before.count() if basis.why else basis.counts.identifiers
    counts = _counts(context, part, basis, after)
    given = assigned.names.where(F.col("person_id") >= next_id).count()
    write_basis(context, config, counts, next_id=next_id + given)
    churn = Churn(known, moved, counts.largest)
    return _summary(context, counts, churn, kinds, part, basis), churn


# ---- what is solved


def _part(context: Context, config: IdentityConfig) -> tuple[Bank, Part, Basis]:
    """The evidence, what of it this run solves, and what it builds on."""
    store = context.store
    context.progress.step("gathering evidence")
    basis = last_basis(context, config)
    identifiers = _of_persons(store.read(IDENTIFIER))
    told = told_by_hand(identifiers, config, day=context.day)
    if basis.why:
        replace_edges(store, config.linkage)
        bank = Bank(store.read(EDGES), identifiers, config, told)
    else:
        news = update_edges(store, basis.versions, config.linkage)
        bank = Bank(store.read(EDGES), identifiers, config, told)
        context.progress.step("looking for what is touched")
        part = _touched(context, bank, basis, news)
        if isinstance(part, Part):
            return bank, part, basis
        basis = replace(basis, why=part)
    context.progress.step(f"refusing shared identifiers ({basis.why})")
    return bank, whole_part(context, bank, store.read(PERSON), _rejected_before(context)), basis


def _touched(context: Context, bank: Bank, basis: Basis, news: DataFrame) -> Part | str:
    store, config, day = context.store, bank.config, context.day
    since = basis.versions[IDENTIFIER.name]
    came = _of_persons(store.changes(IDENTIFIER, since))
    gone = _of_persons(store.altered(IDENTIFIER, since))
    told = bank.told
    if basis.rules != config or not gone.isEmpty():
        told = told_by_hand(bank.identifiers.unionByName(gone), basis.rules, day=basis.day)
    # what came since was not known then; of that only what is told by hand, so few
    named = sorted(told.ends())
    new = came.where(F.col("id_key").isin(named)).select("id_key").collect() if named else []
    told = told.without({row["id_key"] for row in new})
    rejected = _rejected_before(context)
    blocks = blocks_changed(bank.identifiers, rejected, basis.rules, config, day=day)
    touched = touched_identifiers(
        news,
        came,
        bank.edges,
        others=gone.select("id_key").union(blocks).distinct(),
        aged=aged_evidence(bank.edges, config, before=basis.day, day=day),
        told=(told, bank.told),
    )
    if (share := touched.count() / max(1, basis.counts.identifiers)) > _MOST_TOUCHED:
        return f"{share:.0%} of the identifiers have new evidence"
    known = last_known(store.read(PERSON), rejected, store.read(HUB), bank.edges, touched)
    degrees = store.read(DEGREES)
    yesterday = Yesterday(known, basis.rules, told, degrees, news, gone)
    return touched_part(context, bank, yesterday, touched)


def _of_persons(identifiers: DataFrame) -> DataFrame:
    return identifiers.where("entity IS NULL")


def _rejected_before(context: Context) -> DataFrame:
    return context.store.read(REJECTED).where(F.col("rule") != FORMAT_RULE)


# ---- what is written


def _left(context: Context, basis: Basis, part: Part) -> DataFrame | None:
    """Yesterday's persons of the part without what was erased since; None where nothing was."""
    erased = checkpoint(erased_since(context.store, basis.versions.get(ERASED.name)))
    return None if erased.isEmpty() else checkpoint(without_erased(part.before, erased))


def _claims(before: DataFrame, left: DataFrame) -> DataFrame:
    """Yesterday's persons; what was erased (id_key null) speaks for nobody any more."""
    gone = before.join(left.select("person_id").distinct(), "person_id", "left_anti")
    gone = gone.withColumn("id_key", F.lit(None).cast("bigint"))
    return left.unionByName(gone)


def _write_forgotten(
    context: Context, before: DataFrame, left: DataFrame, after: DataFrame
) -> None:
    store = context.store
    gone = forgotten_persons(before, left, after, store.read(ALIAS))
    known = store.read(FORGOTTEN)
    gone = checkpoint(gone.join(known, "person_id", "left_anti"))
    # every job deals with a new version of it
    if not gone.isEmpty():
        store.replace(FORGOTTEN, known.unionByName(gone))


def _next_id(context: Context, basis: Basis) -> int:
    if basis.versions:
        return basis.next_id
    store = context.store
    given = store.read(PERSON).select("person_id").union(store.read(CHANGES).select("person_id"))
    return next_person_id(given, store.read(ALIAS))


def _write_persons(context: Context, assigned: Assignment, part: Part) -> DataFrame:
    """Write identity.person; gives its rows of today."""
    store = context.store
    rows = _dated(assigned.person, part.evidence.holdings)
    if part.keys is None:
        # an identifier is in one component, which has one name
        store.replace(PERSON, rows, checked=True)
        return store.read(PERSON)
    after = checkpoint(rows)
    columns = [column.name for column in PERSON.columns]
    was, now = part.before.select(*columns), after.select(*columns)
    moved = was.exceptAll(now).unionByName(now.exceptAll(was)).select("id_key").distinct()
    changed = hinted(checkpoint(moved))
    store.replace_keys(PERSON, after.join(changed, "id_key", "left_semi"), changed)
    return after


def _dated(persons: DataFrame, holdings: DataFrame) -> DataFrame:
    """Persons by identifier and the days of a holding; by far the most hold theirs for ever."""
    held = F.broadcast(holdings.withColumnRenamed("id_key", "whose"))
    joined = persons.join(held, F.col("id_key") == F.col("node"), "left")
    named = F.coalesce("whose", "id_key").alias("id_key")
    return joined.select(named, "person_id", "valid_from", "valid_to")


def _by_node(persons: DataFrame) -> DataFrame:
    return persons.select(node_key().alias("id_key"), "person_id")


def _write_changes(
    context: Context,
    assigned: Assignment,
    part: Part,
    solved: Solved,
    after: DataFrame,
    left: DataFrame | None,
) -> tuple[dict[str, int], int]:
    """Write identity.changes and what follows from it.

    Gives the number of changes by kind, and that of identifiers that came to another person.
    """
    store = context.store
    day, run_id, holdings = context.day, context.run_id, part.evidence.holdings
    moved = ownership_changes(part.before, after, part.rejected_before, run_id, day)
    told = assigned.changes.unionByName(moved)
    if left is not None:
        told = told.unionByName(reappeared(part.before, left, after, run_id, day))
    told = checkpoint(told)
    # a row a kind
    kinds = {row["kind"]: row["count"] for row in told.groupBy("kind").count().collect()}
    if part.keys is None or "merge" in kinds:
        store.replace(ALIAS, assigned.alias)
    links = without(part.evidence.links, solved.rejected)
    before, now = _by_node(part.before), _by_node(after)
    changes = with_evidence(told, before, now, links, solved.rejected)
    store.append(CHANGES, as_identifiers(changes, holdings, "a_key", "b_key"))
    return kinds, count_moved(told, part.before, after)


def _write_rejected(context: Context, solved: Solved, part: Part) -> None:
    """Write identity.rejected and identity.hub; what lies beside the part stays as it is."""
    store, junk = context.store, solved.junk
    rejected = as_identifiers(solved.rejected, part.evidence.holdings, "a_key", "b_key")
    if part.keys is not None:
        a, b = (part.keys.withColumnRenamed("id_key", f"{end}_key") for end in "ab")
        beside = part.rejected_before.join(a, "a_key", "left_anti").join(b, "b_key", "left_anti")
        rejected = rejected.join(a, "a_key", "left_semi").unionByName(beside)
        junk = junk.unionByName(store.read(HUB).join(part.keys, "id_key", "left_anti"))
    unreadable = unreadable_identifiers(store.read(REFUSED), day=context.day)
    store.replace(REJECTED, rejected.unionByName(unreadable))
    store.replace(HUB, junk, checked=True)


def _counts(context: Context, part: Part, basis: Basis, after: DataFrame) -> Counts:
    if basis.why:
        return counts_of(after)
    read = context.store.read
    return counts_now(basis.counts, part.before, after, whole=lambda: read(PERSON))


def _summary(
    context: Context,
    counts: Counts,
    churn: Churn,
    kinds: dict[str, int],
    part: Part,
    basis: Basis,
) -> StepResult:
    """A row per kind of change and rule: a dozen."""
    alone = F.col("b_key").isNull().alias("alone")
    found = context.store.read(REJECTED).groupBy("rule", alone).count().collect()
    context.metric("persons", counts.persons)
    context.metric("reassigned", counts.reassigned)
    context.metric("identifiers_moved", churn.moved)
    context.metric("share_moved", churn.share)
    context.metric("largest_person", churn.largest)
    for kind, count in kinds.items():
        context.metric("person_changes", count, kind=kind)
    for row in found:
        name = "identifiers_excluded" if row["alone"] else "links_rejected"
        context.metric(name, row["count"], rule=row["rule"])
    return StepResult(
        {
            "identifiers": counts.identifiers,
            "solved again": "all" if part.keys is None else part.keys.count(),
            **({"full solve because": basis.why} if basis.why else {}),
            "persons": counts.persons,
            "largest person": churn.largest,
            "identifiers moved": churn.moved,
            "identifiers excluded": sum(row["count"] for row in found if row["alone"]),
            "links rejected": sum(row["count"] for row in found if not row["alone"]),
            **{f"changes: {kind}": count for kind, count in sorted(kinds.items())},
        }
    )


JOB = Job(
    name="resolve_identity",
    step=resolve_identity,
    tables=(EDGES, PERSON, ALIAS, CHANGES, REJECTED, HUB, DEGREES, FORGOTTEN, STATE),
    logic_version=1,
    rollback=go_back,
)
