"""What a run solves: all evidence, or a region that no link leaves which may link.

The region grows until it is closed. Each round finds the persons that the affected identifiers may
change (`region`), decides what of their evidence may link (`evidence.allowed`), and looks for
identifiers outside that they may be linked to; these are affected as well, and the next round
begins. Most days need one round.
"""

from dataclasses import dataclass, replace

from pyspark.sql import DataFrame, functions as F

from databank.identity.config import ANY, IdentityConfig
from databank.identity.evidence.allowed import (
    Evidence,
    Inputs,
    Measured,
    allow_evidence,
    measure_evidence,
)
from databank.identity.evidence.edges import ends_of, pairs_with
from databank.identity.evidence.manual import ManualRules
from databank.identity.evidence.refresh import edges_before
from databank.identity.exclusions.hubs import count_degrees, typical_degrees, updated_degrees
from databank.identity.exclusions.verdict import hubs_of, without_excluded
from databank.identity.incremental.region import PreviousState, affected_region
from databank.identity.ownership.periods import to_identifiers, with_period_nodes
from databank.identity.rules import HUB_RULE
from databank.runs import Context
from databank.session import checkpoint, checkpoint_counted, checkpoint_keys


@dataclass(frozen=True)
class SolveScope:
    """What a run solves.

    Attributes:
        evidence: Links within the scope, its nodes, and what is excluded.
        id_keys: id_key of its identifiers; None = all.
        before: Their rows of identity.person on the day before.
        rejected_before: Rows of identity.rejected on the day before.
        external_hubs: id_key of hubs that identifiers outside were seen with too, more than one
            person may have: they stay excluded.
        degrees: identity.degrees of today; None where there are no hubs.
    """

    evidence: Evidence
    id_keys: DataFrame | None
    before: DataFrame
    rejected_before: DataFrame
    external_hubs: DataFrame | None
    degrees: DataFrame | None


@dataclass(frozen=True)
class Previous:
    """What the last run left, and what came since.

    Attributes:
        state: Persons and exclusions.
        config: identity.yml of the last run.
        manual: Its rules made by hand, as keys.
        degrees: identity.degrees of the last run.
        edge_changes: What came to identity.edges since, see `update_edges`.
        removed: identity.identifier rows that were altered or removed since.
    """

    state: PreviousState
    config: IdentityConfig
    manual: ManualRules
    degrees: DataFrame
    edge_changes: DataFrame
    removed: DataFrame


def full_scope(inputs: Inputs, before: DataFrame, rejected: DataFrame) -> SolveScope:
    """Solve the whole graph: every edge and identifier is in scope."""
    measured = measure_evidence(inputs)
    degrees = None
    if inputs.config.hub_factor is not None:
        degrees = checkpoint(count_degrees(measured.stats))
    evidence = allow_evidence(inputs, measured, _typical(degrees))
    return SolveScope(evidence, None, before, rejected, external_hubs=None, degrees=degrees)


def affected_scope(
    context: Context, inputs: Inputs, previous: Previous, affected: DataFrame
) -> SolveScope | str:
    """Solve what affected identifiers (id_key) may change; a text says why that is all.

    Where another number of neighbours has become typical of a type, hubs may change everywhere.
    """
    state, limits = previous.state, inputs.config.persons
    while True:
        scratch = context.store.scratch("region")
        region, before = affected_region(affected, state, limits, scratch=scratch)
        local = _local_inputs(inputs, region)
        measured = measure_evidence(local, only=region)
        degrees = _degrees_of_today(local, previous, measured, affected)
        moved = _typical_moved(previous.degrees, degrees)
        if moved:
            return moved
        evidence = allow_evidence(local, measured, _typical(degrees))
        evidence = evidence._replace(nodes=_nodes_within(region, local, evidence))
        # an identifier that was removed is solved too while there is evidence of it
        nodes = checkpoint_keys(region.union(evidence.nodes.select("id_key")).distinct())
        links, linked_outside = _links_within(evidence, nodes)
        with_hubs, external_hubs = _outside_of_hubs(evidence, nodes, state, inputs.config)
        missing = linked_outside.join(state.excluded, "id_key", "left_anti").union(with_hubs)
        missing = missing.union(_hubs_to_examine(local.edges, evidence, nodes, state)).distinct()
        missing, count = checkpoint_counted(missing.join(nodes, "id_key", "left_anti"))
        if not count:
            evidence = evidence._replace(links=links)
            return SolveScope(evidence, region, before, state.rejected, external_hubs, degrees)
        affected = checkpoint_keys(affected.union(missing))


def _typical(degrees: DataFrame | None) -> DataFrame | None:
    return None if degrees is None else typical_degrees(degrees)


def _typical_moved(before: DataFrame, degrees: DataFrame | None) -> str:
    """Name a type of which another number of neighbours is typical now; "" = there is none."""
    if degrees is None:
        return ""
    moved = typical_degrees(degrees).exceptAll(typical_degrees(before)).first()
    if moved is None:
        return ""
    return f"{moved['typical']} neighbours are typical of a {moved['id_type']} now"


