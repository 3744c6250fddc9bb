"""Names across files: does what an expression or a list names exist?"""

from collections.abc import Iterable, Mapping
from typing import Any

from databank.archive.config import ArchiveConfig
from databank.cli.graph import Graph, Node, expression_nodes
from databank.config import ConfigReader
from databank.errors import did_you_mean
from databank.expressions import Expression, Macro, parse_expression
from databank.expressions.macros import ANY_EVENT
from databank.tags.config import TagsFile

# columns of the archive that a filter may use beside the declared dimensions
_FILTER_COLUMNS = frozenset({"terminal", "n", "amount", "quantity", "event", "day"})


def references_of(kind: str, entry: Any, tag_files: Mapping[str, TagsFile]) -> set[Node]:
    """What an entry refers to, by its lists of names and by its expressions."""
    tags = {tag.name for each in tag_files.values() for tag in each.tags}
    found = expression_nodes(entry.expressions, tags)
    found |= {Node("tag", name) for name in entry.references}
    found |= {Node("model", name) for name in entry.models}
    found |= {Node("audience", name) for name in entry.audiences}
    return found


def check_references(
    reader: ConfigReader, file: str, key: str, references: Iterable[Node], graph: Graph
) -> None:
    """Note every reference that leads nowhere."""
    for node in sorted(set(references) - set(graph)):
        known = [other.name for other in graph if other.kind == node.kind]
        reader.fault(file, key, f"unknown {node}", did_you_mean(node.name, known))


def check_expressions(
    reader: ConfigReader, file: str, key: str, entry: Any, graph: Graph, archive: ArchiveConfig
) -> None:
    """Note every name in an expression that is no tag, and every filter that cannot hold."""
    tags = {node.name for node in graph if node.kind == "tag"}
    for expression in entry.expressions:
        own = {macro.column for macro in expression.macros}
        for name in sorted(expression.names - tags - own):
            # a tag that is named as a reference is reported as such
            if name not in entry.references:
                place = _short(expression)
                reader.fault(
                    file, key, f"unknown tag {name!r} in {place}", did_you_mean(name, tags)
                )
        for macro in expression.macros:
            _check_filter(reader, file, key, macro, archive)


def _check_filter(
    reader: ConfigReader, file: str, key: str, macro: Macro, archive: ArchiveConfig
) -> None:
    if macro.filter is None:
        return
    try:
        names = parse_expression(macro.filter).names
    except ValueError as error:
        wrong, _, remedy = str(error).partition("; ")
        reader.fault(file, key, f"filter of {macro.name}(): {wrong}", remedy)
        return
    events = archive.dimensions if macro.event == ANY_EVENT else {macro.event: {}}
    declared = {name for event in events for name in archive.dimensions.get(str(event), {})}
    known = declared | _FILTER_COLUMNS
    for name in sorted(names - known):
        reader.fault(
            file,
            key,
            f"filter of {macro.name}({macro.event!r}) uses {name!r}, which the archive does not "
            "keep apart",
            f"{did_you_mean(name, known)} (declare it under dimensions.{macro.event} of archive.yml)",
        )


def _short(expression: Expression) -> str:
    flat = " ".join(expression.text.split())
    return repr(flat if len(flat) <= 60 else flat[:57] + "...")
