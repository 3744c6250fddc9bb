"""Names across files: does what an expression or a list names exist?"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from databank.archive.config import ArchiveConfig
from databank.archive.refers import PERSONS
from databank.config import ConfigReader
from databank.errors import did_you_mean, faults_in, wrong_and_remedy
from databank.expressions import Macro, is_number, parse_expression
from databank.expressions.macros import ANY_EVENT
from databank.expressions.windows import refuse_hours
from databank.identity.config import IdentityConfig
from databank.identity.entities.config import PERSON
from databank.indicators.kinds import FunnelIndicator
from databank.project.graph import Node, expression_nodes
from databank.project.value_checks import OF_A_ROW

# columns of the archive that a filter may use beside the declared dimensions
_FILTER_COLUMNS = frozenset({"terminal", *OF_A_ROW})


def references_of(entry: Any, tags: Collection[str]) -> set[Node]:
    """What an entry refers to, by its lists of names and by its expressions.

    Args:
        entry: The entry.
        tags: Names of all tags; of a set each look-up takes the same time.
    """
    nodes = expression_nodes(entry.expressions, tags)
    nodes |= {Node("tag", name) for name in entry.references}
    nodes |= {Node("model", name) for name in entry.models}
    nodes |= {Node("audience", name) for name in entry.audiences}
    return nodes


def check_references(
    reader: ConfigReader,
    file: str,
    key: str,
    references: Iterable[Node],
    graph: Mapping[Node, Collection[Node]],
) -> None:
    """Note every reference that leads nowhere."""
    for node in sorted(node for node in references if node not in graph):
        known = [each.name for each in graph if each.kind == node.kind]
        reader.fault(file, key, f"unknown {node}", did_you_mean(node.name, known))


def check_half_read(reader: ConfigReader, tags: Collection[str]) -> None:
    """Note names that are no tags in expressions with faults, whose entries could not be read.

    Args:
        reader: What was read, and what was not.
        tags: Names of the tags that could be read.
    """
    known = {PERSONS, *tags, *_names_in(reader.refused)}
    for file, key, names in reader.half_read:
        over_tags = file.startswith(("tags/", "audiences/")) or file == "lifecycle.yml"
        # these are over columns of the archive, and over scores
        if over_tags and not key.endswith(".filter") and "segments" not in key:
            for name in sorted(names - known):
                reader.fault(file, key, f"unknown tag {name}", did_you_mean(name, known))


def _names_in(refused: Mapping[str, Any]) -> Iterator[str]:
    """List the names that the entries of files give their tags, whatever is wrong with these."""
    for content in refused.values():
        entries = content.get("tags") if isinstance(content, Mapping) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
                name, ranks = entry["name"], entry.get("k")
                yield name
                if isinstance(ranks, int):
                    yield from (f"{name}_{rank}" for rank in range(1, min(ranks, 20) + 1))


def entity_of(entry: Any) -> str:
    """Whose an entry is; only tags and audiences are of anybody but persons."""
    return getattr(entry, "entity", PERSON)


def status_of(entry: Any) -> str:
    """Whether an entry is a draft, active or retired; only tags say."""
    return getattr(entry, "status", "active")


def in_use(entry: Any) -> bool:
    """Whether it is ever built."""
    return status_of(entry) != "retired"


def check_status(
    reader: ConfigReader,
    file: str,
    key: str,
    node: Node,
    entry: Any,
    graph: Mapping[Node, Collection[Node]],
    retired: Collection[Node],
) -> None:
    """Note what others lean on although it is a draft or retired, with all who do."""
    status = status_of(entry)
    if status == "active":
        return
    users = [user for user in sorted(graph) if node in graph[user] and user not in retired]
    users = [user for user in users if not (status == "draft" and user.draft)]
    if users:
        names = ", ".join(map(str, users))
        remedy = "make it active" if status == "draft" else "take it out of these first"
        what = "a draft" if status == "draft" else "retired"
        reader.fault(file, key, f"tag {node.name!r} is {what}, and used by {names}", remedy)


def check_entity(
    reader: ConfigReader,
    file: str,
    key: str,
    entry: Any,
    references: Iterable[Node],
    owners: Mapping[Node, str],
    identity: IdentityConfig,
) -> None:
    """Note an entity that identity.yml does not have, and tags that are somebody else's.

    Args:
        reader: Where faults are noted.
        file: Of the entry.
        key: Of the entry.
        entry: What is checked.
        references: The nodes that it refers to.
        owners: Whose each node is.
        identity: The entities that there are.
    """
    entity, known = entity_of(entry), (PERSON, *identity.entities)
    if entity not in known:
        place = f"{key}.entity" if key.startswith("tags[") else "entity"
        reader.fault(file, place, f"unknown entity {entity!r}", did_you_mean(entity, known))
    for node in sorted(references):
        owner = owners.get(node, entity)
        if node.kind == "tag" and owner != entity:
            wrong = f"{node} is a {owner}'s, and this is a {entity}'s"
            reader.fault(
                file, key, wrong, f"make an audience of it and ask in_audience({node.name!r})"
            )


def check_windows(
    reader: ConfigReader, file: str, key: str, kind: str, entry: Any, archive: ArchiveConfig
) -> None:
    """Note windows that lie ahead or cannot be of hours, and filters for what is not kept apart."""
    for expression in entry.expressions:
        for macro in expression.macros:
            window = macro.window.text if macro.window else ""
            # only a model's label looks ahead, and the model checks that itself
            if window.startswith("next ") and kind != "model":
                wrong = f"{macro.name}() looks at {window!r}, after the run day"
                reader.fault(file, key, wrong, f"write {window.replace('next', 'last')!r}")
            _check_hours(reader, file, key, macro, archive)
            _check_filter(reader, file, key, macro, archive)
            _check_dimension(reader, file, key, macro, archive)


def check_steps(
    reader: ConfigReader, file: str, key: str, funnel: FunnelIndicator, archive: ArchiveConfig
) -> None:
    """Note funnels over sessions: these are in the archive, and not among the events."""
    for name in sorted(archive.synthetic_events.keys() & set(funnel.steps)):
        wrong = f"{name!r} is what archive.yml makes of sessions, and no step"
        reader.fault(file, f"{key}.steps", wrong, "begin with an event of the session")


def _check_hours(
    reader: ConfigReader, file: str, key: str, macro: Macro, archive: ArchiveConfig
) -> None:
    """Note windows of hours over what is made of sessions: it is in the archive alone."""
    if macro.window is None or macro.event not in archive.synthetic_events:
        return
    try:
        refuse_hours(macro.window, where=f"windows over {macro.event!r}, made of sessions,")
    except ValueError as error:
        wrong, remedy = wrong_and_remedy(error)
        reader.fault(file, key, wrong, f"{remedy}, or name an event of the sessions")


def _check_dimension(
    reader: ConfigReader, file: str, key: str, macro: Macro, archive: ArchiveConfig
) -> None:
    # the archive keeps it apart for every event
    declared = {"terminal", *_declared(macro, archive)}
    if macro.by is not None and macro.by not in declared:
        wrong = f"{macro.event!r} is told apart by {macro.by!r}, which the archive does not keep "
        remedy = f"{did_you_mean(macro.by, declared)} (declare it in archive.yml: {macro.event})"
        reader.fault(file, key, wrong + "apart", remedy)
    elif "number" in macro.spec.arguments and not _is_number(macro, archive):
        wrong = f"{macro.name}() of {macro.by!r}, which is a text"
        remedy = "declare it as a number in archive.yml: try_cast(... as double)"
        reader.fault(file, key, wrong, remedy)


def _is_number(macro: Macro, archive: ArchiveConfig) -> bool:
    named = [archive.dimensions.get(macro.event or "", {})]
    if macro.event == ANY_EVENT:
        named = list(archive.dimensions.values())
    texts = [dimensions[macro.by] for dimensions in named if macro.by in dimensions]
    return bool(texts) and all(is_number(text) for text in texts)


def _declared(macro: Macro, archive: ArchiveConfig) -> set[str]:
    """Dimensions that the archive keeps apart for the events of a macro."""
    return set(archive.names if macro.event == ANY_EVENT else archive.names_of(macro.event or ""))


def _check_filter(
    reader: ConfigReader, file: str, key: str, macro: Macro, archive: ArchiveConfig
) -> None:
    if macro.filter is None:
        return
    try:
        names = parse_expression(macro.filter).names
    except ValueError as error:
        for wrong, remedy in faults_in(error, of=f"filter of {macro.name}(): "):
            reader.fault(file, key, wrong, remedy)
        return
    known = _declared(macro, archive) | _FILTER_COLUMNS
    for name in sorted(names - known):
        wrong = f"filter of {macro.name}({macro.event!r}) uses {name!r}, which the archive does "
        remedy = f"{did_you_mean(name, known)} (declare it in archive.yml: {macro.event})"
        reader.fault(file, key, wrong + "not keep apart", remedy)
