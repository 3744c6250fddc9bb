"""Why a person has a tag: the rows that made its value, without Spark."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from databank.archive.tables import PERSON_DAY
from databank.expressions import Macro
from databank.expressions.macros import ANY_EVENT
from databank.identity.entities.config import PERSON
from databank.identity.explain import identifiers_of
from databank.tables.published_reader import PublishedReader
from databank.tags.config import TagConfig, TagsConfig
from databank.tags.describe import MADE_OF_TAGS, RESULT_TABLES, definition, described
from databank.tags.filters import dimension, duckdb_filter, literal
from databank.tags.hour_windows import recent_events_of
from databank.tags.kinds import OF_PROFILES
from databank.tags.tables import LISTED

Rows = list[dict[str, Any]]
MOST_ROWS = 20
# macro -> of its table: what tells whose it is, which one, and the columns to show
_RESULTS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "in_audience": ("person_id", "audience", ("day", "audience")),
    "in_lookalike": ("person_id", "name", ("day", "name", "rank", "score")),
    "score": ("entity_id", "model", ("as_of", "model", "score", "calibrated")),
    "stage": ("person_id", "", ("day", "stage")),
}
# measure of top values -> its place beside the value
_RANKED_BY = {"count": 1, "sum(amount)": 2, "days": 3}
# of these not the day's sum is looked at
_AMOUNTS = {"largest_amount": "amount_max", "smallest_amount": "amount_min"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Reason:
    """Rows that a value was made of, the newest first, and what they are."""

    title: str
    rows: Rows


@dataclass(frozen=True)
class Why:
    """One question to a bank: of which rows are the values of tags made?

    Attributes:
        lookup: The bank.
        config: The library of tags.
        zone: Business time zone.
        entity: Whose tags: a person's, or a kind of entity's.
        whose: The person, or the entity.
        as_of: The day as of which the tag was built.
    """

    lookup: PublishedReader
    config: TagsConfig
    zone: str
    entity: str
    whose: int
    as_of: date

    def reasons(self, tag: TagConfig) -> list[Reason]:
        """What the value of a tag was made of, and that of the tags it was made of."""
        named = {each.name: each for each in self.config.tags}
        found: list[Reason] = []
        seen: set[str] = set()
        open_tags = [tag]
        while open_tags:
            one = open_tags.pop(0)
            if one.name in seen:
                continue
            seen.add(one.name)
            below = [named[name] for name in sorted(one.references) if name in named]
            if one.identifier is not None:
                found.append(self._line(one))
            elif one.kind in MADE_OF_TAGS:
                values = [
                    {"tag": t.name, "value": value_of(self.lookup, t, self.whose)[0]} for t in below
                ]
                found.append(Reason(f"{one.name}: {definition(one)}", values))
            found += self._own(one)
            open_tags += below
        return found

    def _own(self, tag: TagConfig) -> Iterator[Reason]:
        """What a tag is made of beside other tags."""
        if tag.kind in OF_PROFILES:
            yield self._profiles(tag)
        if tag.statement is not None:
            yield Reason(f"{tag.name}: {' '.join(tag.statement.text.split())}", [])
        for macro in dict.fromkeys(m for each in tag.expressions for m in each.macros):
            if not macro.reads_events:
                yield self._result(tag, macro)
            elif macro.hours is not None:
                yield self._events(tag, macro)
            elif macro.by is not None:
                yield self._values(tag, macro)
            else:
                yield self._days(tag, macro)

    def _line(self, tag: TagConfig) -> Reason:
        """The line of a list, and what it names the person by."""
        columns = ("file", "line", "id_type")
        where, given = "person_id = ? AND tag = ?", [self.whose, tag.name]
        found = self.lookup.find(LISTED.name, columns, where, given)
        return Reason(f"{tag.name}: {definition(tag)}", _shown(("list", "line", "by"), found))

    def _persons(self) -> list[int]:
        if self.entity == PERSON:
            return [self.whose]
        where = "entity = ? AND entity_id = ?"
        found = self.lookup.find(
            "identity.entity", ("person_id",), where, [self.entity, self.whose]
        )
        return [person for (person,) in found]

    def _theirs(self, column: str) -> str:
        """The condition, as SQL, that a column names one of the persons."""
        return f"{column} IN ({', '.join(map(str, self._persons())) or 'NULL'})"

    def _events(self, tag: TagConfig, macro: Macro) -> Reason:
        """The events of a window of hours, the newest first."""
        found = recent_events_of(
            self.lookup,
            self._persons(),
            macro,
            self.config.archive,
            as_of=self.as_of,
            zone=self.zone,
        )
        rows = [(f"{self._local(at):%Y-%m-%d %H:%M:%S}", *more) for at, *more in found.rows]
        title = self._title(tag, macro, rows, filtered=found.filtered)
        return Reason(title, _shown(found.columns, rows))

    def _days(self, tag: TagConfig, macro: Macro) -> Reason:
        amount = _AMOUNTS.get(macro.name, "amount")
        columns = ("day", "terminal", "event", "dims_json", "n", amount, "quantity")
        kept = self._kept(macro)
        found = self.lookup.find(PERSON_DAY.name, columns, self._where(macro, kept))[::-1]
        title = self._title(tag, macro, found, filtered=kept is not None)
        return Reason(title, _shown(columns, found))

    def _values(self, tag: TagConfig, macro: Macro) -> Reason:
        """Events by value of the dimension, in the order in which the tag ranks them."""
        value = dimension(str(macro.by), self.config.archive.names).sql(dialect="duckdb")
        columns = (f"nullif({value}, '')", "sum(n)", "sum(amount)", "count(DISTINCT day)")
        kept = self._kept(macro)
        where = f"{self._where(macro, kept)} GROUP BY 1"
        found = self.lookup.find(PERSON_DAY.name, columns, where)
        found = [row for row in found if row[0] is not None]
        measured = _RANKED_BY.get(tag.measure or "count", 1)
        found.sort(key=lambda row: -(row[measured] or 0))
        shown = (str(macro.by), "n", "amount", "days")
        title = self._title(tag, macro, found, filtered=kept is not None)
        return Reason(title, _shown(shown, found))

    def _title(
        self, tag: TagConfig, macro: Macro, found: list[tuple[Any, ...]], *, filtered: bool
    ) -> str:
        # another reader might take it otherwise
        told = "" if filtered else " (shown without this filter, which Spark alone reads)"
        more = f", {MOST_ROWS} of {len(found)} rows" if len(found) > MOST_ROWS else ""
        return f"{tag.name}: {described(macro, self.as_of)}{told}{more}"

    def _kept(self, macro: Macro) -> str | None:
        """The filter of a macro for DuckDB; None where that cannot read it."""
        return duckdb_filter(macro.filter or "true", self.config.archive.names)

    def _where(self, macro: Macro, kept: str | None) -> str:
        begin, end = macro.days(self.as_of)
        parts = [self._theirs("person_id"), f"day <= DATE '{end}'"]
        if begin is not None:
            parts.append(f"day >= DATE '{begin}'")
        any_event, this = "synthetic IS NULL", f"event = {literal(str(macro.event))}"
        parts.append(any_event if macro.event == ANY_EVENT else this)
        parts += [kept] if kept else []
        return " AND ".join(parts)

    def _profiles(self, tag: TagConfig) -> Reason:
        """Profiles of the identifiers that were the person's when they were updated."""
        held = identifiers_of(self.lookup, self.whose)
        said = f"trim(attributes[{literal(str(tag.attribute))}])"
        columns = ("epoch_us(updated_ts)", "source", "record_id", said, "id_key")
        keys = sorted({one.id_key for one in held})
        found = []
        for updated, source, record, value, key in self.lookup.by_keys(
            "core.profiles", columns, "id_key", keys
        ):
            at = None if updated is None else self._local(updated)
            day = self.as_of if at is None else at.date()
            theirs = any(one.id_key == key and one.covers(day) for one in held)
            believed = not tag.sources or source in tag.sources
            if theirs and believed and value and day <= self.as_of:
                shown = "" if at is None else f"{at:%Y-%m-%d %H:%M}"
                found.append((shown, source, record, value))
        found.sort(reverse=True)
        trust = f", by {', then '.join(tag.sources)}" if tag.sources else ""
        title = f"{tag.name}: {tag.attribute}, {tag.prefer or 'newest'}{trust}"
        return Reason(title, _shown(("updated", "source", "record", str(tag.attribute)), found))

    def _local(self, microseconds: int) -> datetime:
        at = _EPOCH + timedelta(microseconds=microseconds)
        return at.astimezone(ZoneInfo(self.zone))

    def _result(self, tag: TagConfig, macro: Macro) -> Reason:
        table = RESULT_TABLES[macro.name]
        key, name, columns = _RESULTS[macro.name]
        where, given = self._theirs(key), []
        if columns[0] == "day":
            where += f" AND day = DATE '{self.as_of}'"
        if name:
            where, given = f"{where} AND {name} = ?", [macro.target]
        found = self.lookup.find(table, columns, where, given)
        asked = f"{macro.name}({macro.target or ''})"
        return Reason(f"{tag.name}: {asked}, by {table}", _shown(columns, found))


