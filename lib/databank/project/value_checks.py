"""Values across files: can what an expression compares ever be equal, does what it names exist?"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from databank.archive.config import SPARK_TYPES, ArchiveConfig
from databank.archive.refers import PERSONS
from databank.config import ConfigReader
from databank.errors import did_you_mean, wrong_and_remedy
from databank.expressions import Expression, Macro, is_number, parse_expression
from databank.expressions.macros import ANY_EVENT
from databank.expressions.run_day import RUN_DAY
from databank.expressions.types import KINDS, Kind, Known, type_faults
from databank.lifecycle.config import LifecycleConfig
from databank.sources.formats.base import SourceFormat
from databank.tags.base import TagBase

OF_A_ROW: Mapping[str, Kind] = {
    "n": "number", "amount": "number", "quantity": "number", "event": "text", "day": "date",
}  # fmt: skip


class KnownValues(NamedTuple):
    """What the configuration says of the values of columns.

    Attributes:
        tags: By name.
        stages: Of the life cycle; None = it has none.
        terminals: That events may be of; None = any.
    """

    tags: Mapping[str, Known]
    stages: frozenset[str] | None
    terminals: frozenset[str] | None


def known_values(
    tags: Iterable[TagBase], lifecycle: LifecycleConfig | None, sources: Iterable[SourceFormat]
) -> KnownValues:
    """Gather what is known of values."""
    stages = frozenset(each.name for each in lifecycle.stages) if lifecycle else None
    events = [each for each in sources if each.becomes == "events"]
    # where a field says it, it may be anything
    constant = bool(events) and not any("terminal" in each.columns for each in events)
    terminals = frozenset(each.terminal or "" for each in events) if constant else None
    named = {
        tag.name: Known(tag.name, KINDS[SPARK_TYPES[tag.type]], tag.possible_values) for tag in tags
    }
    return KnownValues({PERSONS: Known(PERSONS, "number"), **named}, stages, terminals)


def check_values(
    reader: ConfigReader,
    file: str,
    key: str,
    entry: Any,
    known: KnownValues,
    archive: ArchiveConfig,
) -> None:
    """Note comparisons of unlike types, values that there never are, and what is no condition."""
    conditions = getattr(entry, "conditions", ())
    for expression in entry.expressions:
        columns = _columns(expression, known)
        for fault in type_faults(
            expression.plain or expression.sql, columns, condition=expression in conditions
        ):
            reader.fault(file, key, *wrong_and_remedy(fault))
        for macro in expression.macros:
            for fault in _filter_faults(macro, known, archive):
                wrong, remedy = wrong_and_remedy(fault)
                reader.fault(file, key, f"filter of {macro.name}(): {wrong}", remedy)


def check_sources(
    reader: ConfigReader, file: str, key: str, entry: Any, sources: Iterable[SourceFormat]
) -> None:
    """Note sources that an entry names and that are not there, or have no profiles."""
    having = {each.source: each.becomes for each in sources}
    profiles = [name for name, becomes in having.items() if becomes == "profiles"]
    for name in getattr(entry, "sources", ()):
        if name not in having:
            reader.fault(file, key, f"unknown source {name!r}", did_you_mean(name, profiles))
        elif name not in profiles:
            wrong = f"source {name!r} has {having[name]}, and no profiles"
            reader.fault(file, key, wrong, did_you_mean(name, profiles))
    if getattr(entry, "attribute", None) is not None and not profiles:
        wrong = f"attribute {entry.attribute!r}: no source has profiles"
        reader.fault(file, key, wrong, "add a source that becomes profiles")


def _columns(expression: Expression, known: KnownValues) -> dict[str, Known]:
    columns = {name: known.tags[name] for name in expression.names if name in known.tags}
    for macro in expression.macros:
        of_stages = macro.spec.node == "lifecycle"
        shown = f"{macro.name}()" if of_stages else f"{macro.name}(...)"
        values = known.stages if of_stages else None
        columns[macro.column] = Known(shown, KINDS[macro.spec.type], values)
    return columns | {RUN_DAY: Known(":day", "date")}


def _filter_faults(macro: Macro, known: KnownValues, archive: ArchiveConfig) -> Iterable[str]:
    if macro.filter is None:
        return []
    try:
        parse_expression(macro.filter)
    except ValueError:
        return []  # said where its names are checked
    columns = {name: Known(name, kind) for name, kind in OF_A_ROW.items()}
    made = macro.event in archive.synthetic_events
    columns["terminal"] = Known("terminal", "text", None if made else known.terminals)
    columns |= {
        name: Known(name, _kind_of_dimension(name, macro, archive)) for name in archive.names
    }
    return type_faults(macro.filter, columns, condition=True)


def _kind_of_dimension(name: str, macro: Macro, archive: ArchiveConfig) -> Kind | None:
    """Tell that a dimension is a text; the archive keeps numbers as texts, which Spark casts."""
    events = archive.dimensions if macro.event == ANY_EVENT else [macro.event or ""]
    texts = [archive.dimensions.get(event, {}).get(name) for event in events]
    return None if any(text is not None and is_number(text) for text in texts) else "text"
