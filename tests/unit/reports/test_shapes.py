"""The report of banks unlike the demo's: each panel is true and drawn, against pandas."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest
from pyspark.sql import SparkSession

from databank.reports.build import collect, draw, lead_sentence
from databank.reports.config import IndicatorNote, NoteConfig, ReportConfig, RfmNote
from databank.reports.page import Panel, Section, render
from tests.unit.reports.bank import DAY, HandMade
from tests.unit.reports.frames import frame_of

pytestmark = pytest.mark.slow  # the first one warms up what all sections ask Spark

Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Shape:
    """Rows of the tables that a bank has, its configuration, and texts that its page shows."""

    rows: Rows
    config: ReportConfig = field(default_factory=ReportConfig)
    shows: Callable[[dict[str, pd.DataFrame]], tuple[str, ...]] = lambda _: ()
    hides: tuple[str, ...] = ()
    sections: tuple[str, ...] = ("assets", "oneid", "quality")


def event(n: int, day: date, *, person: int | None, source: str = "web") -> tuple[Any, ...]:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return (source, f"{source}-{n}", at, day, "read", source, person, None, None)


def cookies(persons: int) -> Rows:
    """Persons who are one cookie each, resolved for the first time."""
    people = range(1, persons + 1)
    return {
        "identity.identifier": [(p, "cookie", "", f"SECRET-{p}", None) for p in people],
        "identity.person": [(p, p, None, None) for p in people],
        "identity.changes": [(DAY, "new", p, None) for p in people],
        "identity.edges": [],
        "identity.rejected": [],
    }


def one_day() -> Shape:
    figures = [("visitors", 6.0), ("newcomers", 6.0)]
    readers = ("readers", DAY, "home", "", 4.0, 4, None)
    return Shape(
        {
            "raw.file": [("web", "web/1.json", 31, "ok")],
            "core.events": [event(n, DAY, person=n % 6 + 1) for n in range(30)],
            **cookies(6),
            "reports.indicator": [
                *((name, DAY, "", "", n, int(n), None) for name, n in figures),
                readers,
            ],
            "archive.visit": [(p, DAY, 1, 30.0, 5, 2, None, "direct") for p in range(1, 7)],
        },
        ReportConfig(
            sessions=True,
            indicators=(
                IndicatorNote(name="visitors", unit="persons"),
                IndicatorNote(name="newcomers", unit="persons", kind="new"),
                IndicatorNote(name="readers", unit="persons"),
            ),
        ),
        lambda rows: (
            f"{len(rows['core.events'])} events of 6 persons (each a single cookie) from 1 source.",
            "31 rows came from 1 source; none waits in quarantine.",
            "30 events on 31 March 2026.",
            "They were resolved for the first time on 31 March.",
            "Visitors: 6 persons on 31 March 2026.",
            "6 visits on 31 March 2026.",
            "No row waits in quarantine, and every event belongs to a person.",
        ),
        hides=(
            "new persons on",
            "Most comes from",
            "a day with events",
            "Identifiers per person",
            "What persons are",
        ),
        sections=("assets", "trends", "visits", "oneid", "quality"),
    )


def reading() -> Shape:
    """No purchases: recency, frequency and no money, of reading."""
    scored = [
        (p, DAY, 1 + p % 2, 1, None, "keen" if p % 2 else "lost", 7335 if p == 1 else p, p, None)
        for p in range(1, 8)
    ]
    return Shape(
        {
            "core.events": [event(n, DAY - timedelta(days=n), person=1) for n in range(9)],
            "lifecycle.rfm": scored,
        },
        ReportConfig(currency="CNY", rfm=RfmNote(event="read", counted="days")),
        lambda rows: (
            "7 persons have the event read up to 31 March 2026.",
            "Days with read",
            # the median of 3, 5, 7 and of a clock that was wrong by twenty years
            f"{keen_recency(rows['lifecycle.rfm']):.0f}</td>",
        ),
        hides=("bought", "urchase", "spent", "Money", "CNY", "2,300"),
        sections=("assets", "rfm", "oneid", "quality"),
    )


def keen_recency(scored: pd.DataFrame) -> float:
    return float(scored[scored["segment"] == "keen"]["recency_days"].median())


def a_hundred_sources() -> Shape:
    names = [f"system_{n:03}" for n in range(100)]
    return Shape(
        {
            "raw.file": [(name, f"{name}.csv", 3 + n, "ok") for n, name in enumerate(names)],
            "core.events": [
                event(n, DAY - timedelta(days=n % 3), person=None, source=name)
                for at, name in enumerate(names)
                for n in range(1 + at)
            ],
            "ops.quarantine": [(name, 1, "no_time", "SECRET", "SECRET") for name in names],
        },
        ReportConfig(),
        lambda rows: (
            f"{sum(range(3, 103)):,} rows came from 100 sources; 100 of them",
            f"{len(rows['core.events']):,} events from 29 March to 31 March 2026",
            "all others",
            "The most frequent fault is no time: 100 of 100 rows",
        ),
        sections=("assets", "oneid", "quality"),
    )


def clocks_of_2006() -> Shape:
    """Three events of a device whose clock was set back, before twenty days of others."""
    first, stray = DAY - timedelta(days=19), date(2006, 1, 1)
    days = [first + timedelta(days=n) for n in range(20)]
    stray_days = [stray + timedelta(days=n) for n in range(3)]
    return Shape(
        {
            "core.events": [event(n, day, person=1) for day in days for n in range(20)]
            + [event(900 + n, day, person=2) for n, day in enumerate(stray_days)],
            "reports.indicator": [("visitors", day, "", "", 1.0, 1, None) for day in days]
            + [("visitors", day, "", "", 0.0, 0, None) for day in pd.date_range(stray, first).date]
            + [("back", day, "", "day 1", 0.25, 1, 4) for day in days[:-1]]
            + [("back", day, "", "day 1", 1.0, 100, 100) for day in stray_days],
        },
        ReportConfig(indicators=(IndicatorNote(name="visitors"), IndicatorNote(name="back"))),
        lambda rows: (
            "3 events long before 12 March 2026, as of clocks that were wrong, are not drawn.",
            "Of all who began from 12 March to 30 March 2026, 25.0% on day 1 came back. "
            "The bank begins on 12 March 2026",
        ),
        hides=("2006-", "2006<"),
        sections=("assets", "trends", "oneid", "quality"),
    )


def long_ago() -> Shape:
    """The newest event is half a year older than the run day; clicks of a day and a half."""
    last = DAY - timedelta(days=180)
    return Shape(
        {
            "core.events": [event(n, last - timedelta(days=n % 2), person=1) for n in range(12)],
            "tags.person_tag": [(1, "keen", "true", None, None, DAY)],
        },
        ReportConfig(tags=(NoteConfig(name="keen"),)),
        lambda _: (
            "12 events from 1 October to 2 October 2025, 6 on a day with events.",
            "Nothing is newer than 2 October 2025.",
        ),
        sections=("assets", "tags", "oneid", "quality"),
    )


def nothing() -> Shape:
    return Shape(
        {},
        shows=lambda _: (
            "The bank holds no events and no persons yet.",
            "the job ingest fills this section",
        ),
        hides=("build_tags", "build_lifecycle", "train_model", "expand_lookalike"),
    )


SHAPES = (one_day, reading, a_hundred_sources, clocks_of_2006, long_ago, nothing)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_panel_of_an_unusual_bank_is_true_and_drawn(
    shape: Callable[[], Shape], spark_session: SparkSession
) -> None:
    bank = shape()
    frames = {name: frame_of(name, rows) for name, rows in bank.rows.items()}
    collected = collect(Quiet(spark_session, frames))
    sections = draw(collected, bank.config)
    page = render("Bank", DAY, lead_sentence(collected.totals), sections)
    own = re.sub(r"<script>.*?</script>|<style>.*?</style>", "", page, flags=re.S)
    for text in bank.shows(frames):
        assert text in own
    for heading in empty_columns(own):
        pytest.fail(f"a column of the page has nothing but its heading: {heading}")
    for text in (*bank.hides, "SECRET", "nan", "None", "e+0", " 0 of 0"):
        assert text not in own
    assert tuple(section.key for section in sections) == bank.sections
    for section in sections:
        assert section.missing or section.summary, section.key
        for panel in section.panels:
            check_panel(section, panel)


class Quiet(HandMade):
    """A bank of which no run is known."""

    def ledger(self, name: str) -> None:
        """No run, and nothing measured."""


def empty_columns(page: str) -> list[str]:
    """Headings of the page's tables above cells that are all empty."""
    empty = []
    for table in re.findall(r"<table>.*?</table>", page, re.S):
        head, *rows = [
            re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)
            for row in re.findall(r"<tr>.*?</tr>", table, re.S)
        ]
        empty += [name for n, name in enumerate(head) if not any(row[n] for row in rows)]
    return empty


def check_panel(section: Section, panel: Panel) -> None:
    where = f"{section.key}: {panel.title}"
    assert panel.summary, where
    if panel.grid is not None:
        assert panel.grid.rows, where
        assert len(panel.grid.head) <= 10, where
        assert {len(row) for row in panel.grid.rows} == {len(panel.grid.head)}, where
    if panel.figure is not None:
        assert go.Figure(panel.figure).data, where
        assert len(panel.figure["data"]) <= 8, where
        assert any(trace["type"] == "sankey" or trace["y"] for trace in panel.figure["data"]), where
        across = panel.figure["layout"].get("xaxis", {})
        if across.get("type") == "date":
            days = {x for trace in panel.figure["data"] for x in trace["x"]}
            # a single day is no line, and few days are named once each
            assert len(days) > 1, where
            assert len(days) > 8 or across["tickvals"] == sorted(days), where
    assert all(float(share) <= 100 for share in re.findall(r"([0-9.]+)%", panel.summary)), where
