"""How the identifiers of a person hang together: by size, the largest, the most doubtful one."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from pyspark.sql import DataFrame, functions as F

from databank.identity.graph_metrics import describe_clusters
from databank.reports import format as fmt
from databank.reports.page import Grid, Panel
from databank.reports.reader import Reader
from databank.reports.sections.doubtful_person import (
    PersonGraph,
    choose_person,
    collect_graph,
    draw_person_graph,
)
from databank.session import checkpoint

LARGEST = 10
# a class of size begins with each of these numbers of identifiers
SIZES = (2, 3, 4, 6, 11, 21, 51, 201)


@dataclass(frozen=True)
class ClusterSize:
    """Persons of one class of size, `begin` identifiers or more.

    density and bridges are means; weakly_bridged are persons that hang on a single link between two
    groups of identifiers; conflicts are rejected links (see describe_clusters).
    """

    begin: int
    persons: int
    density: float
    bridges: float
    weakly_bridged: int
    conflicts: int


@dataclass(frozen=True)
class Cluster:
    """One person as a graph (see describe_clusters); kinds: (type, identifiers), most first."""

    person_id: int
    identifiers: int
    links: int
    density: float
    bridges: int
    weak_bridges: int
    conflicts: int
    kinds: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class ClustersData:
    """Persons with two identifiers or more by size, the largest, and one to look at first."""

    sizes: tuple[ClusterSize, ...] = ()
    largest: tuple[Cluster, ...] = ()
    doubtful: PersonGraph | None = None


def collect_clusters(
    reader: Reader, persons: DataFrame | None, types: DataFrame | None
) -> ClustersData:
    """Measure how persons hang together.

    Args:
        reader: For identity.edges and identity.rejected.
        persons: id_key, person_id of the run day; None if they are not published.
        types: identity.identifier without entities; None if it is not published.
    """
    edges, rejected = reader.table("identity.edges"), reader.table("identity.rejected")
    if persons is None or edges is None or rejected is None or types is None:
        return ClustersData()
    clusters = checkpoint(describe_clusters(persons, edges, rejected))
    begin = F.greatest(*(F.when(F.col("identifiers") >= n, F.lit(n)) for n in SIZES))
    # a row a class
    sizes = (
        clusters.groupBy(begin.alias("begin"))
        .agg(
            F.count("*").alias("persons"),
            F.avg("density").alias("density"),
            F.avg("bridges").alias("bridges"),
            F.count_if(F.col("weak_bridges") > 0).alias("weakly_bridged"),
            F.sum("conflicts").alias("conflicts"),
        )
        .orderBy("begin")
        .collect()
    )
    largest = clusters.orderBy(F.desc("identifiers"), "person_id").limit(LARGEST)
    doubtful = choose_person(clusters)
    named = largest.select("person_id")
    if doubtful is not None:
        named = named.union(
            clusters.where(F.col("person_id") == doubtful["person_id"]).select("person_id")
        )
    held = persons.join(F.broadcast(named.distinct()), "person_id")
    held = checkpoint(held.join(types.select("id_key", "id_type"), "id_key"))
    counts = held.groupBy("person_id", "id_type").count()
    kind = F.struct(-F.col("count"), F.col("id_type").alias("id_type"))
    kinds = counts.groupBy("person_id").agg(F.sort_array(F.collect_list(kind)).alias("kinds"))
    rows = largest.join(kinds, "person_id").orderBy(F.desc("identifiers"), "person_id").collect()
    names = [name for name in Cluster.__dataclass_fields__ if name != "kinds"]
    graph = None
    if doubtful is not None:
        identifiers = held.where(F.col("person_id") == doubtful["person_id"])
        graph = collect_graph(doubtful, identifiers, edges, rejected, types, reader.timezone)
    return ClustersData(
        tuple(ClusterSize(*row) for row in sizes),
        tuple(
            Cluster(**{name: row[name] for name in names}, kinds=_kinds(row["kinds"]))
            for row in rows
        ),
        graph,
    )


def draw_clusters(data: ClustersData) -> tuple[Panel, ...]:
    """Draw the classes of size, the largest persons and the one to look at first."""
    return (*_cluster_sizes(data.sizes), *_largest(data.largest), *draw_person_graph(data.doubtful))


def _kinds(counts: Iterable[tuple[int, str]]) -> tuple[tuple[str, int], ...]:
    return tuple((kind, -count) for count, kind in counts)


def _cluster_sizes(sizes: tuple[ClusterSize, ...]) -> tuple[Panel, ...]:
    if not sizes:
        return ()
    weak = sum(size.weakly_bridged for size in sizes)
    persons = sum(size.persons for size in sizes)
    summary = (
        f"{fmt.count(weak)} of {fmt.plural(persons, 'person')} with two identifiers or more "
        f"({fmt.share(weak, persons)}) hang on a single link between two groups: look there "
        "first for strangers taken for one. A rejected link is a conflict of each person that it "
        "touches."
    )
    ends = dict(itertools.pairwise(SIZES))
    rows = tuple(
        (
            _class(size.begin, ends.get(size.begin)),
            fmt.count(size.persons),
            fmt.number(size.density, 2),
            fmt.number(size.bridges),
            fmt.share(size.weakly_bridged, size.persons),
            fmt.count(size.conflicts),
        )
        for size in sizes
    )
    head = ("Identifiers", "Persons", "Density", "Bridges", "On a weak bridge", "Conflicts")
    shades = tuple(
        (None, None, None, None, size.weakly_bridged / size.persons, None) for size in sizes
    )
    grid = Grid(head, rows, shades=shades)
    return (Panel("How persons hang together", summary, grid=grid, wide=True),)


def _class(begin: int, after: int | None) -> str:
    if after is None:
        return f"{begin}+"
    return str(begin) if after == begin + 1 else f"{begin}–{after - 1}"  # noqa: RUF001


def _largest(largest: tuple[Cluster, ...]) -> tuple[Panel, ...]:
    if not largest:
        return ()
    first = largest[0]
    summary = (
        f"Person {first.person_id} has {fmt.plural(first.identifiers, 'identifier')}; no other "
        "has more. Density is the share of all pairs that were seen together; bridges are links "
        "without which the person would fall into two."
    )
    rows = tuple(
        (
            str(person.person_id),
            _held(person),
            fmt.count(person.identifiers),
            fmt.count(person.links),
            fmt.number(person.density, 2),
            fmt.count(person.bridges),
            fmt.count(person.weak_bridges),
            fmt.count(person.conflicts),
        )
        for person in largest
    )
    head = (
        "Person", "Holds", "Identifiers", "Links", "Density", "Bridges", "Weak bridges",
        "Conflicts",
    )  # fmt: skip
    grid = Grid(head, rows, text_columns=2)
    return (Panel("The largest persons", summary, grid=grid, wide=True),)


def _held(person: Cluster) -> str:
    return ", ".join(fmt.label(kind) + (f" × {n}" if n > 1 else "") for kind, n in person.kinds)  # noqa: RUF001
