"""The job build_archive: person_day and visit follow what changed in events and persons."""

from dataclasses import dataclass

from pyspark.sql import DataFrame, functions as F

from databank.archive.config import ArchiveConfig
from databank.archive.events import person_days, with_dims_json
from databank.archive.sessions import dwell_days, refuse_of_this_name, visit_days, visits
from databank.archive.tables import PERSON_DAY, VISIT
from databank.identity.attach import attach_persons, excluded_identifiers
from databank.identity.tables import CHANGES, PERSON, REJECTED, STATE
from databank.runs import Context, Job, StepResult, Summary
from databank.sources.tables import EVENTS
from databank.tables import Store, TableSpec

_PAIR = ["person_id", "day"]


@dataclass(frozen=True)
class _Inputs:
    """What the archive is built from, as published.

    Attributes:
        events: core.events with what the archive and its sessions need.
        persons: identity.person.
        excluded: id_key of identifiers that name nobody.
    """

    events: DataFrame
    persons: DataFrame
    excluded: DataFrame

    def attached(self, events: DataFrame) -> DataFrame:
        """Give events their persons; those of nobody are left out."""
        return attach_persons(events, self.persons, self.excluded)


def build_archive(context: Context, config: ArchiveConfig) -> StepResult:
    """Bring archive.person_day up to date, and archive.visit where archive.yml asks for sessions.

    At first, after a change of configuration, where persons went back to an earlier state, and
    where Delta's log no longer tells what came since, all days are built. Later only the touched
    (person, day) pairs are: those of new events, late ones included, and every day of a person
    that identity.changes names. Sessions cost one more write and read of the events that are built,
    and a shuffle and sort of them by person and day.
    """
    store = context.store
    inputs = _Inputs(
        with_dims_json(store.read(EVENTS), config),
        store.read(PERSON),
        excluded_identifiers(store.read(REJECTED)),
    )
    since, changes_since = context.last_read(EVENTS), context.last_read(CHANGES)
    feeds = [store.feed(EVENTS, since), store.feed(CHANGES, changes_since)]
    lost = any(feed.was_rolled_back() or not feed.covers() for feed in feeds if feed is not None)
    if since is None or since < 0 or lost or not store.is_published(PERSON_DAY):
        summary = rebuild_all(context, config, inputs)
    else:
        summary = rebuild_touched(context, config, inputs, since, changes_since)
    _leave_unresolved(store)
    return StepResult(summary)


def rebuild_all(context: Context, config: ArchiveConfig, inputs: _Inputs) -> Summary:
    """Build the rows of all days and persons."""
    context.progress.step("building all days")
    store = context.store
    if config.sessions is not None:
        refuse_of_this_name(inputs.events, config.sessions)
    tables = _tables_of(store, config, inputs.attached(inputs.events))
    if config.sessions is None and store.is_published(VISIT):
        tables[VISIT] = store.small(VISIT, [])
    for spec, rows in tables.items():
        # grouped by its key a moment ago, and persons are never null: unique as built
        store.replace(spec, rows, checked=True)
    return {**_rows_written(store, config), "scope": "all"}


def rebuild_touched(
    context: Context,
    config: ArchiveConfig,
    inputs: _Inputs,
    since: int,
    changes_since: int | None,
) -> Summary:
    """Build the rows of the persons and days that new events or changed persons touch."""
    store = context.store
    context.progress.step("looking for touched days and persons")
    # an event that lost an identifier may be another person's now, or have none
    arrived = store.changes(EVENTS, since).unionByName(store.altered(EVENTS, since))
    if config.sessions is not None:
        refuse_of_this_name(arrived, config.sessions)
    attached = inputs.attached(with_dims_json(arrived, config))
    pairs = store.materialise("new_pairs", attached.select(*_PAIR).distinct())
    changed = store.materialise("changed", _changed_persons(store.changes(CHANGES, changes_since)))
    past = store.materialise("past_pairs", _pairs_of_changed(store, inputs, changed))
    # a day's events are found by day (few rows: the days touched), a changed person's by its ids
    days = [row["day"] for row in pairs.select("day").distinct().collect()]
    on_days = F.col("day").isin(days)
    in_past = _events_of(store, "past", past, inputs)
    # materialised, for they are read twice: by their strongest identifier, and by the weaker ones
    events = store.materialise(
        "events", inputs.events.where(on_days).unionByName(in_past.where(~on_days))
    )
    scope = pairs.join(past, _PAIR, "left_anti").unionByName(past)
    rebuilt = inputs.attached(events).join(scope, _PAIR, "left_semi")
    for spec, rows in _tables_of(store, config, rebuilt).items():
        store.replace_keys(spec, rows, scope)
    return {
        **_rows_written(store, config),
        "days touched": len(days),
        "persons redone": changed.count(),
    }