def value_of(lookup: PublishedReader, tag: TagConfig, whose: int) -> tuple[Any, date | None]:
    """The value of a tag, None = it says nothing; and the day as of which tags were built.

    Args:
        lookup: The bank.
        tag: The tag.
        whose: A person, or an entity of the tag's kind.
    """
    table, key, of = _table(tag)
    columns = ("value_string", "value_double", "value_date", "as_of")
    where = f"tag = ? AND {key} = ?{of}"
    for text, number, day, as_of in lookup.find(table, columns, where, [tag.name, whose]):
        # all numbers are kept as such with a point
        number = int(number) if number is not None and number.is_integer() else number
        return next((v for v in (text, number, day) if v is not None), None), as_of
    newest = "coalesce(max(as_of) FILTER (tag = ?), max(as_of))"
    rows = lookup.find(table, (newest,), f"true{of}", [tag.name])
    return None, rows[0][0] if rows else None


def _table(tag: TagConfig) -> tuple[str, str, str]:
    """Where a tag lies, what tells whose it is, and a condition on that."""
    if tag.subject.is_person:
        return "tags.person_tag", "person_id", ""
    return "tags.entity_tag", "entity_id", f" AND entity = '{tag.entity}'"


def _shown(columns: tuple[str, ...], found: list[tuple[Any, ...]]) -> Rows:
    return [dict(zip(columns, row, strict=True)) for row in found[:MOST_ROWS]]
