"""Refresh identity.edges: the evidence follows events, profiles and likely pairs."""

from collections.abc import Mapping

from pyspark.sql import DataFrame, functions as F

from databank.identity.evidence.edges import add_edges, event_edges, linkage_edges, profile_edges
from databank.identity.linkage.config import LinkageRule
from databank.identity.rules import LINKAGE_RULE
from databank.identity.tables import EDGES, LIKELY_PAIR
from databank.session import checkpoint, checkpoint_keys
from databank.sources.tables import EVENTS, PROFILES
from databank.tables import Store

_RULES = {"event": (EVENTS, event_edges), "profile": (PROFILES, profile_edges)}
_MEASURES = ("first_ts", "last_ts", "n", "score")


def replace_edges(store: Store, rules: Mapping[str, LinkageRule]) -> None:
    """Write identity.edges from all events and profiles, and from likely pairs by these rules."""
    events, profiles = (edges_of(store.read(spec)) for spec, edges_of in _RULES.values())
    rows = events.unionByName(profiles)
    if rules:
        rows = rows.unionByName(linkage_edges(store.read(LIKELY_PAIR), rules))
    # grouped by the key a moment ago
    store.replace(EDGES, rows, checked=True)


def update_edges(
    store: Store, since: Mapping[str, int], rules: Mapping[str, LinkageRule]
) -> DataFrame:
    """Bring identity.edges up to date with the records that came since, in one write.

    New events add to the evidence. Of what was altered (a profile says what it says today), and of
    all profiles, the edges with the same strongest identifier are counted again. Those of likely
    pairs are what identity.likely_pair says today.

    Args:
        store: The bank; its identity.edges is as of `since`.
        since: Versions of core.events and core.profiles that identity.edges was made from.
        rules: The rules `linkage`; the same as they were then.

    Returns:
        The rows of identity.edges that came, went or changed: its key, and `was` and `now`
        (first_ts, last_ts, n, score; null = there was or is none).
    """
    keys = list(EDGES.key)
    added = store.changes(PROFILES, since[PROFILES.name])
    changed = _anchors(added, "profile").union(
        _anchors(store.altered(PROFILES, since[PROFILES.name]), "profile")
    )
    changed = changed.union(_anchors(store.altered(EVENTS, since[EVENTS.name]), "event"))
    anchors = checkpoint_keys(changed.distinct())
    fresh = event_edges(store.changes(EVENTS, since[EVENTS.name]))
    fresh = checkpoint(fresh.join(anchors, ["a_key", "rule"], "left_anti"))
    named = checkpoint_keys(anchors.select("a_key").union(fresh.select("a_key")).distinct())
    near = checkpoint(store.read(EDGES).join(named, "a_key", "left_semi"))
    recounted = [
        edges_of(
            store.read(spec)
            .withColumn("a_key", F.get("ids", F.lit(0)))
            .join(anchors.where(F.col("rule") == rule).select("a_key"), "a_key", "left_semi")
        )
        for rule, (spec, edges_of) in _RULES.items()
    ]
    now = add_edges(near, fresh).unionByName(recounted[0]).unionByName(recounted[1])
    was = near.join(fresh, keys, "left_semi").unionByName(
        near.join(anchors, ["a_key", "rule"], "left_semi")
    )
    if rules:
        was = was.unionByName(store.read(EDGES).where(F.col("rule") == LINKAGE_RULE))
        now = now.unionByName(linkage_edges(store.read(LIKELY_PAIR), rules))
    both = was.select(*keys, F.struct(*_MEASURES).alias("was")).join(
        now.select(*keys, F.struct(*_MEASURES).alias("now")), keys, "full"
    )
    edge_changes = checkpoint_keys(both.where("NOT was <=> now"))
    rows = edge_changes.where("now IS NOT NULL").select(*keys, "now.*")
    store.replace_keys(EDGES, rows, edge_changes.select(*keys))
    return edge_changes


def edges_before(edges: DataFrame, edge_changes: DataFrame) -> DataFrame:
    """Restore edges to what they were before the changes; both of the same identifiers."""
    keys = list(EDGES.key)
    old = edge_changes.where("was IS NOT NULL").select(*keys, "was.*")
    same = edges.join(edge_changes.select(*keys), keys, "left_anti")
    return same.select(*old.columns).unionByName(old)


def _anchors(records: DataFrame, rule: str) -> DataFrame:
    """List a_key, rule of records that are evidence: their strongest identifiers."""
    anchor = F.col("ids")[0].alias("a_key")
    return records.where(F.size("ids") > 1).select(anchor, F.lit(rule).alias("rule"))
