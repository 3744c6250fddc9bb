"""What a run solves: all evidence, or a region that nothing leaves which may link."""

from typing import NamedTuple

from pyspark.sql import DataFrame, functions as F

from databank.identity.config import ANY, IdentityConfig
from databank.identity.evidence.allowed import Evidence, Judged, allowed_evidence, judge_evidence
from databank.identity.evidence.edges import ends_of, pairs_with
from databank.identity.evidence.manual import Told
from databank.identity.evidence.refresh import edges_before
from databank.identity.exclusions.hubs import count_degrees, move_degrees, usual_degrees
from databank.identity.exclusions.limits import without
from databank.identity.incremental.region import Known, Region, region_of
from databank.identity.ownership.reassignment import as_identifiers, with_nodes
from databank.identity.rules import HUB_RULE
from databank.runs import Context
from databank.session import checkpoint, hinted


class Bank(NamedTuple):
    """The evidence of today and its rules.

    Attributes:
        edges: identity.edges.
        identifiers: identity.identifier.
        config: identity.yml.
        told: Its rules made by hand, as keys.
    """

    edges: DataFrame
    identifiers: DataFrame
    config: IdentityConfig
    told: Told


class Part(NamedTuple):
    """What is solved.

    Attributes:
        evidence: Links within it, its nodes, what is refused, and what was handed over.
        keys: id_key of its identifiers; None = all.
        before: Their rows of identity.person on the day before.
        rejected_before: Rows of identity.rejected on the day before.
        met_outside: a_key of junk that others were seen with too.
        degrees: identity.degrees of today; None where junk is not looked for.
    """

    evidence: Evidence
    keys: DataFrame | None
    before: DataFrame
    rejected_before: DataFrame
    met_outside: DataFrame | None
    degrees: DataFrame | None


def whole_part(context: Context, bank: Bank, before: DataFrame, rejected: DataFrame) -> Part:
    """All of it."""
    judged = judge_evidence(bank.edges, bank.identifiers, bank.config, bank.told, day=context.day)
    degrees = _counted(judged, bank.config)
    return Part(
        evidence=_allowed(context, bank, bank.identifiers, judged, degrees),
        keys=None,
        before=before,
        rejected_before=rejected,
        met_outside=None,
        degrees=degrees,
    )


class Yesterday(NamedTuple):
    """What a region is measured against.

    Attributes:
        known: What the last run left.
        rules: identity.yml of the last run.
        told: Its rules made by hand, as keys.
        degrees: identity.degrees of the last run.
        news: What came to identity.edges since, see `update_edges`.
        gone: identity.identifier rows that were altered or removed since.
    """

    known: Known
    rules: IdentityConfig
    told: Told
    degrees: DataFrame
    news: DataFrame
    gone: DataFrame


def touched_part(
    context: Context, bank: Bank, yesterday: Yesterday, touched: DataFrame
) -> Part | str:
    """What touched identifiers (id_key) may change, or why that is all.

    Where another number of neighbours has become usual for a type, what is junk may change
    everywhere.
    """
    known, limits = yesterday.known, bank.config.persons
    usual_before = usual_degrees(yesterday.degrees)
    while True:
        scratch = context.store.scratch("region")
        region = region_of(touched, known, limits, scratch=scratch)
        edges = checkpoint(_edges_at(bank.edges, region.keys))
        identifiers = checkpoint(_identifiers_of(bank.identifiers, edges, region.keys))
        judged = judge_evidence(
            edges, identifiers, bank.config, bank.told, day=context.day, only=region.keys
        )
        degrees = _moved(context, bank, yesterday, judged, edges, identifiers, touched)
        if degrees is not None:
            moved = usual_degrees(degrees).exceptAll(usual_before).first()
            if moved is not None:
                return f"{moved['usual']} neighbours are usual for a {moved['id_type']} now"
        evidence = _allowed(context, bank, identifiers, judged, degrees)
        inside = evidence._replace(nodes=_nodes_of(region, identifiers, evidence))
        # what has no identifier's row any more is solved too while there is evidence of it
        keys = region.keys.union(inside.nodes.select("id_key")).distinct()
        keys = hinted(checkpoint(keys))
        links, leading_out = _divided(inside, keys)
        junk, met_outside = _junk_outside(inside, keys, known, bank.config)
        out = leading_out.join(known.aside, "id_key", "left_anti").union(junk)
        out = out.union(_junk_to_judge(edges, inside, keys, known)).distinct()
        out = checkpoint(out.join(keys, "id_key", "left_anti"))
        if out.isEmpty():
            whole = inside._replace(links=links)
            return Part(whole, region.keys, region.before, known.rejected, met_outside, degrees)
        touched = checkpoint(touched.union(out))


def _counted(judged: Judged, config: IdentityConfig) -> DataFrame | None:
    return None if config.hub_factor is None else checkpoint(count_degrees(judged.identifiers))


def _allowed(
    context: Context,
    bank: Bank,
    identifiers: DataFrame,
    judged: Judged,
    degrees: DataFrame | None,
) -> Evidence:
    return allowed_evidence(
        judged,
        identifiers,
        None if degrees is None else usual_degrees(degrees),
        bank.config,
        bank.told,
        day=context.day,
        timezone=context.settings.timezone,
    )


