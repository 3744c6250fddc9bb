"""The job publish_report: collect, draw, write one HTML file for the day."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

from databank.reports import format as fmt, registry
from databank.reports.config import ReportConfig
from databank.reports.page import Section, render
from databank.reports.reader import Reader
from databank.reports.section import Notes
from databank.reports.sections.identity import known_by_one
from databank.runs import Context, Job, StepResult, Summary


@dataclass(frozen=True)
class Collected:
    """What all sections read of the bank.

    Attributes:
        day: Run day.
        data: Data of each section by its key.
        totals: Counts that sections quote of each other.
        missing: Tables without a published version.
    """

    day: date
    data: Mapping[str, Any]
    totals: Mapping[str, int]
    missing: frozenset[str]


def publish_report(context: Context, config: ReportConfig) -> StepResult:
    """Write `reports/databank-<day>.html` and `reports/latest.html` under the root.

    Reads what is published of the whole bank, by name; writes no table.
    """
    context.progress.step("collecting figures")
    collected = collect(Reader(context.store, context.day, context.settings.timezone))
    context.progress.step("writing the page")
    sections = draw(collected, config)
    page = render(config.title, context.day, lead_sentence(collected.totals), sections)
    for path in files_of(context.day):
        context.store.files.write(path, page)
    empty = [section.title for section in sections if section.missing]
    summary: Summary = {
        "report": f"{context.store.root}/{files_of(context.day)[0]}",
        "sections": len(sections) - len(empty),
        "pictures": sum(panel.figure is not None for s in sections for panel in s.panels),
    }
    if empty:
        summary["nothing to show yet"] = ", ".join(empty)
    return StepResult(summary)


def files_of(day: date) -> tuple[str, ...]:
    """Where the report of a day lies under the root: by its day, and as the latest."""
    return f"reports/databank-{day}.html", "reports/latest.html"


def collect(reader: Reader) -> Collected:
    """Collect the data of all sections; the queries are many and small, so some run at a time."""
    with ThreadPoolExecutor(max_workers=4, thread_name_prefix="report") as pool:
        results = list(pool.map(lambda section: section.collect(reader), registry.SECTIONS))
    totals: dict[str, int] = {}
    for section, data in zip(registry.SECTIONS, results, strict=True):
        totals |= section.totals(data)
    by_key = {section.key: data for section, data in zip(registry.SECTIONS, results, strict=True)}
    return Collected(reader.day, by_key, totals, frozenset(reader.missing))


def draw(collected: Collected, config: ReportConfig) -> list[Section]:
    """Draw all sections in the order of the page.

    An empty one gives its reason, unless the configuration has nothing that would fill it.
    """
    notes = Notes(collected.day, config, collected.totals)
    drawn = []
    for section in registry.SECTIONS:
        part = section.draw(collected.data[section.key], notes)
        if part is None and section.is_wanted(config):
            part = section.without_data(collected.missing, collected.day)
        if part is not None:
            drawn.append(part)
    return drawn


def lead_sentence(totals: Mapping[str, int]) -> str:
    """Say what the bank holds, in one sentence under the heading."""
    events, persons = totals.get("events", 0), totals.get("persons", 0)
    if not events and not persons:
        return "The bank holds no events and no persons yet."
    text = f"{fmt.plural(events, 'event')} of {fmt.plural(persons, 'person')}"
    if not events:
        text = fmt.plural(persons, "person")
    alone = known_by_one(totals)
    if alone and persons:
        id_type, n = max(alone.items(), key=lambda item: item[1])
        text += f" ({'each' if n == persons else f'{fmt.count(n)} of them'}"
        text += f" a single {fmt.label(id_type)})"
    if totals.get("sources"):
        text += f" from {fmt.plural(totals['sources'], 'source')}"
    if totals.get("audiences"):
        text += f", {fmt.plural(totals['audiences'], 'audience')} ready for use"
    return text + "."


JOB = Job(
    name="publish_report",
    step=publish_report,
    tables=(),
    logic_version=1,
    latest_only=False,
    files=files_of,
)
