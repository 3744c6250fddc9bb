"""Why a section has nothing to show, and which job mends that."""

from databank.reports import format as fmt
from databank.reports.facts import FILLED_BY, Facts


def why_missing(facts: Facts, *tables: str) -> str:
    """One sentence: the tables that are not published, or hold no rows up to the day."""
    absent = [name for name in tables if name in facts.missing]
    job = FILLED_BY[(absent or list(tables))[0]]
    if absent:
        verb = "is" if len(absent) == 1 else "are"
        return f"{fmt.listed(absent)} {verb} not published yet; the job {job} fills this section."
    verb = "holds" if len(tables) == 1 else "hold"
    until = fmt.day(facts.day)
    return f"{fmt.listed(list(tables))} {verb} no rows up to {until}; the job {job} fills it."
