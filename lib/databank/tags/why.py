"""Why a person has a tag: the rows that made its value, without Spark."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlglot
from sqlglot import exp

from databank.archive.tables import PERSON_DAY
from databank.expressions import Macro
from databank.expressions.macros import ANY_EVENT
from databank.identity.entities.config import PERSON
from databank.tables.lookup import Lookup
from databank.tags.config import TagConfig, TagsConfig
from databank.tags.plan import RESULT_TABLES, days_of, definition, described

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


@dataclass(frozen=True)
class Reason:
    """Rows that a value was made of, the newest first, and what they are."""

    title: str
    rows: Rows


def value_of(lookup: Lookup, tag: TagConfig, whose: int) -> tuple[Any, date | None]:
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
    # a tag that nobody has was built with the others
    newest = "coalesce(max(as_of) FILTER (tag = ?), max(as_of))"
    rows = lookup.find(table, (newest,), f"true{of}", [tag.name])
    return None, rows[0][0] if rows else None


def reasons(
    lookup: Lookup, config: TagsConfig, tag: TagConfig, whose: int, as_of: date
) -> list[Reason]:
    """What the value of a tag was made of, and that of the tags it was made of.

    Args:
        lookup: The bank.
        config: The library of tags.
        tag: The tag.
        whose: A person, or an entity of the tag's kind.
        as_of: The day as of which it was built.
    """
    persons = _persons(lookup, tag, whose)
    named = {each.name: each for each in config.tags}
    found: list[Reason] = []
    seen: set[str] = set()
    open_tags = [tag]
    while open_tags:
        one = open_tags.pop(0)
        if one.name in seen:
            continue
        seen.add(one.name)
        below = [named[name] for name in sorted(one.references) if name in named]
        if one.kind in ("rule", "percentile"):
            values = [{"tag": t.name, "value": value_of(lookup, t, whose)[0]} for t in below]
            found.append(Reason(f"{one.name}: {definition(one)}", values))
        found += _own(lookup, config, one, persons, as_of)
        open_tags += below
    return found


def _own(
    lookup: Lookup, config: TagsConfig, tag: TagConfig, persons: list[int], as_of: date
) -> Iterator[Reason]:
    """What a tag is made of beside other tags."""
    if tag.kind == "attribute":
        yield _profiles(lookup, tag, persons)
    if tag.statement is not None:
        yield Reason(f"{tag.name}: {' '.join(tag.statement.text.split())}", [])
    for macro in dict.fromkeys(m for each in tag.expressions for m in each.macros):
        if not macro.reads_events:
            yield _result(lookup, tag, macro, persons, as_of)
        elif tag.kind in ("top", "preference"):
            yield _values(lookup, config, tag, macro, persons, as_of)
        else:
            yield _days(lookup, config, tag, macro, persons, as_of)


def _table(tag: TagConfig) -> tuple[str, str, str]:
    """Where a tag lies, what tells whose it is, and a condition on that."""
    if tag.entity == PERSON:
        return "tags.person_tag", "person_id", ""
    return "tags.entity_tag", "entity_id", f" AND entity = '{tag.entity}'"


def _persons(lookup: Lookup, tag: TagConfig, whose: int) -> list[int]:
    if tag.entity == PERSON:
        return [whose]
    where = "entity = ? AND entity_id = ?"
    return [
        p for (p,) in lookup.find("identity.entity", ("person_id",), where, [tag.entity, whose])
    ]


def _days(
    lookup: Lookup,
    config: TagsConfig,
    tag: TagConfig,
    macro: Macro,
    persons: Collection[int],
    as_of: date,
) -> Reason:
    columns = ("day", "terminal", "event", "slice", "n", "amount", "quantity")
    where = _where(macro, config, persons, as_of)
    found = lookup.find(PERSON_DAY.name, columns, where)[::-1]
    return Reason(_title(tag, macro, as_of, found), _shown(columns, found))


def _values(
    lookup: Lookup,
    config: TagsConfig,
    tag: TagConfig,
    macro: Macro,
    persons: Collection[int],
    as_of: date,
) -> Reason:
    """Events by value of the dimension, in the order in which the tag ranks them."""
    value = _dimension(str(macro.by), config).sql(dialect="duckdb")
    columns = (f"nullif({value}, '')", "sum(n)", "sum(amount)", "count(DISTINCT day)")
    where = f"{_where(macro, config, persons, as_of)} GROUP BY 1"
    found = [row for row in lookup.find(PERSON_DAY.name, columns, where) if row[0] is not None]
    measured = _RANKED_BY[tag.measure or "count"]
    found.sort(key=lambda row: -(row[measured] or 0))
    return Reason(
        _title(tag, macro, as_of, found), _shown((str(macro.by), "n", "amount", "days"), found)
    )


def _title(tag: TagConfig, macro: Macro, as_of: date, found: list[tuple[Any, ...]]) -> str:
    more = f", {MOST_ROWS} of {len(found)} rows" if len(found) > MOST_ROWS else ""
    return f"{tag.name}: {described(macro, as_of)}{more}"


def _where(macro: Macro, config: TagsConfig, persons: Collection[int], as_of: date) -> str:
    begin, end = days_of(macro, as_of)
    parts = [f"person_id IN ({', '.join(map(str, persons)) or 'NULL'})", f"day <= DATE '{end}'"]
    if begin is not None:
        parts.append(f"day >= DATE '{begin}'")
    if macro.event != ANY_EVENT:
        parts.append(f"event = '{macro.event}'")
    if macro.filter:
        tree = sqlglot.parse_one(macro.filter, read="spark")
        parts.append(f"({_translated(tree, config).sql(dialect='duckdb')})")
    return " AND ".join(parts)


def _translated(tree: exp.Expr, config: TagsConfig) -> exp.Expr:
    """A filter of Spark's on the archive, with its dimensions taken out of the map."""
    return tree.transform(
        lambda node: _dimension(node.name, config) if isinstance(node, exp.Column) else node
    )


