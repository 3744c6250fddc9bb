"""The state that the last run left: whether the next one may build on it, or solves all again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from pyspark.sql import DataFrame, Row, functions as F

from databank.identity.config import IdentityConfig
from databank.identity.tables import STATE
from databank.runs import Context, Summary
from databank.sources.erasure.tables import ERASED_IDENTIFIER
from databank.sources.tables import EVENTS, IDENTIFIER, PROFILES
from databank.tables import Store
from databank.tables.erasure import ERASED_PERSON

# identifiers; to solve so few costs less than the queries that find what is affected
FULL_SOLVE_BELOW = 200_000
_CHANGE_FEEDS = (EVENTS, PROFILES, IDENTIFIER)
_READ_TABLES = (*_CHANGE_FEEDS, ERASED_IDENTIFIER)
# rules about single identifiers, so that a change affects these; and what changes no result
_LOCAL_RULES = {
    "block", "ignore_link", "must_link", "cannot_link", "reassigned_by_hand", "entities", "gates",
    "engine", "tuning",
}  # fmt: skip


class Counts(NamedTuple):
    """Figures of identity.person.

    Attributes:
        identifiers: Rows.
        persons: Different persons.
        reassigned: Rows that begin on a day.
        largest: Rows of the person that has most.
    """

    identifiers: int
    persons: int
    reassigned: int
    largest: int


@dataclass(frozen=True)
class PreviousRun:
    """What the last run left in identity.state, and whether this one may build on it.

    Attributes:
        full_reason: Why all has to be solved; "" = it need not be.
        day: Run day.
        rules: identity.yml of that run.
        versions: Table -> version that was read; empty before the first run.
        next_id: The first person_id that was never given.
        counts: Of identity.person.
    """

    full_reason: str
    day: date
    rules: IdentityConfig
    versions: dict[str, int]
    next_id: int
    counts: Counts


def read_state(context: Context, config: IdentityConfig) -> PreviousRun:
    """Read what the last run left; before the first one there is nothing."""
    row = context.store.read(STATE).first()
    if row is None:
        return PreviousRun("the first run", context.day, config, {}, 1, Counts(0, 0, 0, 0))
    left = {"day": row["day"], "versions": row["versions"], "next_id": row["next_id"]}
    if row["logic_version"] != context.logic_version:
        # other logic may have had other rules, and counted other things
        reason = "the logic of resolve_identity is another version"
        return PreviousRun(reason, rules=config, counts=Counts(0, 0, 0, 0), **left)
    rules = IdentityConfig.model_validate_json(row["rules"])
    counts = Counts(*(row[name] for name in Counts._fields))
    reason = _full_reason(context, config, row, rules) or _lost_feed(context, row["versions"])
    return PreviousRun(reason, rules=rules, counts=counts, **left)


def _full_reason(context: Context, config: IdentityConfig, row: Row, rules: IdentityConfig) -> str:
    if row["day"] > context.day:
        return f"the last run was for {row['day']}"
    if rules.model_dump(exclude=_LOCAL_RULES) != config.model_dump(exclude=_LOCAL_RULES):
        return "general rules of identity.yml have changed"
    if row["timezone"] != context.settings.timezone:
        return "the time zone has changed"
    return "" if row["identifiers"] >= FULL_SOLVE_BELOW else "the bank is small"


def _lost_feed(context: Context, versions: Mapping[str, int]) -> str:
    for spec in _CHANGE_FEEDS:
        feed = context.store.feed(spec, versions[spec.name])
        if feed is not None and not feed.covers():
            return (
                f"Delta's log no longer tells what came to {spec.name} since {versions[spec.name]}"
            )
    return ""


def write_state(context: Context, config: IdentityConfig, counts: Counts, *, next_id: int) -> None:
    """Write identity.state for the next run; counts are those of this one."""
    store = context.store
    versions = {spec.name: store.versions_read[spec.name] for spec in _READ_TABLES}
    row = (
        context.run_id, context.day, context.settings.timezone, context.logic_version,
        config.model_dump_json(), versions, next_id, *counts,
    )  # fmt: skip
    store.replace(STATE, store.small(STATE, [row]))


def roll_back_state(store: Store, versions: Mapping[str, int]) -> Summary:
    """Write identity.state as it was at an earlier version, but for the next person_id.

    A person_id that was published since may be known outside of the bank: it is never reused.

    Args:
        store: The bank as it is published.
        versions: Table -> version to which it goes back.

    Returns:
        Lines of the short table.
    """
    latest = store.read(STATE).first()
    earlier = store.read_version(STATE, versions[STATE.name]).first()
    if latest is None or earlier is None:
        raise RuntimeError(f"{STATE.name}: no row after a run")
    row = earlier.asDict() | {"next_id": max(latest["next_id"], earlier["next_id"])}
    # an older databank may have written fewer columns; no run builds on those
    store.replace(STATE, store.small(STATE, [[row.get(column.name) for column in STATE.columns]]))
    # persons who were erased since must not come back
    store.replace(ERASED_PERSON, store.read(ERASED_PERSON))
    return {"persons before": latest["persons"], "persons after": earlier["persons"]}


def counts_of(rows: DataFrame) -> Counts:
    """Count rows of identity.person."""
    sizes = (F.count(F.lit(1)).alias("n"), F.count("valid_from").alias("later"))
    measures = (F.sum("n"), F.count(F.lit(1)), F.sum("later"), F.max("n"))
    row = rows.groupBy("person_id").agg(*sizes).agg(*measures).first()
    return Counts(*(value or 0 for value in row or (0, 0, 0, 0)))


def updated_counts(
    old: Counts, was: DataFrame, now: DataFrame, *, whole: Callable[[], DataFrame]
) -> Counts:
    """Update the figures of identity.person after some of its persons have changed.

    Args:
        old: Counts of all of it before.
        was: Rows of these persons before.
        now: Their rows today.
        whole: Gives all rows of today; needed where the largest person has become smaller.
    """
    before, after = counts_of(was), counts_of(now)
    summed = Counts(*(a + c - b for a, b, c in zip(old, before, after, strict=True)))
    if after.largest >= old.largest:
        return summed._replace(largest=after.largest)
    # beside these persons there is one as large
    if before.largest < old.largest:
        return summed._replace(largest=old.largest)
    return summed._replace(largest=counts_of(whole()).largest)
