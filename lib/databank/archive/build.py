"""The job build_archive: person_day and visit follow what changed in events and persons."""

from pyspark.sql import DataFrame, functions as F

from databank.archive.config import ArchiveConfig
from databank.archive.events import person_days, with_dims_json
from databank.archive.sessions import dwell_days, refuse_of_this_name, visit_days, visits
from databank.archive.tables import PERSON_DAY, VISIT
from databank.identity.attach import attach_persons, excluded_identifiers
from databank.identity.tables import CHANGES, PERSON, REJECTED, STATE
from databank.runs import Context, Job, StepResult
from databank.sources.tables import EVENTS
from databank.tables import Store, TableSpec

_PAIR = ["person_id", "day"]


def build_archive(context: Context, config: ArchiveConfig) -> StepResult:
    """Bring archive.person_day up to date, and archive.visit where archive.yml asks for sessions.

    At first, after a change of configuration, where persons went back to an earlier state, and
    where Delta's log no longer tells what came since, all of it is built. Later only the touched
    (person, day) pairs are: those of new events, late ones included, and every day of a person
    that identity.changes names. Sessions cost one more write and read of the events that are built,
    and a shuffle and sort of them by person and day.
    """
    store = context.store
    events = with_dims_json(store.read(EVENTS), config)
    persons = store.read(PERSON)
    excluded = excluded_identifiers(store.read(REJECTED))
    since, changes_since = context.last_read(EVENTS), context.last_read(CHANGES)
    feeds = [store.feed(EVENTS, since), store.feed(CHANGES, changes_since)]
    lost = any(feed.was_rolled_back() or not feed.covers() for feed in feeds if feed is not None)
    if since is None or since < 0 or lost or not store.is_published(PERSON_DAY):
        context.progress.step("building all days")
        if config.sessions is not None:
            refuse_of_this_name(events, config.sessions)
        _write(store, config, attach_persons(events, persons, excluded))
        _leave_unresolved(store)
        return StepResult({**_rows_written(store, config), "scope": "all"})
    context.progress.step("looking for touched days and persons")
    # an event that lost an identifier may be somebody else's, or nobody's
    event_changes = store.changes(EVENTS, since).unionByName(store.altered(EVENTS, since))
    if config.sessions is not None:
        refuse_of_this_name(event_changes, config.sessions)
    fresh = attach_persons(with_dims_json(event_changes, config), persons, excluded)
    pairs = store.materialise("new_pairs", fresh.select(*_PAIR).distinct())
    changed = store.materialise("changed", _changed_persons(store.changes(CHANGES, changes_since)))
    changed_events = _events_of(context, "changed", changed, events, persons, excluded)
    past = store.materialise(
        "past_pairs", _pairs_of_changed(context, changed_events, persons, changed)
    )
    # a day's events are found by day (few rows: the days touched), a changed person's by its ids
    days = [row["day"] for row in pairs.select("day").distinct().collect()]
    on_days = F.col("day").isin(days)
    in_past = _events_of(context, "past", past, events, persons, excluded)
    # staged, for they are read twice: by their strongest identifier, and by the weaker ones
    again = store.materialise("events", events.where(on_days).unionByName(in_past.where(~on_days)))
    scope = pairs.join(past, _PAIR, "left_anti").unionByName(past)
    redone = attach_persons(again, persons, excluded).join(scope, _PAIR, "left_semi")
    _write(store, config, redone, scope)
    _leave_unresolved(store)
    return StepResult(
        {
            **_rows_written(store, config),
            "days touched": len(days),
            "persons redone": changed.count(),
        }
    )


def _write(
    store: Store, config: ArchiveConfig, resolved: DataFrame, scope: DataFrame | None = None
) -> None:
    """Write what comes of events with their persons: all of it, or that of a scope."""
    tables: dict[TableSpec, DataFrame] = {}
    if config.sessions is None:
        if scope is None and store.is_published(VISIT):
            tables[VISIT] = store.small(VISIT, [])
        tables[PERSON_DAY] = person_days(resolved)
    else:
        # read twice, and whose they are is known
        resolved = store.materialise("resolved", resolved.drop("id_key", "ids"))
        made = store.materialise("visits", visits(resolved, config.sessions))
        days = visit_days(made, config.sessions.name)
        if config.sessions.dwell is not None:
            days = days.unionByName(dwell_days(made, config.sessions.dwell.name))
        tables[VISIT] = made.drop("page_views")
        tables[PERSON_DAY] = person_days(resolved).unionByName(days, allowMissingColumns=True)
    for spec, rows in tables.items():
        if scope is None:
            # grouped by its key a moment ago, and persons are never null: unique as built
            store.replace(spec, rows, checked=True)
        else:
            store.replace_keys(spec, rows, scope)


def _rows_written(store: Store, config: ArchiveConfig) -> dict[str, int | float | str]:
    rows: dict[str, int | float | str] = {"rows written": store.rows_written[PERSON_DAY.name]}
    if config.sessions is not None:
        rows["sessions written"] = store.rows_written[VISIT.name]
    return rows


def _leave_unresolved(store: Store) -> None:
    """Leave events that resolve_identity has not seen to the next run, as if they were not read.

    Their identifiers may be nobody's yet, and identity.changes does not name who only gains some.
    """
    state = store.read(STATE).first()
    if state is not None:
        known = state["versions"].get(EVENTS.name, -1)
        store.versions_read[EVENTS.name] = min(known, store.versions_read[EVENTS.name])


def _changed_persons(changes: DataFrame) -> DataFrame:
    """Persons whose past has to be redone; that of new ones is in the new events."""
    both = F.explode(F.array("person_id", "other_person_id")).alias("person_id")
    known = changes.where("kind <> 'new'").select(both)
    return known.where("person_id IS NOT NULL").distinct()


def _pairs_of_changed(
    context: Context, events: DataFrame, persons: DataFrame, changed: DataFrame
) -> DataFrame:
    """(person_id, day) that a change of persons may have altered, rather too many than too few.

    The rows that the changed persons have now, and for each event of theirs everybody who holds
    any of its identifiers: an identifier set aside or released hands its events on.
    """
    if changed.isEmpty():
        return changed.select("person_id", F.lit(None).cast("date").alias("day"))
    held = context.store.read(PERSON_DAY).join(changed, "person_id", "left_semi")
    keys = events.select("day", F.explode("ids").alias("id_key")).distinct()
    holders = keys.join(persons.select("id_key", "person_id"), "id_key")
    return held.select(*_PAIR).unionByName(holders.select(*_PAIR)).distinct()


def _events_of(
    context: Context,
    name: str,
    wanted: DataFrame,
    events: DataFrame,
    persons: DataFrame,
    excluded: DataFrame,
) -> DataFrame:
    """Events that may belong to the wanted persons.

    The strongest identifier tells; where it was set aside the weaker ones may, and these few
    events all come along. The keys are staged: few as they are, they are then broadcast, and
    the events need no shuffle to be found.
    """
    ids = wanted.select("person_id").distinct()
    keys = persons.join(ids, "person_id", "left_semi").select("id_key").unionByName(excluded)
    staged = context.store.materialise(f"keys_{name}", keys.distinct())
    return events.join(staged, "id_key", "left_semi")


JOB = Job(name="build_archive", step=build_archive, tables=(VISIT, PERSON_DAY), logic_version=1)