def _tables_of(
    store: Store, config: ArchiveConfig, attached: DataFrame
) -> dict[TableSpec, DataFrame]:
    """Make the rows of each table from events with their persons."""
    if config.sessions is None:
        return {PERSON_DAY: person_days(attached)}
    # read twice, and the persons are known by now
    events = store.materialise("resolved", attached.drop("id_key", "ids"))
    sessions = store.materialise("visits", visits(events, config.sessions))
    days = visit_days(sessions, config.sessions.name)
    if config.sessions.dwell is not None:
        days = days.unionByName(dwell_days(sessions, config.sessions.dwell.name))
    return {
        VISIT: sessions.drop("page_views"),
        PERSON_DAY: person_days(events).unionByName(days, allowMissingColumns=True),
    }


def _rows_written(store: Store, config: ArchiveConfig) -> Summary:
    rows: Summary = {"rows written": store.rows_written[PERSON_DAY.name]}
    if config.sessions is not None:
        rows["sessions written"] = store.rows_written[VISIT.name]
    return rows


def _leave_unresolved(store: Store) -> None:
    """Leave events that resolve_identity has not seen to the next run, as if they were not read.

    Their identifiers may have no person yet, and identity.changes does not name a person who only
    gains identifiers.
    """
    state = store.read(STATE).first()
    if state is not None:
        known = state["versions"].get(EVENTS.name, -1)
        store.versions_read[EVENTS.name] = min(known, store.versions_read[EVENTS.name])


def _changed_persons(changes: DataFrame) -> DataFrame:
    """List persons whose past has to be rebuilt; that of new ones is in the new events."""
    both = F.explode(F.array("person_id", "other_person_id")).alias("person_id")
    known = changes.where("kind <> 'new'").select(both)
    return known.where("person_id IS NOT NULL").distinct()


def _pairs_of_changed(store: Store, inputs: _Inputs, changed: DataFrame) -> DataFrame:
    """List (person_id, day) that a change of persons may have altered, rather too many.

    These are the rows that the changed persons have now and, for each event of these persons,
    everybody who has any of its identifiers: an identifier that is excluded or released hands its
    events on.
    """
    if changed.isEmpty():
        return changed.select("person_id", F.lit(None).cast("date").alias("day"))
    present = store.read(PERSON_DAY).join(changed, "person_id", "left_semi")
    events = _events_of(store, "changed", changed, inputs)
    keys = events.select("day", F.explode("ids").alias("id_key")).distinct()
    owners = keys.join(inputs.persons.select("id_key", "person_id"), "id_key")
    return present.select(*_PAIR).unionByName(owners.select(*_PAIR)).distinct()


def _events_of(store: Store, name: str, wanted: DataFrame, inputs: _Inputs) -> DataFrame:
    """Find the events that may belong to the wanted persons.

    The strongest identifier tells; where it is excluded the weaker ones may, and these few events
    all come along. The keys are materialised: few as they are, they are then broadcast, and the
    events need no shuffle to be searched.
    """
    ids = wanted.select("person_id").distinct()
    owned = inputs.persons.join(ids, "person_id", "left_semi").select("id_key")
    keys = owned.unionByName(inputs.excluded).distinct()
    return inputs.events.join(store.materialise(f"keys_{name}", keys), "id_key", "left_semi")


JOB = Job(name="build_archive", step=build_archive, tables=(VISIT, PERSON_DAY), logic_version=2)
