"""The graph of the one person that is most worth a look: its few rows, and its picture."""

from collections import defaultdict
from dataclasses import dataclass

from pyspark.sql import DataFrame, Row, functions as F

from databank.columns import business_day
from databank.identity.rules import HUB_RULE, LIMIT_RULE, PERSON_RULE
from databank.reports import format as fmt
from databank.reports.page import Panel
from databank.reports.person_graph.draw import draw_graph
from databank.reports.person_graph.parts import Dot, Place, Rejected, Seen, Tie, tie_up
from databank.session import checkpoint

MOST_IDENTIFIERS = 60  # more would be no picture to read
_MOST_ROWS = 200  # of evidence that leads out of the person
# their reasons are written by databank; one that was written by hand may tell a value
_PLAIN = (LIMIT_RULE, HUB_RULE, PERSON_RULE)


@dataclass(frozen=True)
class PersonGraph:
    """One person to draw; identifiers are named by type and number."""

    person_id: int
    identifiers: int
    weak_bridges: int
    conflicts: int
    dots: tuple[Dot, ...]
    ties: tuple[Tie, ...]


def choose_person(clusters: DataFrame) -> Row | None:
    """Choose the person with most weak bridges and conflicts; of several the smallest person_id.

    Args:
        clusters: As `describe_clusters` gives them.

    Returns:
        Its row; None if nobody of at most MOST_IDENTIFIERS has a weak bridge or a conflict.
    """
    doubts = F.col("weak_bridges") + F.col("conflicts")
    shown = clusters.where((F.col("identifiers") <= MOST_IDENTIFIERS) & (doubts > 0))
    return shown.orderBy(F.desc(doubts), "person_id").first()


def collect_graph(
    person: Row, held: DataFrame, edges: DataFrame, rejected: DataFrame, types: DataFrame, zone: str
) -> PersonGraph:
    """Collect one person's identifiers, by type and number, and what ties them or was rejected.

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
    last = business_day("last_ts", zone).alias("last")
    evidence = checkpoint(edges.where(here | there)).select(
        "a_key", "b_key", "source", "rule", last, "n"
    )
    reason = F.when(F.col("rule").isin(*_PLAIN), F.col("reason")).otherwise(F.col("rule"))
    rejected = rejected.select("a_key", "b_key", reason.alias("reason"))
    pairs = rejected.where("b_key IS NOT NULL").where(here | there)
    # those within the person first: a link that is missing among them would count as one
    pairs = pairs.orderBy(F.desc(here & there), "a_key", "b_key").limit(_MOST_ROWS)
    rejections = {Rejected(*row) for row in pairs.collect()}
    rejected_keys = {key for row in rejections for key in (row.a_key, row.b_key)} - own.keys()
    far = F.when(here, F.col("b_key")).otherwise(F.col("a_key")).alias("far")
    excluded = rejected.where("b_key IS NULL").select(F.col("a_key").alias("far"), "reason")
    outward = evidence.where(here != there).select("*", far).join(excluded, "far", "left")
    outward = outward.where(F.col("reason").isNotNull() | F.col("far").isin(list(rejected_keys)))
    seen = {Seen(*row) for row in evidence.where(here & there).collect()}
    for row in outward.orderBy(F.desc("n"), "far").limit(_MOST_ROWS).collect():
        seen.add(Seen(*(row[name] for name in Seen._fields)))
        if row["reason"] is not None:
            rejections.add(Rejected(row["far"], None, row["reason"]))
    ties = tie_up(seen, rejections, own)
    beyond = sorted({end for tie in ties for end in (tie.a, tie.b)} - own.keys())
    strangers: dict[int, str] = dict.fromkeys(beyond, "unknown")
    if beyond:
        named = types.where(F.col("id_key").isin(beyond)).select("id_key", "id_type")
        strangers |= {row["id_key"]: row["id_type"] for row in named.collect()}
    return PersonGraph(
        **{
            name: person[name] for name in ("person_id", "identifiers", "weak_bridges", "conflicts")
        },
        dots=_numbered(own, strangers),
        ties=tuple(ties),
    )


def _numbered(own: dict[int, str], strangers: dict[int, str]) -> tuple[Dot, ...]:
    """Name dots by type and number: their values stay in the bank."""
    count: dict[str, int] = defaultdict(int)
    dots = []
    places: tuple[tuple[Place, dict[int, str]], ...] = (("held", own), ("beyond", strangers))
    for place, types in places:
        for key, id_type in sorted(types.items()):
            count[id_type] += 1
            dots.append(Dot(key, id_type, str(count[id_type]), place))
    return tuple(dots)


def draw_person_graph(person: PersonGraph | None) -> tuple[Panel, ...]:
    """Draw the person to look at first, if there is person."""
    if person is None:
        return ()
    rejected = sum(bool(tie.rejected) for tie in person.ties)
    doubts = (
        [fmt.plural(person.weak_bridges, "weak bridge") + " (red)"] if person.weak_bridges else []
    )
    doubts += [fmt.plural(rejected, "rejected link") + " (dashed)"] if rejected else []
    summary = (
        f"Person {person.person_id} has {fmt.plural(person.identifiers, 'identifier')}, with "
        f"{fmt.listed(doubts)}. "
    )
    if person.weak_bridges:
        summary += (
            "A weak bridge alone holds two groups together: point at it to see how many records "
            "say so, and if these are two people, name the pair under ignore_link in identity.yml. "
        )
    if rejected:
        summary += (
            "A rejected link ties nothing: point at it for the reason, and if it is one person "
            "after all, name the pair under must_link."
        )
    figure = draw_graph(person.dots, person.ties)
    return (Panel("The person to look at first", summary.strip(), figure, wide=True),)
