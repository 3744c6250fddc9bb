"""What jobs found of a person: RFM, scores, audiences, lookalikes; each of its last build."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

from databank.tables.published_reader import PublishedReader
from databank.tags.kinds.model import ModelTag

_DONE = "done"
BY_A_DAY = "CAST(? AS DATE) IS NULL OR day <= ?"


class Rfm(NamedTuple):
    """A row of lifecycle.rfm."""

    day: date
    r: int
    f: int
    m: int | None
    segment: str
    recency_days: int
    frequency: int
    monetary: float | None


class Score(NamedTuple):
    """A row of models.score."""

    model: str
    version: int
    as_of: date
    score: float
    calibrated: float
    decile: int


class ScoreUse(NamedTuple):
    """A tag that is made of a score; without bands it is the score.

    Attributes:
        tag: The tag.
        band: The band in which the score lies; None = below all of them, or there are none.
        threshold: The least score of the band, or of the lowest one.
    """

    tag: str
    band: str | None
    threshold: float | None


class AudienceMembership(NamedTuple):
    """An audience that the person, or an entity of the person, is in."""

    audience: str
    entity: str | None
    entity_id: int | None
    day: date


class LookalikeMembership(NamedTuple):
    """A row of lookalike.member."""

    name: str
    day: date
    rank: int
    score: float
    level: str | None


def on_last_day(
    reader: PublishedReader,
    table: str,
    columns: Collection[str],
    person_id: int,
    day: date | None,
) -> tuple[Any, ...] | None:
    """Find the person's row of the last day that a table has of anybody, by a day.

    Args:
        reader: The warehouse.
        table: A table with one row per person and day.
        columns: What to give.
        person_id: The person.
        day: The day by which it was built; None = today.
    """
    [(last,)] = reader.find(table, ("max(day)",), BY_A_DAY, [day, day]) or [(None,)]
    if last is None:
        return None
    where, given = "person_id = ?", [person_id]
    rows = reader.on_days(table, tuple(columns), where, given, first=last, last=last)
    return rows[0] if rows else None


def rfm_of(reader: PublishedReader, person_id: int, day: date | None) -> Rfm | None:
    """Read the person's RFM of the last day by a day; None where the event is not in its window."""
    row = on_last_day(reader, "lifecycle.rfm", Rfm._fields, person_id, day)
    return None if row is None else Rfm(*row)


def scores_of(reader: PublishedReader, person_id: int) -> list[Score]:
    """Read the person's newest score of each model."""
    rows = reader.find("models.score", Score._fields, "entity_id = ?", [person_id])
    return [Score(*row) for row in rows]


def uses_of(score: Score, tags: Collection[ModelTag]) -> list[ScoreUse]:
    """Tell what tags of a model make of a score, as the configuration is now."""
    return [_use(score, tag) for tag in tags if tag.model.partition("@")[0] == score.model]


def audiences_of(
    reader: PublishedReader, person_id: int, entities: Mapping[str, int], day: date | None
) -> list[AudienceMembership]:
    """List the audiences whose last build by a day has the person, or an entity of the person.

    Args:
        reader: The warehouse.
        person_id: The person.
        entities: Number of the person's household, account ... by kind.
        day: The day by which they were built; None = today.
    """
    columns = ("audience", "day")
    built = _last_builds(reader, "audiences.member", "audience", "build_audiences", day)
    rows = reader.find("audiences.member", columns, "person_id = ?", [person_id])
    members = [
        AudienceMembership(name, None, None, on) for name, on in rows if on == built.get(name)
    ]
    if not entities:
        return members
    table, where = "audiences.entity_member", "entity = ? AND entity_id = ?"
    built = _last_builds(reader, table, "audience", "build_audiences", day)
    for entity, number in entities.items():
        rows = reader.find(table, columns, where, [entity, number])
        members += [
            AudienceMembership(name, entity, number, on)
            for name, on in rows
            if on == built.get(name)
        ]
    return members


def lookalikes_of(
    reader: PublishedReader, person_id: int, day: date | None
) -> list[LookalikeMembership]:
    """List the lookalikes whose last build by a day has the person."""
    table = "lookalike.member"
    built = _last_builds(reader, table, "name", "expand_lookalike", day)
    rows = reader.find(table, LookalikeMembership._fields, "person_id = ?", [person_id])
    members = [LookalikeMembership(*row) for row in rows]
    return [each for each in members if each.day == built.get(each.name)]


def _use(score: Score, tag: ModelTag) -> ScoreUse:
    if not tag.bands:
        return ScoreUse(tag.name, None, None)
    bands = sorted(tag.bands.items(), key=lambda band: band[1])
    reached = [band for band in bands if score.calibrated >= band[1]]
    name, threshold = reached[-1] if reached else (None, bands[0][1])
    return ScoreUse(tag.name, name, threshold)


def _last_builds(
    reader: PublishedReader, table: str, name: str, job: str, day: date | None
) -> dict[str, date]:
    """Find by name the last day on which it was built; one that had nobody has no row of it."""
    columns = (name, "max(day)")
    built = dict(reader.find(table, columns, f"({BY_A_DAY}) GROUP BY {name}", [day, day]))
    where = f"job = ? AND outcome = ? AND ({BY_A_DAY})"
    for nodes, on in reader.find("ops.run", ("nodes", "day"), where, [job, _DONE, day, day]):
        built |= {each: on for each in nodes if each in built and on > built[each]}
    return built