def _edges_at(edges: DataFrame, keys: DataFrame) -> DataFrame:
    """Edges with an end among the keys."""
    return _marked(edges, keys).where("_a IS NOT NULL OR _b IS NOT NULL").drop("_a", "_b")


def _marked(edges: DataFrame, keys: DataFrame) -> DataFrame:
    """Edges with _a and _b: their ends where these are among the keys, else null."""
    for end in "ab":
        found = keys.select(F.col("id_key").alias(f"_{end}"))
        edges = edges.join(found, F.col(f"{end}_key") == F.col(f"_{end}"), "left")
    return edges


def _identifiers_of(identifiers: DataFrame, edges: DataFrame, keys: DataFrame) -> DataFrame:
    """Rows of the keys and of all that they were seen with."""
    wanted = checkpoint(ends_of(edges).union(keys).distinct())
    return identifiers.join(hinted(wanted), "id_key", "left_semi")


def _moved(
    context: Context,
    bank: Bank,
    yesterday: Yesterday,
    judged: Judged,
    edges: DataFrame,
    identifiers: DataFrame,
    touched: DataFrame,
) -> DataFrame | None:
    """identity.degrees with what the touched identifiers had and have."""
    if bank.config.hub_factor is None:
        return None
    # keys is sure to hold what is touched, and with it all of its edges
    before = judge_evidence(
        edges_before(edges, yesterday.news),
        identifiers.unionByName(yesterday.gone).dropDuplicates(["id_key"]),
        yesterday.rules,
        yesterday.told,
        day=context.day,
        only=hinted(touched),
    )
    now = judged.identifiers.join(touched.toDF("key"), "key", "left_semi")
    after = count_degrees(now)
    return checkpoint(move_degrees(yesterday.degrees, count_degrees(before.identifiers), after))


def _nodes_of(region: Region, identifiers: DataFrame, evidence: Evidence) -> DataFrame:
    """Nodes of the region alone."""
    own = identifiers.join(region.keys, "id_key", "left_semi")
    return checkpoint(with_nodes(own, evidence.holdings))


def _divided(inside: Evidence, keys: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Links between nodes of the region; and id_key of what may be linked to them beside it."""
    marked = checkpoint(_marked(inside.links, keys))
    links = marked.where("_a IS NOT NULL AND _b IS NOT NULL").drop("_a", "_b")
    out = without(marked.where("_a IS NULL OR _b IS NULL"), inside.refused)
    far = F.when(F.col("_a").isNull(), F.col("a_key")).otherwise(F.col("b_key"))
    near = F.coalesce("_a", "_b").isNotNull()
    return links, out.where(near).select(far.alias("id_key")).distinct()


def _junk_to_judge(edges: DataFrame, inside: Evidence, keys: DataFrame, known: Known) -> DataFrame:
    """id_key of junk that has to be judged again: a neighbour was refused, or is no longer."""
    named = as_identifiers(inside.refused.where("b_key IS NULL"), inside.holdings, "a_key")
    now = named.select(F.col("a_key").alias("id_key")).join(keys, "id_key", "left_semi").distinct()
    was = known.aside.union(known.released).join(keys, "id_key", "left_semi").distinct()
    moved = checkpoint(now.exceptAll(was).union(was.exceptAll(now)))
    around = pairs_with(edges, moved).select(F.col("other").alias("id_key"))
    return around.join(hinted(known.unusual), "id_key", "left_semi").distinct()


def _junk_outside(
    inside: Evidence, keys: DataFrame, known: Known, config: IdentityConfig
) -> tuple[DataFrame, DataFrame]:
    """id_key of what has to be solved with junk of the region; and a_key of junk met outside.

    Few neighbours are all brought in. Of many one is enough to tell: junk that was seen inside and
    outside has neighbours in two components, more than one person may have, and comes back to
    nobody.
    """
    nodes = inside.refused.where("b_key IS NULL")
    junk = nodes.where(F.col("rule") == HUB_RULE).select(F.col("a_key").alias("id_key"))
    around = pairs_with(inside.links, junk).distinct().withColumnRenamed("other", "id_key")
    back = known.released.join(keys, "id_key", "left_anti").union(junk)
    aside = known.aside.join(keys, "id_key", "left_anti")
    aside = aside.union(nodes.where(F.col("rule") != HUB_RULE).select("a_key")).distinct()
    around = around.join(aside, "id_key", "left_anti")
    around = around.join(keys.withColumn("ours", F.lit(True)), "id_key", "left")
    around = checkpoint(around.join(back.withColumn("back", F.lit(True)), "id_key", "left"))
    far = around.where("ours IS NULL")
    counted = (
        around.where("back IS NULL")
        .groupBy("key")
        .agg(
            F.count(F.lit(1)).alias("n"),
            F.count("ours").alias("inside"),
            F.min(F.when(F.col("ours").isNull(), F.col("id_key"))).alias("one"),
        )
    )
    most = config.persons[ANY].most if ANY in config.persons else 0
    few = counted.where(F.col("n") <= most)
    many = counted.where((F.col("n") > most) & F.col("one").isNotNull())
    wanted = far.join(few, "key", "left_semi").select("id_key")
    wanted = wanted.union(far.where("back").select("id_key"))
    wanted = wanted.union(many.where("inside = 0").select("one"))
    return wanted, many.where("inside > 0").select(F.col("key").alias("a_key"))
