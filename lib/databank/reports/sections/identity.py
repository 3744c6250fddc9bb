"""Section on OneID: who is who, and how sure of it one can be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from pyspark.sql import DataFrame, functions as F

from databank.identity.ownership.periods import holds_on
from databank.reports import charts, format as fmt
from databank.reports.page import Grid, Panel, Section, Tile
from databank.reports.reader import Reader
from databank.reports.section import Notes, ReportSection
from databank.reports.sections.clusters import ClustersData, collect_clusters, draw_clusters
from databank.reports.sections.exclusions import Exclusion, count_exclusions, draw_exclusions

_ALONE = "alone: "  # begins the total of persons who are one identifier, before its type
MOST_IDENTIFIERS = 12  # persons with more are counted together
_CHANGES = {
    "new": "new persons",
    "merge": "merges",
    "split": "splits",
    "retired": "retired persons",
}


@dataclass(frozen=True)
class IdType:
    """One type of identifier: how many there are, of how many persons, and the most of one."""

    id_type: str
    identifiers: int
    resolved: int
    persons: int
    most: int


@dataclass(frozen=True)
class EntityKind:
    """One kind of entity: how many there are, of how many persons, and the most of one.

    in_company are persons who share theirs with another person; excluded are identifiers that too
    many persons share.
    """

    entity: str
    number: int
    persons: int
    in_company: int
    largest: int
    excluded: int


def known_by_one(totals: Mapping[str, int]) -> dict[str, int]:
    """Give the persons who are one identifier, by its type, out of all totals."""
    return {n.removeprefix(_ALONE): v for n, v in totals.items() if n.startswith(_ALONE)}


@dataclass(frozen=True)
class IdentityData:
    """How identifiers became persons.

    Attributes:
        per_person: (identifiers, persons who have that many).
        id_types: Types of identifiers, most first.
        changes: Persons by kind of change, on changes_day.
        changes_day: Newest day with changes.
        first_resolved: Whether that was the first day with persons at all.
        alone: Persons who are one identifier, by its type, most first.
        excluded: Identifiers that are not used for linking.
        rejected: Links that are not used.
        entities: Households, accounts ...
        clusters: How the identifiers of a person hang together.
    """

    per_person: tuple[tuple[int, int], ...] = ()
    id_types: tuple[IdType, ...] = ()
    changes: dict[str, int] = field(default_factory=dict)
    changes_day: date | None = None
    first_resolved: bool = False
    alone: tuple[tuple[str, int], ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    rejected: tuple[Exclusion, ...] = ()
    entities: tuple[EntityKind, ...] = ()
    clusters: ClustersData = field(default_factory=ClustersData)


class Identity(ReportSection[IdentityData]):
    """Identifiers per person and type, changes, doubtful persons, what was excluded."""

    key = "oneid"
    title = "OneID: who is who"
    tables = (
        "identity.person",
        "identity.identifier",
        "identity.edges",
        "identity.rejected",
        "identity.changes",
        "identity.entity",
        "identity.entity_rejected",
    )
    needs = ("identity.person",)
    filled_by = "resolve_identity"
    technical = True

    def collect(self, reader: Reader) -> IdentityData:
        """Count identifiers, persons, changes of the newest run day and exclusions."""
        persons, types = reader.table("identity.person"), reader.table("identity.identifier")
        per_person: tuple[tuple[int, int], ...] = ()
        id_types: tuple[IdType, ...] = ()
        excluded: tuple[Exclusion, ...] = ()
        rejected: tuple[Exclusion, ...] = ()
        if persons is not None:
            persons = persons.where(holds_on(F.lit(reader.day))).select("id_key", "person_id")
            per_person = _count_per_person(persons)
        if types is not None:
            types = types.where("entity IS NULL")
            id_types = _count_types(types, persons)
            exclusions = reader.table("identity.rejected")
            if exclusions is not None:
                excluded, rejected = count_exclusions(exclusions, types)
        changes: dict[str, int] = {}
        first_resolved = False
        rows, changes_day = reader.newest("identity.changes")
        if rows is not None:
            counts = rows.groupBy("kind").count().collect()
            changes = {row["kind"]: row["count"] for row in counts}
            every = reader.table("identity.changes")
            before = None if every is None else every.where(F.col("day") < F.lit(changes_day))
            first_resolved = before is not None and before.isEmpty()
        return IdentityData(
            per_person,
            id_types,
            changes,
            changes_day,
            first_resolved,
            () if persons is None or types is None else _count_alone(types, persons),
            excluded,
            rejected,
            _count_entities(reader),
            collect_clusters(reader, persons, types),
        )

    def totals(self, data: IdentityData) -> dict[str, int]:
        """Count persons, those known by one identifier only, identifiers, entities by kind."""
        counts = {f"entity {kind.entity}": kind.number for kind in data.entities}
        counts |= {f"{_ALONE}{id_type}": n for id_type, n in data.alone}
        if data.per_person:
            counts["persons"] = sum(n for _, n in data.per_person)
        if data.id_types:
            counts["identifiers"] = sum(kind.identifiers for kind in data.id_types)
        return counts

    def draw(self, data: IdentityData, notes: Notes) -> Section | None:
        """Draw identifiers per person and type, changes, clusters, what was excluded."""
        if not data.per_person:
            return None
        persons = sum(n for _, n in data.per_person)
        resolved = sum(kind.resolved for kind in data.id_types)
        stand = "stands" if persons == 1 else "stand"
        summary = f"{fmt.plural(persons, 'person')} {stand} behind the identifiers of the bank."
        if resolved:
            summary = (
                f"Behind {fmt.plural(resolved, 'identifier')} {stand} "
                f"{fmt.plural(persons, 'person')}: {fmt.number(resolved / persons)} each."
            )
        tiles: tuple[Tile, ...] = ()
        if data.changes_day is not None:
            on = fmt.day(data.changes_day, beside=notes.day)
            if data.first_resolved:
                # all are new to a bank on its first day: that is no news
                summary += f" They were resolved for the first time on {on}."
            else:
                tiles = tuple(
                    Tile(f"{name} on {on}", fmt.count(data.changes.get(kind, 0)))
                    for kind, name in _CHANGES.items()
                )
        panels = (
            *_per_person(data.per_person, persons),
            *_id_types(data.id_types, persons),
            *draw_clusters(data.clusters),
            *_entities(data.entities, persons),
            *draw_exclusions(data.excluded, data.rejected),
        )
        return self.section(summary, panels, tiles)


def _count_per_person(persons: DataFrame) -> tuple[tuple[int, int], ...]:
    counts = persons.groupBy("person_id").count()
    shown = F.least("count", F.lit(MOST_IDENTIFIERS)).cast("int").alias("n")
    sizes = counts.groupBy(shown).agg(F.count("*").alias("persons")).orderBy("n").collect()
    return tuple((row["n"], row["persons"]) for row in sizes)


def _count_alone(types: DataFrame, persons: DataFrame) -> tuple[tuple[str, int], ...]:
    """Count persons with a single identifier by its type, such as visitors who are one cookie."""
    held = persons.groupBy("person_id").agg(
        F.count("*").alias("n"), F.any_value("id_key").alias("id_key")
    )
    single = held.where("n = 1").join(types.select("id_key", "id_type"), "id_key")
    counts = single.groupBy("id_type").count().orderBy(F.desc("count"), "id_type").collect()
    return tuple((row["id_type"], row["count"]) for row in counts)


def _count_types(types: DataFrame, persons: DataFrame | None) -> tuple[IdType, ...]:
    joined = types.select("id_key", "id_type")
    if persons is None:
        joined = joined.withColumn("person_id", F.lit(None).cast("bigint"))
    else:
        joined = joined.join(persons, "id_key", "left")
    known = F.col("person_id").isNotNull()
    each = joined.groupBy("id_type", "person_id").agg(F.count("*").alias("n"))
    counts = each.groupBy("id_type").agg(
        F.sum("n").alias("identifiers"),
        F.coalesce(F.sum(F.when(known, F.col("n"))), F.lit(0)).alias("resolved"),
        F.count("person_id").alias("persons"),
        F.coalesce(F.max(F.when(known, F.col("n"))), F.lit(0)).alias("most"),
    )
    rows = counts.orderBy(F.desc("identifiers"), "id_type").limit(60).collect()
    return tuple(IdType(*row) for row in rows)


def _count_entities(reader: Reader) -> tuple[EntityKind, ...]:
    """Count each kind of entity; nothing where identity.yml has none."""
    within, rejected = reader.table("identity.entity"), reader.table("identity.entity_rejected")
    if within is None or rejected is None:
        return ()
    sizes = within.groupBy("entity", "entity_id").agg(F.count("*").alias("n"))
    figures = sizes.groupBy("entity").agg(
        F.count("*").alias("number"),
        F.sum("n").alias("persons"),
        F.sum(F.when(F.col("n") > 1, F.col("n")).otherwise(0)).alias("in_company"),
        F.max("n").alias("largest"),
    )
    excluded = rejected.where("person_id IS NULL").groupBy("entity")
    figures = figures.join(excluded.agg(F.count("*").alias("excluded")), "entity", "left")
    rows = figures.fillna(0, ["excluded"]).orderBy("entity").collect()
    return tuple(EntityKind(*row) for row in rows)


def _per_person(per_person: tuple[tuple[int, int], ...], persons: int) -> tuple[Panel, ...]:
    held = dict(per_person)
    if len(held) == 1:
        return ()  # one column tells nothing that the summary does not
    names = [f"{n}+" if n == MOST_IDENTIFIERS else str(n) for n in range(1, max(held) + 1)]
    values = [held.get(n, 0) for n in range(1, max(held) + 1)]
    several = persons - held.get(1, 0)
    summary = (
        f"{fmt.count(several)} of {fmt.plural(persons, 'person')} "
        f"({fmt.share(several, persons)}) are known by two identifiers or more."
    )
    figure = charts.columns(names, values, title="identifiers")
    return (Panel("Identifiers per person", summary, figure),)


def _id_types(id_types: tuple[IdType, ...], persons: int) -> tuple[Panel, ...]:
    if not id_types:
        return ()
    top = sorted(id_types, key=lambda t: -t.persons)
    rows = tuple(
        (
            fmt.label(t.id_type),
            fmt.count(t.identifiers),
            fmt.count(t.persons),
            fmt.share(t.persons, persons),
            fmt.number(t.resolved / t.persons if t.persons else None, 2),
            fmt.count(t.most),
        )
        for t in top
    )
    summary = (
        f"Most persons are known by {fmt.label(top[0].id_type)}: {fmt.count(top[0].persons)} "
        f"({fmt.share(top[0].persons, persons)})."
    )
    head = ("Type", "Identifiers", "Persons", "Of all persons", "Each", "Most")
    shades = tuple((None, None, None, t.persons / persons, None, None) for t in top)
    return (Panel("Reach by type of identifier", summary, grid=Grid(head, rows, shades=shades)),)


def _entities(entities: tuple[EntityKind, ...], persons: int) -> tuple[Panel, ...]:
    if not entities:
        return ()
    rows = tuple(
        (
            fmt.label(kind.entity),
            fmt.count(kind.number),
            fmt.count(kind.persons),
            fmt.share(kind.persons, persons),
            fmt.count(kind.in_company),
            fmt.count(kind.largest),
            fmt.count(kind.excluded),
        )
        for kind in entities
    )
    most = max(entities, key=lambda kind: kind.in_company)
    summary = (
        f"{fmt.count(most.in_company)} of {fmt.plural(persons, 'person')} share their "
        f"{fmt.label(most.entity)} with another person of the bank. An identifier that too many "
        "share, such as the address of a hall of residence, ties no one."
    )
    head = ("Kind", "Number", "Persons", "Of all persons", "Not alone", "Largest", "Excluded")
    return (Panel("Who belongs together", summary, grid=Grid(head, rows)),)
