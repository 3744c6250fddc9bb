"""The job resolve_entities: persons who share an identifier of an entity become one entity."""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import reduce
from typing import NamedTuple

from pyspark.sql import Column, DataFrame, functions as F

from databank.errors import DataBankError
from databank.identity.attach import excluded_identifiers
from databank.identity.components.solve import connected_components
from databank.identity.config import EntitiesConfig, Limit
from databank.identity.entities.config import PERSON, Entity
from databank.identity.entities.evidence import entity_evidence
from databank.identity.entities.tables import (
    ENTITY,
    ENTITY_ALIAS,
    ENTITY_CHANGES,
    ENTITY_IDENTIFIER,
    ENTITY_REJECTED,
    TABLES,
)
from databank.identity.evidence.manual import blocked_identifiers
from databank.identity.exclusions.cuts import CutRules, cut_persons
from databank.identity.exclusions.limits import window_start
from databank.identity.person_ids import Assignment, assign_persons, next_person_id
from databank.identity.tables import PERSON as PERSONS, REJECTED
from databank.runs import Context, Job, StepResult, Summary
from databank.session import checkpoint, small_frame
from databank.sources.tables import EVENTS, IDENTIFIER, PROFILES
from databank.tables import TableSpec

_CAUSES = {
    "new": "persons seen together for the first time",
    "merge": "both are now tied by a person or an identifier",
    "split": "what tied them is no longer known",
    "retired": "no person is left in it",
}


class SolvedEntities(NamedTuple):
    """Entities of one kind, today.

    Attributes:
        nodes: node, id_type, id_key, person_id of persons and identifiers in an entity.
        assigned: The numbers of the entities, in columns named after persons.
        rejected: id_key, person_id, reason.
    """

    nodes: DataFrame
    assigned: Assignment
    rejected: DataFrame


def resolve_entities(context: Context, config: EntitiesConfig) -> StepResult:
    """Give each person the household, account ... that it belongs to.

    All entities are solved again in each run (there are far fewer such links than identifiers),
    and keep every entity_id that can be kept. The engine is that of persons: components, cut
    where they have too many persons, named after yesterday's.
    """
    store, day = context.store, context.day
    context.progress.step("gathering evidence")
    evidence = entity_evidence(
        store.read(EVENTS),
        store.read(PROFILES),
        store.read(PERSONS),
        excluded_identifiers(store.read(REJECTED)),
        timezone=context.settings.timezone,
    )
    identifiers = store.read(IDENTIFIER)
    _refuse_persons(identifiers, config.entities)
    identifiers = identifiers.where("entity")
    blocked = blocked_identifiers(identifiers, config.block)
    blocked = checkpoint(blocked.select("id_key", "reason"))
    evidence = checkpoint(evidence.join(identifiers.select("id_key", "id_type"), "id_key"))
    # a kind of entity that was removed from identity.yml loses its rows
    rows = {table: [small_frame(context.spark, [], table.schema())] for table in TABLES}
    for name, rule in sorted(config.entities.items()):
        context.progress.step(f"connecting each {name}")
        solved = _solve(context, name, rule, _recent(evidence, rule, day), blocked)
        for table, part in _rows(solved, day).items():
            rows[table].append(part.withColumn("entity", F.lit(name)))
    for table, parts in rows.items():
        everything = reduce(DataFrame.unionByName, parts)
        if table is ENTITY_CHANGES:
            store.append(table, everything)
        else:
            store.replace(table, everything)
    return _summary(context, config.entities)


def _recent(evidence: DataFrame, rule: Entity, day: date) -> DataFrame:
    """Select the evidence of one kind of entity that is recent enough."""
    first = window_start(Limit(most=1, days=rule.days), day)
    links = evidence.where(F.col("id_type").isin(*rule.by))
    return links if first is None else links.where(F.col("last_day") >= F.lit(first))


def _refuse_persons(identifiers: DataFrame, entities: Mapping[str, Entity]) -> None:
    """Raise if a type of an entity was loaded as a type of persons."""
    types = sorted({kind for rule in entities.values() for kind in rule.by})
    wrong = identifiers.where(F.col("id_type").isin(types) & F.col("entity").isNull())
    row = wrong.select("id_type").first()
    if row is not None:
        raise DataBankError(
            f"identity.yml: entities: {row['id_type']} was a person's identifier when it was "
            "loaded; give it another name here and in sources, or load all into a new root"
        )


def _solve(
    context: Context, name: str, rule: Entity, links: DataFrame, blocked: DataFrame
) -> SolvedEntities:
    """Solve one kind of entity: components of persons and identifiers, cut and named."""
    barred = blocked.join(links.select("id_key").distinct(), "id_key", "left_semi")
    free = links.join(barred, "id_key", "left_anti")
    excluded = checkpoint(_shared_by_many(free, rule, name).unionByName(barred))
    tied = links.join(excluded.select("id_key"), "id_key", "left_anti").withColumn("node", _node())
    tied = checkpoint(tied)
    person = tied.select("node", F.lit(PERSON).alias("id_type"), "person_id").distinct()
    shared = tied.select(F.col("id_key").alias("node"), "id_type", "id_key").distinct()
    nodes = checkpoint(person.unionByName(shared, allowMissingColumns=True))
    components = connected_components(
        tied.select("node", "id_key"),
        src="node",
        dst="id_key",
        scratch=context.store.scratch(f"entities-{name}"),
    )
    labels = components.withColumnRenamed("id", "node").join(nodes, "node")
    labels = labels.select(F.col("node").alias("id_key"), "id_type", "component")
    rejected = excluded.withColumn("person_id", F.lit(None).cast("bigint"))
    if rule.persons is not None:
        labels, cut = _cut(checkpoint(labels), tied, rule, name, context.day)
        rejected = rejected.unionByName(cut)
    # a person who was cut off alone is in no entity
    kept = labels.groupBy("component").count().where("count > 1")
    labels = checkpoint(labels.join(kept, "component", "left_semi"))
    return SolvedEntities(nodes, _named(context, name, labels), rejected)


