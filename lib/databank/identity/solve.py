"""Solve a scope: find components over allowed links, release hubs, cut too large persons."""

from typing import NamedTuple

from pyspark.sql import DataFrame, functions as F

from databank.identity.components.solve import connected_components
from databank.identity.evidence.allowed import Inputs
from databank.identity.exclusions.cuts import CutRules, cut_persons
from databank.identity.exclusions.hubs import release_hubs
from databank.identity.exclusions.verdict import hub_rows, without_excluded
from databank.identity.incremental.scope import SolveScope
from databank.identity.ownership.periods import pairs_of_every_period
from databank.runs import Context
from databank.session import checkpoint


class Solved(NamedTuple):
    """Who is one person in a scope, before names are given; keys are those of nodes.

    Attributes:
        components: id_key, component.
        excluded: Verdicts (id_key, rule, reason): identifiers that belong to no person.
        rejected_links: a_key, b_key, rule, reason.
        hubs: identity.hub rows.
    """

    components: DataFrame
    excluded: DataFrame
    rejected_links: DataFrame
    hubs: DataFrame


def solve_scope(context: Context, inputs: Inputs, scope: SolveScope) -> Solved:
    """Find components over allowed links, release harmless hubs, split what breaks person limits.

    Args:
        context: The run.
        inputs: Its rules.
        scope: What is solved.
    """
    config, evidence = inputs.config, scope.evidence
    context.progress.step("connecting identifiers")
    components = connected_components(
        without_excluded(evidence.links, evidence.excluded).select("a_key", "b_key"),
        src="a_key",
        dst="b_key",
        scratch=context.store.scratch("components"),
        local_budget=config.tuning.local_edges,
        engine=config.engine,
    )
    labels = checkpoint(_labels(components, evidence.nodes, evidence.excluded))
    context.progress.step("cutting persons that hold too much")
    excluded = evidence.excluded
    if config.hub_factor is not None:
        labels, excluded = _with_released_hubs(context, inputs, scope, labels)
    hubs = hub_rows(evidence.excluded, excluded)
    pairs = pairs_of_every_period(inputs.manual.cannot_link, evidence.periods)
    if not config.persons and not pairs:
        return Solved(labels, excluded, evidence.ignored, hubs)
    rules = CutRules(config.persons, pairs, config.identifiers, inputs.day)
    links = without_excluded(evidence.links, excluded)
    components, cut = cut_persons(labels, links, rules)
    return Solved(components, excluded, evidence.ignored.unionByName(cut), hubs)


def _labels(components: DataFrame, nodes: DataFrame, excluded: DataFrame) -> DataFrame:
    """Label all nodes that are not excluded: id_key, id_type, component.

    A node without a link is its own component: a join costs less than a loop for each identifier
    in the graph, and brings the types along.
    """
    kept = nodes.join(excluded.select("id_key"), "id_key", "left_anti")
    labelled = kept.select("id_key", "id_type").join(
        components.withColumnRenamed("id", "id_key"), "id_key", "full"
    )
    return labelled.select(
        "id_key", "id_type", F.coalesce("component", "id_key").alias("component")
    )


def _with_released_hubs(
    context: Context, inputs: Inputs, scope: SolveScope, labels: DataFrame
) -> tuple[DataFrame, DataFrame]:
    """Add the hubs that are released to the labels; gives the verdicts that are left, too."""
    evidence, external = scope.evidence, scope.external_hubs
    examined = evidence.excluded
    if external is not None:
        examined = examined.join(external, "id_key", "left_anti")
    labels, left = release_hubs(
        labels,
        examined,
        evidence.links,
        evidence.nodes,
        limits=inputs.config.persons,
        scratch=context.store.scratch("released"),
    )
    if external is not None:
        left = left.unionByName(evidence.excluded.join(external, "id_key", "left_semi"))
    return labels, left
