"""The registry of sections: a new one is a class and one line, and each says what it reads."""

from datetime import date
from importlib import import_module

import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from databank.reports import charts, registry
from databank.reports.build import Collected, collect, draw
from databank.reports.config import ReportConfig
from databank.reports.page import Panel, Section, render
from databank.reports.reader import Reader
from databank.reports.registry import SECTIONS, section_reference
from databank.reports.section import Notes, ReportSection
from databank.reports.sections.tags import Tags, TagsData
from databank.tables import TableSpec
from tests.unit.reports.bank import CONFIG, DAY, HandMade, bank_frames


class Campaigns(ReportSection[dict[str, int]]):
    """Clicks by campaign, as somebody might add it."""

    key = "campaigns"
    title = "Campaigns"
    tables = ("ads.click",)
    needs = ("ads.click",)
    filled_by = "ingest"

    def collect(self, reader: Reader) -> dict[str, int]:
        """Count clicks by campaign."""
        rows = reader.table("ads.click")
        counts = rows.groupBy("campaign").count().collect() if rows is not None else []
        return {row["campaign"]: row["count"] for row in counts}

    def totals(self, data: dict[str, int]) -> dict[str, int]:
        """Count all clicks."""
        return {"clicks": sum(data.values())}

    def draw(self, data: dict[str, int], notes: Notes) -> Section | None:
        """Draw a bar a campaign."""
        if not data:
            return None
        summary = f"{notes.totals['clicks']} clicks up to {notes.day} for {notes.config.title}."
        order = sorted(data, key=lambda name: -data[name])
        texts = [str(data[name]) for name in order]
        bars = charts.bars(order, [data[name] for name in order], texts)
        return self.section(summary, (Panel("Clicks by campaign", "All clicks.", bars),))


class Clicks(HandMade):
    """A bank whose only table is that of clicks."""

    def table(self, name: str) -> DataFrame | None:
        """A table as a frame."""
        if name == "ads.click" and self._rows:
            return self._spark.createDataFrame(self._rows[name])
        return super().table(name) if name != "ads.click" else self._absent(name)

    def _absent(self, name: str) -> None:
        self.missing.add(name)


def test_a_section_added_by_one_line_is_collected_and_drawn(
    spark_session: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "SECTIONS", [Campaigns()])
    clicks = {"ads.click": pd.DataFrame({"campaign": ["spring", "spring", "brand"]})}
    collected = collect(Clicks(spark_session, clicks))
    assert collected.data == {"campaigns": {"spring": 2, "brand": 1}}
    sections = draw(collected, CONFIG)
    page = render(CONFIG.title, DAY, "", sections)
    assert '<section id="campaigns">' in page
    assert "3 clicks up to 2026-03-31 for Acme retail." in page
    assert "spring: 2" in page
    assert section_reference() == [
        {"key": "campaigns", "title": "Campaigns", "tables": "ads.click"}
    ]
    # without its table it names the job that fills it
    [empty] = draw(collect(Clicks(spark_session, {})), CONFIG)
    assert empty.missing == ("ads.click is not published yet; the job ingest fills this section.")


def test_each_section_reads_the_tables_that_it_names_and_no_more(
    spark_session: SparkSession,
) -> None:
    rows = bank_frames(20, 7)
    for section in SECTIONS:
        reader = Recorder(spark_session, rows)
        section.collect(reader)
        assert reader.names == set(section.tables), section.key


class Recorder(HandMade):
    """Remembers the names of what is read."""

    def __init__(self, spark: SparkSession, rows: dict[str, pd.DataFrame]) -> None:
        super().__init__(spark, rows)
        self.names: set[str] = set()

    def table(self, name: str) -> DataFrame | None:
        """A table as a frame."""
        self.names.add(name)
        return super().table(name)

    def ledger(self, name: str) -> DataFrame | None:
        """What the runner would have written."""
        self.names.add(name)
        return super().ledger(name)


def test_keys_differ_and_the_reference_lists_all() -> None:
    keys = [section.key for section in SECTIONS]
    assert len(set(keys)) == len(keys)
    assert [row["key"] for row in section_reference()] == keys
    assert all(row["title"] and row["tables"] for row in section_reference())


def test_a_published_table_without_rows_gives_a_reason() -> None:
    assert Tags().draw(TagsData(), Notes(date(2026, 1, 31))) is None
    assert Tags().without_data(frozenset(), date(2026, 1, 31)).missing == (
        "tags.person_tag holds no rows up to 31 January 2026; the job build_tags fills it."
    )
    empty = Collected(DAY, {"tags": TagsData()}, {}, frozenset({"tags.person_tag"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "SECTIONS", [Tags()])
        [section] = draw(empty, CONFIG)
        # nobody asked for tags
        assert draw(empty, ReportConfig()) == []
    assert section.missing.startswith("tags.person_tag is not published yet; the job build_tags")
    assert not section.panels


def test_the_job_named_for_a_table_is_its_owner() -> None:
    packages = (
        "sources", "identity", "archive", "lifecycle", "tags", "models", "lookalike", "audiences",
        "indicators",
    )  # fmt: skip
    modules = [import_module(f"databank.{package}.tables") for package in packages]
    specs = (spec for module in modules for spec in vars(module).values())
    owners = {spec.name: spec.owner for spec in specs if isinstance(spec, TableSpec)}
    named = {name: section.filled_by for section in SECTIONS for name in section.needs}
    assert {name: owners[name] for name in named} == named