def _local_inputs(inputs: Inputs, region: DataFrame) -> Inputs:
    """Take the edges with an end in the region, and the rows of all identifiers at these."""
    edges = _marked(inputs.edges, region).where("_a IS NOT NULL OR _b IS NOT NULL")
    edges = checkpoint(edges.drop("_a", "_b"))
    wanted = checkpoint_keys(ends_of(edges).union(region).distinct())
    identifiers = checkpoint(inputs.identifiers.join(wanted, "id_key", "left_semi"))
    return replace(inputs, edges=edges, identifiers=identifiers)


def _marked(edges: DataFrame, keys: DataFrame) -> DataFrame:
    """Add _a and _b to edges: their ends where these are among the keys, else null."""
    for end in "ab":
        named = keys.select(F.col("id_key").alias(f"_{end}"))
        edges = edges.join(named, F.col(f"{end}_key") == F.col(f"_{end}"), "left")
    return edges


def _degrees_of_today(
    local: Inputs, previous: Previous, measured: Measured, affected: DataFrame
) -> DataFrame | None:
    """Subtract the degrees that affected identifiers had, and add those that they have."""
    if local.config.hub_factor is None:
        return None
    # the region has all affected identifiers, and with them all of their edges
    before = measure_evidence(
        replace(
            local,
            edges=edges_before(local.edges, previous.edge_changes),
            identifiers=local.identifiers.unionByName(previous.removed).dropDuplicates(["id_key"]),
            config=previous.config,
            manual=previous.manual,
        ),
        only=affected,
    )
    after = measured.stats.join(affected, "id_key", "left_semi")
    return checkpoint(
        updated_degrees(previous.degrees, count_degrees(before.stats), count_degrees(after))
    )


def _nodes_within(region: DataFrame, local: Inputs, evidence: Evidence) -> DataFrame:
    """List the nodes of the region's own identifiers."""
    own = local.identifiers.join(region, "id_key", "left_semi")
    return checkpoint(with_period_nodes(own, evidence.periods))


def _links_within(evidence: Evidence, nodes: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Split links: those between nodes of the region, and id_key of what others lead to."""
    marked = checkpoint(_marked(evidence.links, nodes))
    links = marked.where("_a IS NOT NULL AND _b IS NOT NULL").drop("_a", "_b")
    out = without_excluded(marked.where("_a IS NULL OR _b IS NULL"), evidence.excluded)
    far = F.when(F.col("_a").isNull(), F.col("a_key")).otherwise(F.col("b_key"))
    leads_in = F.coalesce("_a", "_b").isNotNull()
    return links, out.where(leads_in).select(far.alias("id_key")).distinct()


def _hubs_to_examine(
    edges: DataFrame, evidence: Evidence, nodes: DataFrame, state: PreviousState
) -> DataFrame:
    """Find hubs (id_key) to examine again: a neighbour was excluded, or is no longer."""
    now = to_identifiers(evidence.excluded, evidence.periods, "id_key").select("id_key")
    now = now.join(nodes, "id_key", "left_semi").distinct()
    was = state.excluded.union(state.released_hubs).join(nodes, "id_key", "left_semi").distinct()
    moved = checkpoint_keys(now.exceptAll(was).union(was.exceptAll(now)))
    around = pairs_with(edges, moved).select(F.col("other").alias("id_key"))
    return around.join(state.hubs, "id_key", "left_semi").distinct()


def _outside_of_hubs(
    evidence: Evidence, nodes: DataFrame, state: PreviousState, config: IdentityConfig
) -> tuple[DataFrame, DataFrame]:
    """Find what has to be solved with hubs of the region, and hubs that reach outside for good.

    Few neighbours are all brought in. Of many, one outside is enough: a hub that was seen inside
    and outside has neighbours in two components, more than one person may have, and is not
    released.

    Returns:
        id_key of identifiers outside; and id_key of such hubs.
    """
    hubs = checkpoint_keys(hubs_of(evidence.excluded))
    others = evidence.excluded.where(F.col("rule") != HUB_RULE).select("id_key")
    around = pairs_with(evidence.links, hubs).distinct().withColumnRenamed("other", "id_key")
    # a neighbour that is a hub itself may be released, and does not count
    uncounted = state.released_hubs.join(nodes, "id_key", "left_anti").union(hubs)
    excluded = state.excluded.join(nodes, "id_key", "left_anti").union(others).distinct()
    around = around.join(excluded, "id_key", "left_anti")
    around = around.join(nodes.withColumn("inside", F.lit(True)), "id_key", "left")
    around = around.join(uncounted.withColumn("is_hub", F.lit(True)), "id_key", "left")
    around = checkpoint(around)
    outside = around.where("inside IS NULL")
    counted = (
        around.where("is_hub IS NULL")
        .groupBy("key")
        .agg(
            F.count(F.lit(1)).alias("n"),
            F.count("inside").alias("inside"),
            F.min(F.when(F.col("inside").isNull(), F.col("id_key"))).alias("first_outside"),
        )
    )
    most = config.persons[ANY].most if ANY in config.persons else 0
    few = counted.where(F.col("n") <= most)
    many = counted.where((F.col("n") > most) & F.col("first_outside").isNotNull())
    wanted = outside.join(few, "key", "left_semi").select("id_key")
    wanted = wanted.union(outside.where("is_hub").select("id_key"))
    wanted = wanted.union(many.where("inside = 0").select("first_outside"))
    return wanted, many.where("inside > 0").select(F.col("key").alias("id_key"))