def _dimension(name: str, config: TagsConfig) -> exp.Expr:
    if name not in config.archive.names:
        return exp.column(name)
    return sqlglot.parse_one(f"dims['{name}']", read="duckdb")


def _profiles(lookup: Lookup, tag: TagConfig, persons: Collection[int]) -> Reason:
    where = f"person_id IN ({', '.join(map(str, persons))})"
    keys = [key for (key,) in lookup.find("identity.person", ("DISTINCT id_key",), where)]
    name = str(tag.attribute).replace("'", "''")
    columns = ("updated_ts::VARCHAR", "source", "record_id", f"attributes['{name}']")
    found = lookup.by_keys("core.profiles", columns, "id_key", keys)[::-1]
    said = [row for row in found if row[3] and (not tag.sources or row[1] in tag.sources)]
    title = f"{tag.name}: {tag.attribute}, {tag.prefer or 'newest'}"
    trust = f", by {', then '.join(tag.sources)}" if tag.sources else ""
    return Reason(title + trust, _shown(("updated", "source", "record", str(tag.attribute)), said))


def _result(
    lookup: Lookup, tag: TagConfig, macro: Macro, persons: Collection[int], as_of: date
) -> Reason:
    table = RESULT_TABLES[macro.name]
    key, name, columns = _RESULTS[macro.name]
    where = (
        f"{key} IN ({', '.join(map(str, persons)) or 'NULL'}) AND {columns[0]} <= DATE '{as_of}'"
    )
    where, given = (f"{where} AND {name} = ?", [macro.target]) if name else (where, [])
    found = lookup.find(table, columns, where, given)[::-1]
    asked = f"{macro.name}({macro.target or ''})"
    return Reason(f"{tag.name}: {asked}, by {table}", _shown(columns, found[:1]))


def _shown(columns: tuple[str, ...], found: list[tuple[Any, ...]]) -> Rows:
    return [dict(zip(columns, row, strict=True)) for row in found[:MOST_ROWS]]
