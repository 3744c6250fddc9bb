"""The rows that made the value of a tag for one person or entity, found without Spark."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from databank.archive.config import ArchiveConfig
from databank.archive.tables import PERSON_DAY
from databank.expressions import Expression, Macro
from databank.expressions.macros import ANY_EVENT, ResultTable
from databank.expressions.run_day import with_run_day
from databank.identity.entities.subject import Subject
from databank.identity.explain import identifiers_of
from databank.tables.published_reader import PublishedReader
from databank.tags.describe import describe_macro, macros_of
from databank.tags.filters import dimension, duckdb_filter, literal
from databank.tags.hour_windows import recent_events_of

Rows = list[dict[str, Any]]
MOST_ROWS = 20
# measure by which values are ranked -> its place beside the value
_RANKED_BY = {"count": 1, "sum(amount)": 2, "days": 3}
# macros of one event's amount, not of the day's sum
_AMOUNTS = {"largest_amount": "amount_max", "smallest_amount": "amount_min"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Reason:
    """Rows that a value was made of, the newest first, and what they are."""

    title: str
    rows: Rows


class ExplainableTag(Protocol):
    """A tag, as far as its value can be explained."""

    @property
    def name(self) -> str:
        """Unique name."""
        ...

    @property
    def entity(self) -> str:
        """Person, or the kind of entity that has the tag."""
        ...

    @property
    def subject(self) -> Subject:
        """Whom the tag is about."""
        ...

    @property
    def definition(self) -> str:
        """What the tag is, in one line."""
        ...

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """All expressions of the tag."""
        ...

    @property
    def references(self) -> frozenset[str]:
        """Names of the tags that it is made of."""
        ...

    def explain(self, evidence: "TagEvidence") -> Iterator[Reason]:
        """Show the rows that made the value."""
        ...


@dataclass(frozen=True)
class TagEvidence:
    """What a bank holds of one person or entity, as kinds of tags ask for it.

    Attributes:
        lookup: The bank.
        tags: The library of tags, by name.
        archive: What dimensions of events are.
        zone: Business time zone.
        entity: Whose tags: a person's, or a kind of entity's.
        subject: The person, or the entity.
        as_of: The day as of which the tag was built.
    """

    lookup: PublishedReader
    tags: Mapping[str, ExplainableTag]
    archive: ArchiveConfig
    zone: str
    entity: str
    subject: int
    as_of: date

    def reasons(self, tag: ExplainableTag) -> list[Reason]:
        """Show what made the value of a tag, and of each tag that it is made of."""
        reasons: list[Reason] = []
        seen: set[str] = set()
        waiting = [tag]
        while waiting:
            current = waiting.pop(0)
            if current.name not in seen:
                seen.add(current.name)
                reasons += current.explain(self)
                waiting += self._made_of(current)
        return reasons

    def reason(
        self, title: str, columns: Sequence[str], rows: Collection[tuple[Any, ...]]
    ) -> Reason:
        """Name the columns of rows, and leave out all but the first ones."""
        shown = [dict(zip(columns, map(_short, row), strict=True)) for row in rows]
        return Reason(title, shown[:MOST_ROWS])

    def of_tags(self, tag: ExplainableTag) -> Reason:
        """Show the values of the tags that a tag is made of."""
        values = [
            {"tag": each.name, "value": value_of(self.lookup, each, self.subject)[0]}
            for each in self._made_of(tag)
        ]
        return Reason(f"{tag.name}: {tag.definition}", values)

    def threshold_of(self, name: str, share: float) -> tuple[Any, float | None]:
        """Give the subject's value of a ranked number, and the least of the share that is highest.

        Args:
            name: A tag of persons or entities of this kind, or `persons` of an entity.
            share: Share of those with a value above 0.
        """
        ranked = self.tags.get(name)
        if ranked is None:
            count, where = "count(DISTINCT person_id)", "entity = ? GROUP BY entity_id"
            columns = (count, f"quantile_cont({count}, {1 - share}) OVER ()")
            rows = self.lookup.find(
                "identity.entity",
                columns,
                f"{where} QUALIFY entity_id = ?",
                [self.entity, self.subject],
            )
            return rows[0] if rows else (None, None)
        table, _, condition = _table(ranked)
        threshold = f"quantile_cont(value_double, {1 - share}) FILTER (value_double > 0)"
        rows = self.lookup.find(table, (threshold,), f"tag = ?{condition}", [name])
        return value_of(self.lookup, ranked, self.subject)[0], rows[0][0] if rows else None

    def of_macros(self, tag: ExplainableTag, ranked_by: str = "count") -> Iterator[Reason]:
        """Show the rows of each macro of a tag.

        Args:
            tag: The tag.
            ranked_by: Measure by which values of a dimension are sorted: count, sum(amount), days.
        """
        for macro in macros_of(tag.expressions):
            if macro.spec.result is not None:
                yield self._of_result(tag, macro, macro.spec.result)
            elif macro.hours is not None:
                yield self._of_events(tag, macro)
            elif macro.by is not None:
                yield self._of_values(tag, macro, ranked_by)
            else:
                yield self._of_days(tag, macro)

    def of_profiles(self, title: str, attribute: str, sources: Collection[str]) -> Reason:
        """Show the profiles of identifiers that were the person's when they were updated.

        Args:
            title: What they are.
            attribute: Attribute that they have to have.
            sources: Sources that count; empty = all.
        """
        periods = identifiers_of(self.lookup, self.subject)
        value = f"trim(attributes[{literal(attribute)}])"
        columns = ("epoch_us(updated_ts)", "source", "record_id", value, "id_key")
        keys = sorted({period.id_key for period in periods})
        rows = []
        for updated, source, record, text, key in self.lookup.by_keys(
            "core.profiles", columns, "id_key", keys
        ):
            at = None if updated is None else self._local(updated)
            day = self.as_of if at is None else at.date()
            owned = any(period.id_key == key and period.covers(day) for period in periods)
            believed = not sources or source in sources
            if owned and believed and text and day <= self.as_of:
                rows.append(("" if at is None else f"{at:%Y-%m-%d %H:%M}", source, record, text))
        rows.sort(reverse=True)
        return self.reason(title, ("updated", "source", "record", attribute), rows)

    def _made_of(self, tag: ExplainableTag) -> list[ExplainableTag]:
        return [self.tags[name] for name in sorted(tag.references) if name in self.tags]

    def _persons(self) -> list[int]:
        if Subject(self.entity).is_person:
            return [self.subject]
        where, given = "entity = ? AND entity_id = ?", [self.entity, self.subject]
        rows = self.lookup.find("identity.entity", ("person_id",), where, given)
        return [person for (person,) in rows]

    def _is_person(self, column: str) -> str:
        """Write the condition that a column names one of the persons, as SQL."""
        return f"{column} IN ({', '.join(map(str, self._persons())) or 'NULL'})"

    def _of_events(self, tag: ExplainableTag, macro: Macro) -> Reason:
        """Show the events of a window of hours, the newest first."""
        events = recent_events_of(
            self.lookup, self._persons(), macro, self.archive, as_of=self.as_of, zone=self.zone
        )
        rows = [(f"{self._local(at):%Y-%m-%d %H:%M:%S}", *more) for at, *more in events.rows]
        title = self._title(tag, macro, len(rows), filtered=events.filtered)
        return self.reason(title, events.columns, rows)

    def _of_days(self, tag: ExplainableTag, macro: Macro) -> Reason:
        """Show the rows of the archive, the newest first."""
        amount = _AMOUNTS.get(macro.name, "amount")
        of_average = [name for name in macro.spec.reads if name == "amounts"]
        columns = ("day", "terminal", "event", "dims_json", "n", *of_average, amount, "quantity")
        condition = self._filter(macro)
        rows = self.lookup.find(PERSON_DAY.name, columns, self._where(macro, condition))[::-1]
        title = self._title(tag, macro, len(rows), filtered=condition is not None)
        return self.reason(title, columns, rows)

    def _of_values(self, tag: ExplainableTag, macro: Macro, ranked_by: str) -> Reason:
        """Show events by value of the dimension, the highest first."""
        value = dimension(str(macro.by), self.archive.names).sql(dialect="duckdb")
        columns = (value, "sum(n)", "sum(amount)", "count(DISTINCT day)")
        condition = self._filter(macro)
        where = f"{self._where(macro, condition)} GROUP BY 1"
        rows = self.lookup.find(PERSON_DAY.name, columns, where)
        rows = [row for row in rows if row[0] is not None]
        place = _RANKED_BY[ranked_by]
        rows.sort(key=lambda row: -(row[place] or 0))
        title = self._title(tag, macro, len(rows), filtered=condition is not None)
        return self.reason(title, (str(macro.by), "n", "amount", "days"), rows)

    def _of_result(self, tag: ExplainableTag, macro: Macro, result: ResultTable) -> Reason:
        """Show rows of the table of results that has the value of a macro."""
        where, given = self._is_person(result.person), []
        if result.by_day:
            where += f" AND day = DATE '{self.as_of}'"
        if result.name:
            where, given = f"{where} AND {result.name} = ?", [macro.target]
        rows = self.lookup.find(result.table, result.shown, where, given)
        title = f"{tag.name}: {macro.name}({macro.target or ''}), by {result.table}"
        return self.reason(title, result.shown, rows)

    def _title(self, tag: ExplainableTag, macro: Macro, count: int, *, filtered: bool) -> str:
        # another reader might take the filter otherwise
        unread = "" if filtered else " (shown without this filter, which Spark alone reads)"
        more = f", {MOST_ROWS} of {count} rows" if count > MOST_ROWS else ""
        return f"{tag.name}: {describe_macro(macro, self.as_of)}{unread}{more}"

    def _filter(self, macro: Macro) -> str | None:
        """Write the filter of a macro for DuckDB; None where that cannot read it."""
        text = with_run_day(macro.filter or "true", self.as_of)
        return duckdb_filter(text, self.archive.names)

    def _where(self, macro: Macro, condition: str | None) -> str:
        begin, end = macro.days(self.as_of)
        parts = [self._is_person("person_id"), f"day <= DATE '{end}'"]
        if begin is not None:
            parts.append(f"day >= DATE '{begin}'")
        any_event, this = "synthetic IS NULL", f"event = {literal(str(macro.event))}"
        parts.append(any_event if macro.event == ANY_EVENT else this)
        parts += [condition] if condition else []
        return " AND ".join(parts)

    def _local(self, microseconds: int) -> datetime:
        at = _EPOCH + timedelta(microseconds=microseconds)
        return at.astimezone(ZoneInfo(self.zone))


def _short(value: Any) -> Any:
    """Leave out zeros at the end of an amount, but for two decimals."""
    if not isinstance(value, Decimal):
        return value
    whole, _, fraction = f"{value:f}".partition(".")
    return Decimal(f"{whole}.{fraction.rstrip('0'):0<2}")


def value_of(lookup: PublishedReader, tag: ExplainableTag, subject: int) -> tuple[Any, date | None]:
    """Read the value of a tag, None = it has none; and the day as of which tags were built.

    Args:
        lookup: The bank.
        tag: The tag.
        subject: A person, or an entity of the tag's kind.
    """
    table, key, condition = _table(tag)
    columns = ("value_string", "value_double", "value_date", "as_of")
    where = f"tag = ? AND {key} = ?{condition}"
    for text, number, day, as_of in lookup.find(table, columns, where, [tag.name, subject]):
        # all numbers are kept as such with a point
        number = int(number) if number is not None and number.is_integer() else number
        return next((v for v in (text, number, day) if v is not None), None), as_of
    newest = "coalesce(max(as_of) FILTER (tag = ?), max(as_of))"
    rows = lookup.find(table, (newest,), f"true{condition}", [tag.name])
    return None, rows[0][0] if rows else None


def _table(tag: ExplainableTag) -> tuple[str, str, str]:
    """Name the table of a tag, its key, and a condition on its rows."""
    if tag.subject.is_person:
        return "tags.person_tag", "person_id", ""
    return "tags.entity_tag", "entity_id", f" AND entity = '{tag.entity}'"
