"""Section on OneID: who is who, and how sure of it one can be."""

from dataclasses import dataclass, field
from datetime import date

from pyspark.sql import DataFrame, functions as F

from databank.identity.ownership.periods import holds_on
from databank.reports import charts, format as fmt
from databank.reports.page import Grid, Panel, Section
from databank.reports.reader import Reader
from databank.reports.section import Notes, ReportSection
from databank.reports.sections.clusters import ClustersData, collect_clusters, draw_clusters

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


@dataclass(frozen=True)
class Exclusion:
    """Identifiers or links that are not used, by rule, readable reason and type."""

    rule: str
    reason: str
    id_type: str
    n: int


@dataclass(frozen=True)
class IdentityData:
    """How identifiers became persons.

    Attributes:
        per_person: (identifiers, persons who have that many).
        id_types: Types of identifiers, most first.
        changes: Persons by kind of change, on changes_day.
        changes_day: Newest day with changes.
        excluded: Identifiers that are not used for linking.
        rejected: Links that are not used.
        entities: Households, accounts ...
        clusters: How the identifiers of a person hang together.
    """

    per_person: tuple[tuple[int, int], ...] = ()
    id_types: tuple[IdType, ...] = ()
    changes: dict[str, int] = field(default_factory=dict)
    changes_day: date | None = None
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
                excluded, rejected = _count_exclusions(exclusions, types)
        changes: dict[str, int] = {}
        rows, changes_day = reader.newest("identity.changes")
        if rows is not None:
            counts = rows.groupBy("kind").count().collect()
            changes = {row["kind"]: row["count"] for row in counts}
        return IdentityData(
            per_person,
            id_types,
            changes,
            changes_day,
            excluded,
            rejected,
            _count_entities(reader),
            collect_clusters(reader, persons, types),
        )

    def totals(self, data: IdentityData) -> dict[str, int]:
        """Count persons, identifiers, and entities by kind."""
        counts = {f"entity {kind.entity}": kind.number for kind in data.entities}
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
        summary = f"{fmt.plural(persons, 'person')} stand behind the identifiers of the bank."
        if resolved:
            summary = (
                f"Behind {fmt.plural(resolved, 'identifier')} stand "
                f"{fmt.plural(persons, 'person')}: {fmt.number(resolved / persons)} each."
            )
        tiles: tuple[tuple[str, str], ...] = ()
        if data.changes_day is not None:
            on = fmt.day(data.changes_day, beside=notes.day)
            tiles = tuple(
                (f"{name} on {on}", fmt.count(data.changes.get(kind, 0)))
                for kind, name in _CHANGES.items()
            )
        panels = (
            _per_person(data.per_person, persons),
            *_id_types(data.id_types, persons),
            *draw_clusters(data.clusters),
            *_entities(data.entities, persons),
            *_exclusions(data),
        )
        return self.section(summary, panels, tiles)


def _count_per_person(persons: DataFrame) -> tuple[tuple[int, int], ...]:
    counts = persons.groupBy("person_id").count()
    shown = F.least("count", F.lit(MOST_IDENTIFIERS)).cast("int").alias("n")
    sizes = counts.groupBy(shown).agg(F.count("*").alias("persons")).orderBy("n").collect()
    return tuple((row["n"], row["persons"]) for row in sizes)


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


def _count_exclusions(
    exclusions: DataFrame, types: DataFrame
) -> tuple[tuple[Exclusion, ...], tuple[Exclusion, ...]]:
    """Count excluded identifiers and rejected links by rule, reason and type.

    Figures in a reason differ from value to value and are left out; so is an identifier itself.
    """
    reason = F.split("reason", "; ")[0]
    reason = F.regexp_replace(reason, "with [0-9]+ different", "with too many different")
    reason = F.regexp_replace(reason, "a person [0-9]+ ", "a person too many ")
    reason = F.regexp_replace(reason, r"\S*@\S*|\S*[0-9]{5,}\S*", "…")
    named = F.contains(F.lower("reason"), F.lower("id_value"))
    reason = F.when(~F.coalesce(named, F.lit(False)), reason)
    typed = types.select(F.col("id_key").alias("a_key"), "id_type", "id_value")
    # what is no identifier has no row there, and tells its type in the reason
    unreadable = F.when(F.col("rule") == "format", F.split("reason", ":")[0])
    rows = (
        exclusions.join(typed, "a_key", "left")
        .groupBy(
            F.col("b_key").isNull().alias("alone"),
            "rule",
            reason.alias("reason"),
            F.coalesce("id_type", unreadable, F.lit("unknown")).alias("id_type"),
        )
        .count()
        .orderBy(F.desc("count"), "rule", "reason", "id_type")
        .limit(100)
        .collect()
    )
    both: dict[bool, list[Exclusion]] = {True: [], False: []}
    for row in rows:
        exclusion = Exclusion(row["rule"], row["reason"] or "", row["id_type"], row["count"])
        both[row["alone"]].append(exclusion)
    return tuple(both[True]), tuple(both[False])


def _per_person(per_person: tuple[tuple[int, int], ...], persons: int) -> Panel:
    held = dict(per_person)
    names = [f"{n}+" if n == MOST_IDENTIFIERS else str(n) for n in range(1, max(held) + 1)]
    values = [held.get(n, 0) for n in range(1, max(held) + 1)]
    several = persons - held.get(1, 0)
    return Panel(
        "Identifiers per person",
        f"{fmt.count(several)} of {fmt.plural(persons, 'person')} "
        f"({fmt.share(several, persons)}) are known by two identifiers or more.",
        charts.columns(names, values, title="identifiers"),
    )


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


def _exclusions(data: IdentityData) -> tuple[Panel, ...]:
    panels = []
    for title, exclusions, noun, verb in (
        ("Excluded identifiers", data.excluded, "identifier", "excluded"),
        ("Rejected links", data.rejected, "link", "rejected"),
    ):
        if not exclusions:
            continue
        total = sum(exclusion.n for exclusion in exclusions)
        rows = tuple((_reason(x), fmt.label(x.id_type), fmt.count(x.n)) for x in exclusions[:40])
        first = max(exclusions, key=lambda exclusion: exclusion.n)
        summary = (
            f"{fmt.plural(total, noun)} {verb}, so that strangers are not taken for one "
            f"person. The most frequent reason: {_reason(first)}, {fmt.plural(first.n, 'time')}."
        )
        alone = not (data.excluded and data.rejected)
        grid = Grid(("Why", "Type", "Number"), rows, text_columns=2)
        panels.append(Panel(title, summary, grid=grid, wide=alone))
    return tuple(panels)


def _reason(exclusion: Exclusion) -> str:
    return exclusion.reason or exclusion.rule.replace("_", " ")