def _node() -> Column:
    """Make the key of a person in the graph, beside those of identifiers."""
    return F.xxhash64(F.lit(PERSON), "person_id")


def _shared_by_many(links: DataFrame, rule: Entity, name: str) -> DataFrame:
    """Exclude identifiers that more persons share than an entity may have: id_key, reason."""
    counted = links.groupBy("id_key").agg(F.count("*").alias("n"))
    reason = (F.lit("shared by "), "n", F.lit(f" persons (limit of {name}: {rule.persons})"))
    # without a limit the comparison is null, and no identifier is excluded
    many = counted.where(F.col("n") > F.lit(rule.persons).cast("bigint"))
    return many.select("id_key", F.concat(*reason).alias("reason"))


def _cut(
    labels: DataFrame, tied: DataFrame, rule: Entity, name: str, day: date
) -> tuple[DataFrame, DataFrame]:
    """Cut entities with too many persons; labels, and rejected id_key, person_id, reason."""
    most = Limit(most=rule.persons or 0)
    rules = CutRules({PERSON: most}, (), (PERSON, *rule.by), day)
    links = tied.select(
        F.col("node").alias("a_key"),
        F.col("id_key").alias("b_key"),
        F.lit("seen").alias("rule"),
        *("n", "last_ts"),
        F.lit(None).cast("double").alias("score"),
    )
    labels, cut = cut_persons(labels, links, rules)
    least, greatest = F.least("node", "id_key"), F.greatest("node", "id_key")
    rejected = cut.join(tied, (F.col("a_key") == least) & (F.col("b_key") == greatest))
    reason = F.lit(f"the {name} would have more than {rule.persons} persons").alias("reason")
    return labels, rejected.select("id_key", "person_id", reason)


def _named(context: Context, name: str, labels: DataFrame) -> Assignment:
    """Number the components, with yesterday's numbers as far as they can be kept."""
    read = context.store.read
    of_kind = F.col("entity") == name
    before = read(ENTITY).where(of_kind)
    known = before.select(_node().alias("id_key"), "entity_id")
    known = known.union(read(ENTITY_IDENTIFIER).where(of_kind).select("id_key", "entity_id"))
    aliases = read(ENTITY_ALIAS).where(of_kind).select("old_entity_id", "entity_id")
    aliases = aliases.toDF("old_person_id", "person_id")
    given = read(ENTITY_CHANGES).where(of_kind).select(F.col("entity_id").alias("person_id"))
    return assign_persons(
        labels.select("id_key", "component"),
        checkpoint(known.toDF("id_key", "person_id")),
        aliases,
        run_id=context.run_id,
        day=context.day,
        next_id=next_person_id(given, aliases),
    )


def _rows(solved: SolvedEntities, day: date) -> dict[TableSpec, DataFrame]:
    """Make the rows of one kind of entity, by table, without the column `entity`."""
    assigned = solved.assigned
    numbers = assigned.person.toDF("node", "entity_id")
    within = checkpoint(solved.nodes.join(numbers, "node"))
    causes = F.create_map(*(F.lit(text) for item in _CAUSES.items() for text in item))
    changes = assigned.changes.withColumnsRenamed(
        {"person_id": "entity_id", "other_person_id": "other_entity_id"}
    )
    return {
        ENTITY: within.where(F.col("id_type") == PERSON).select("person_id", "entity_id"),
        ENTITY_IDENTIFIER: within.where(F.col("id_type") != PERSON).select("id_key", "entity_id"),
        ENTITY_ALIAS: assigned.alias.toDF("old_entity_id", "entity_id"),
        ENTITY_CHANGES: changes.withColumn("cause", causes[F.col("kind")]),
        ENTITY_REJECTED: solved.rejected.withColumn("day", F.lit(day)),
    }


def _summary(context: Context, names: Iterable[str]) -> StepResult:
    """Count the entities and their persons, one line per kind."""
    sizes = context.store.read(ENTITY).groupBy("entity", "entity_id").count()
    measures = (F.count("*").alias("n"), F.sum("count").alias("persons"), F.max("count"))
    stats = {row[0]: row[1:] for row in sizes.groupBy("entity").agg(*measures).collect()}
    excluded = context.store.read(ENTITY_REJECTED).where("person_id IS NULL")
    shared = {row[0]: row[1] for row in excluded.groupBy("entity").count().collect()}
    summary: Summary = {}
    for name in sorted(names):
        figures = (*stats.get(name, (0, 0, 0)), shared.get(name, 0))
        metrics = ("entities", "entity_persons", "entity_largest", "entity_identifiers_excluded")
        for metric, value in zip(metrics, figures, strict=True):
            context.metric(metric, value, entity=name)
        number, persons, largest, many = figures
        summary[name] = f"{number:,} with {persons:,} persons, {largest:,} in the largest"
        if many:
            summary[f"{name}: identifiers of too many"] = many
    return StepResult(summary)


JOB = Job(name="resolve_entities", step=resolve_entities, tables=TABLES, logic_version=1)
