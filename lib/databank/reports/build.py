"""The job publish_report: collect, draw, write one HTML file for the day."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from databank.reports.config import ReportConfig
from databank.reports.entities import collect_entities
from databank.reports.facts import Facts
from databank.reports.ground import collect_quality, collect_sources
from databank.reports.marketing import (
    collect_audiences,
    collect_lifecycle,
    collect_lookalikes,
    collect_models,
    collect_rfm,
    collect_tags,
)
from databank.reports.oneid import collect_clusters, collect_identity
from databank.reports.page import render
from databank.reports.reader import Reader
from databank.reports.sections import build_sections, lead_sentence
from databank.reports.trends import collect_trends
from databank.runs import Context, Job, StepResult

_COLLECTORS: tuple[Callable[[Reader], dict[str, Any]], ...] = (
    collect_sources,
    collect_trends,
    collect_identity,
    collect_clusters,
    collect_entities,
    collect_tags,
    collect_audiences,
    collect_lifecycle,
    collect_rfm,
    collect_models,
    collect_lookalikes,
    collect_quality,
)


def publish_report(context: Context, config: ReportConfig) -> StepResult:
    """Write `reports/databank-<day>.html` and `reports/latest.html` under the root.

    Reads what is published of the whole bank, by name; writes no table.
    """
    context.progress.step("collecting figures")
    facts = collect(Reader(context.store, context.day, context.settings.timezone))
    context.progress.step("writing the page")
    sections = build_sections(facts, config)
    page = render(config.title, context.day, lead_sentence(facts), sections)
    for path in files_of(context.day):
        context.store.files.write(path, page)
    empty = [section.title for section in sections if section.missing]
    summary: dict[str, int | float | str] = {
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


def collect(reader: Reader) -> Facts:
    """All figures of a report; the queries are many and small, so some run at a time."""
    with ThreadPoolExecutor(max_workers=4, thread_name_prefix="report") as pool:
        parts = list(pool.map(lambda collector: collector(reader), _COLLECTORS))
    totals: dict[str, int] = {}
    merged: dict[str, Any] = {}
    for part in parts:
        totals |= part.pop("totals", {})
        merged |= part
    return Facts(day=reader.day, missing=frozenset(reader.missing), totals=totals, **merged)


JOB = Job(name="publish_report", step=publish_report, tables=(), latest_only=False, files=files_of)
