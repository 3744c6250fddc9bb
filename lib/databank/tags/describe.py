"""What a tag is made of, in words: the tables it reads and the rows it looks at."""

from collections.abc import Iterator
from datetime import date

from databank.archive.tables import PERSON_DAY
from databank.expressions import Macro
from databank.expressions.macros import ANY_EVENT
from databank.sources.tables import EVENTS
from databank.tags.config import TagConfig
from databank.tags.kinds import OF_PROFILES

# macro -> the table of results that answers it
RESULT_TABLES = {
    "in_audience": "audiences.member",
    "in_lookalike": "lookalike.member",
    "score": "models.score",
    "stage": "lifecycle.stage",
}
MADE_OF_TAGS = ("rule", "percentile", "lookup")


def described(macro: Macro, as_of: date) -> str:
    """A macro on events in words: what, of which event, filter and days or hours."""
    event = "any event" if macro.event == ANY_EVENT else str(macro.event)
    by = f" by {macro.by}" if macro.by else ""
    kept = f" where {' '.join(macro.filter.split())}" if macro.filter else ""
    return f"{macro.name} of {event}{by}{kept}, {_when(macro, as_of)}"


def _when(macro: Macro, as_of: date) -> str:
    if macro.hours is not None:
        return f"the {macro.hours} hour{'s' if macro.hours > 1 else ''} up to the end of {as_of}"
    begin, end = macro.days(as_of)
    return f"{begin} to {end}" if begin else f"up to {end}"


def definition(tag: TagConfig) -> str:
    """What a tag says of other tags and macros."""
    if tag.kind == "percentile":
        return f"the {tag.share:.0%} with the highest {tag.of} of those above 0"
    if tag.identifier is not None:
        return f"what {tag.table} says of who has the {tag.identifier}"
    if tag.kind == "lookup":
        return f"what {tag.table or 'a table'} of {len(tag.values)} values has for {tag.of}"
    return " ".join(str(tag.when).split())


def reads_of(tag: TagConfig, as_of: date) -> Iterator[tuple[str, str]]:
    """Table, and what of it, for all that a tag reads; what is equal in two tags is read once."""
    if tag.kind in OF_PROFILES:
        yield "core.profiles", f"{tag.attribute}, {tag.prefer or 'newest'}"
    if tag.statement is not None:
        for table in tag.statement.tables:
            yield table, f"select of {tag.name}"
    if tag.identifier is not None:
        yield str(tag.table), f"list by {tag.identifier}"
        yield "identity.person", f"who has the {tag.identifier}"
    for name in sorted(tag.references):
        yield "tags", name
    for macro in dict.fromkeys(m for each in tag.expressions for m in each.macros):
        if macro.reads_events:
            read = PERSON_DAY if macro.hours is None else EVENTS
            yield read.name, described(macro, as_of)
        else:
            yield RESULT_TABLES[macro.name], macro.target or macro.name
