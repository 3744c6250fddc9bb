"""What a tag is made of, in words: the tables it reads and the rows it looks at."""

from collections.abc import Iterator
from datetime import date

from databank.archive.tables import PERSON_DAY
from databank.expressions import Macro
from databank.expressions.macros import ANY_EVENT
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
    """A macro on events in words: what, of which event, filter and days."""
    begin, end = macro.days(as_of)
    event = "any event" if macro.event == ANY_EVENT else str(macro.event)
    by = f" by {macro.by}" if macro.by else ""
    kept = f" where {' '.join(macro.filter.split())}" if macro.filter else ""
    days = f"{begin} to {end}" if begin else f"up to {end}"
    return f"{macro.name} of {event}{by}{kept}, {days}"


def definition(tag: TagConfig) -> str:
    """What a tag says of other tags and macros."""
    if tag.kind == "percentile":
        return f"the {tag.share:.0%} with the highest {tag.of} of those above 0"
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
    for name in sorted(tag.references):
        yield "tags", name
    for macro in dict.fromkeys(m for each in tag.expressions for m in each.macros):
        if macro.reads_events:
            yield PERSON_DAY.name, described(macro, as_of)
        else:
            yield RESULT_TABLES[macro.name], macro.target or macro.name
