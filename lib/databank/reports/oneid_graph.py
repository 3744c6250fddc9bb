"""Collect the graph of the one person that is most worth a look; its few rows only."""

from collections import defaultdict

from pyspark.sql import DataFrame, Row, functions as F

from databank.identity.rules import HUB_RULE, LIMIT_RULE, PERSON_RULE
from databank.reports.facts import PersonGraph
from databank.reports.person_graph.parts import Dot, Place, Refused, Seen, tie_up
from databank.session import checkpoint

MOST_IDENTIFIERS = 60  # more would be no picture to read
_MOST_ROWS = 200  # of evidence that leads out of the person
# their reasons are written by databank; one that was written by hand may tell a value
_PLAIN = (LIMIT_RULE, HUB_RULE, PERSON_RULE)


def choose_person(clusters: DataFrame) -> Row | None:
    """The person with most joints and conflicts; of several the smallest person_id.

    Args:
        clusters: As `describe_clusters` gives them.

    Returns:
        Its row; None if nobody of at most MOST_IDENTIFIERS has a joint or a conflict.
    """
    odd = F.col("joints") + F.col("conflicts")
    shown = clusters.where((F.col("identifiers") <= MOST_IDENTIFIERS) & (odd > 0))
    return shown.orderBy(F.desc(odd), "person_id").first()


def collect_graph(
    person: Row, held: DataFrame, edges: DataFrame, rejected: DataFrame, types: DataFrame, zone: str
) -> PersonGraph:
    """One person's identifiers, by type and number, and what ties them or was refused.

    Args:
        person: Row of `choose_person`.
        held: id_key, id_type of the person.
        edges: identity.edges.
        rejected: identity.rejected.
        types: identity.identifier.
        zone: Business time zone.
    """
    own = {row["id_key"]: row["id_type"] for row in held.collect()}
    here, there = (F.col(end).isin(list(own)) for end in ("a_key", "b_key"))
    last = F.to_date(F.from_utc_timestamp("last_ts", zone)).alias("last")
    met = checkpoint(edges.where(here | there)).select(
        "a_key", "b_key", "source", "rule", last, "n"
    )
    reason = F.when(F.col("rule").isin(*_PLAIN), F.col("reason")).otherwise(F.col("rule"))
    refused = rejected.select("a_key", "b_key", reason.alias("reason"))
    pairs = refused.where("b_key IS NOT NULL").where(here | there)
    # those within the person first: a link that is missing among them would count as one
    pairs = pairs.orderBy(F.desc(here & there), "a_key", "b_key").limit(_MOST_ROWS)
    told = {Refused(*row) for row in pairs.collect()}
    met_refused = {key for row in told for key in (row.a_key, row.b_key)} - own.keys()
    far = F.when(here, F.col("b_key")).otherwise(F.col("a_key")).alias("far")
    aside = refused.where("b_key IS NULL").select(F.col("a_key").alias("far"), "reason")
    outward = met.where(here != there).select("*", far).join(aside, "far", "left")
    outward = outward.where(F.col("reason").isNotNull() | F.col("far").isin(list(met_refused)))
    seen = {Seen(*row) for row in met.where(here & there).collect()}
    for row in outward.orderBy(F.desc("n"), "far").limit(_MOST_ROWS).collect():
        seen.add(Seen(*(row[name] for name in Seen._fields)))
        if row["reason"] is not None:
            told.add(Refused(row["far"], None, row["reason"]))
    ties = tie_up(seen, told, own)
    beyond = sorted({end for tie in ties for end in (tie.a, tie.b)} - own.keys())
    others: dict[int, str] = dict.fromkeys(beyond, "unknown")
    if beyond:
        named = types.where(F.col("id_key").isin(beyond)).select("id_key", "id_type")
        others |= {row["id_key"]: row["id_type"] for row in named.collect()}
    return PersonGraph(
        **{name: person[name] for name in ("person_id", "identifiers", "joints", "conflicts")},
        dots=_numbered(own, others),
        ties=tuple(ties),
    )


def _numbered(own: dict[int, str], others: dict[int, str]) -> tuple[Dot, ...]:
    """Dots by type and number: what they are called in the bank stays there."""
    count: dict[str, int] = defaultdict(int)
    dots = []
    places: tuple[tuple[Place, dict[int, str]], ...] = (("held", own), ("beyond", others))
    for place, types in places:
        for key, id_type in sorted(types.items()):
            count[id_type] += 1
            dots.append(Dot(key, id_type, str(count[id_type]), place))
    return tuple(dots)
