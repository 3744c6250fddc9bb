"""The table of all tags: how many have each, since when, and who uses it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from pyspark.sql import DataFrame, SparkSession

from databank.reports.config import NoteConfig, ReportConfig
from databank.reports.format import bound, change
from databank.reports.page import Grid
from databank.reports.section import Notes
from databank.reports.sections.tags import TagCoverage, Tags, TagsData
from databank.session import small_frame
from databank.tables.ops import METRIC, RUN
from databank.tags.tables import ENTITY_TAG
from tests.unit.reports.bank import DAY, HandMade, bank_frames
from tests.unit.reports.frames import frame_of

BEFORE, LONG_AGO = DAY - timedelta(days=7), DAY - timedelta(days=14)
# run, day, hour; the day before was run twice
RUNS = [("a", LONG_AGO, 6), ("b", BEFORE, 6), ("c", BEFORE, 9), ("d", DAY, 6), ("e", DAY, 7)]
COVERAGE = [
    ("a", "gender", 11), ("b", "gender", 31), ("c", "gender", 32), ("d", "gender", 40),
    ("e", "big_home", 3), ("c", "big_home", 2), ("d", "logins_30d", 40),
    ("a", "spend_90d", 7), ("d", "spend_90d", 9),
]  # fmt: skip


class Measured(HandMade):
    """A bank by hand with households' tags and what five runs measured."""

    def table(self, name: str) -> DataFrame | None:
        """A table as a frame."""
        if name != ENTITY_TAG.name:
            return super().table(name)
        homes = [("household", home, "big_home", "true", None, None, DAY) for home in (1, 2, 3)]
        return small_frame(self._spark, homes, ENTITY_TAG.schema())

    def ledger(self, name: str) -> DataFrame | None:
        """What the runner would have written."""
        if name == RUN.name:
            rows = [
                (run, "build_tags", [], day, "done", None, "c", 1, {}, {}, {},
                 datetime(day.year, day.month, day.day, hour, tzinfo=UTC), 1.0)
                for run, day, hour in RUNS
            ]  # fmt: skip
            return small_frame(self._spark, rows, RUN.schema())
        days = {run: day for run, day, _ in RUNS}
        figures = [
            (run, "build_tags", days[run], "tag_coverage", {"tag": tag}, float(n))
            for run, tag, n in COVERAGE
        ]
        return small_frame(self._spark, figures, METRIC.schema())


def test_the_coverage_before_is_that_of_the_last_run_of_the_newest_earlier_day(
    spark_session: SparkSession,
) -> None:
    data = Tags().collect(Measured(spark_session, bank_frames(40, 7)))
    earlier = {tag.tag: tag.earlier for tag in (*data.tags, *data.entity_tags)}
    # logins_30d was first measured on the day itself, display_name never
    wanted = ("gender", "big_home", "logins_30d", "spend_90d", "display_name")
    assert [earlier[tag] for tag in wanted] == [32, 2, None, 7, None]
    [home] = data.entity_tags
    assert (home.tag, home.entity, home.persons) == ("big_home", "household", 3)
    assert {tag.entity for tag in data.tags} == {""}


def test_words_with_a_number_are_words_and_no_is_no_value(spark_session: SparkSession) -> None:
    """A `top` or a banded tag has a score beside its word; a yes/no attribute may be false."""
    rows = [(p, "main_channel", ("email", "direct")[p % 2], 1.0 + p, None, DAY) for p in range(12)]
    rows += [(p, "opted_out", "true" if p < 3 else "false", None, None, DAY) for p in range(12)]
    rows += [(p, "spend", None, 1e6 * p, None, DAY) for p in range(12)]
    data = Tags().collect(
        Measured(spark_session, {"tags.person_tag": frame_of("tags.person_tag", rows)})
    )
    tags = {tag.tag: tag for tag in data.tags}
    assert (tags["main_channel"].median, tags["main_channel"].persons) == (None, 12)
    assert (tags["opted_out"].persons, tags["opted_out"].denied) == (3, 9)
    assert tags["spend"].median is not None
    shown = [(tag, value, n) for tag, value, n in data.values if tag != "spend"]
    assert sorted(shown) == [("main_channel", "direct", 6), ("main_channel", "email", 6)]
    section = Tags().draw(data, Notes(DAY, ReportConfig(), {"persons": 20}))
    assert section is not None
    says = {panel.title: panel.summary for panel in section.panels}
    assert says["How main channel is distributed"].startswith("The most frequent value is ")
    assert says["How spend is distributed"].startswith("The largest class is ")
    grid = next(panel.grid for panel in section.panels if panel.title == "All tags")
    assert grid is not None
    assert {row[0]: row[3:] for row in grid.rows if row[0] in tags} == {
        "main_channel": ("60.0%", "", "2 values", ""),
        "opted_out": ("15.0%", "", "yes; 9 say no", ""),
        "spend": ("60.0%", "", "5,000,000", "1,000,000 \u2013 10,000,000"),
    }
    classes = [value for tag, value, _ in data.values if tag == "spend"]
    assert classes[-1] == "12,000,000+" or classes[-1].endswith(",000+")
    assert not [value for value in classes if "e+" in value]


@pytest.mark.parametrize(
    ("value", "text"),
    [(500_000, "500,000"), (1e6, "1,000,000"), (0.25, "0.25"), (0.1 + 0.2, "0.3"), (-5.0, "-5"),
     (1234.5, "1,234.5")],
)  # fmt: skip
def test_a_bound_is_written_in_digits(value: float, text: str) -> None:
    assert bound(value) == text


def table(*notes: NoteConfig) -> Grid:
    data = TagsData(
        tags=(
            TagCoverage("logins", 50, 0, 1.0, 4.0, 9.0, earlier=40),
            TagCoverage("keen", 10, 1, None, None, None),
        ),
        entity_tags=(TagCoverage("big_home", 5, 1, None, None, None, "household", earlier=8),),
    )
    totals = {"persons": 100, "entity household": 20}
    section = Tags().draw(data, Notes(date(2026, 3, 31), ReportConfig(tags=notes), totals))
    assert section is not None
    grid = next(panel.grid for panel in section.panels if panel.title == "All tags")
    assert grid is not None
    return grid


def test_all_tags_are_listed_with_their_change_and_their_users() -> None:
    users = ("keen", "winback", "churn", "vip", "alike")
    grid = table(
        NoteConfig(name="logins", description="Logins", unit="logins", used_by=users),
        NoteConfig(name="keen", used_by=("vip",)),
    )
    assert grid.head == (
        "Tag", "What it tells", "Used by", "Reach", "Change", "Median or values",
        "Range",
    )  # fmt: skip
    assert grid.text_columns == 3
    assert grid.rows == (
        ("logins", "Logins", "keen, winback, churn +2 more", "50.0%", "+25\u00a0%", "4 logins",
         "1 \u2013 9"),
        ("keen", "", "vip", "10.0%", "", "", ""),
        # of 20 households
        ("big_home (household)", "", "", "25.0%", "\u221238\u00a0%", "", ""),
    )  # fmt: skip


def test_owners_are_told_where_there_are_any() -> None:
    grid = table(NoteConfig(name="keen", owner="crm"))
    assert grid.head[2:4] == ("Owner", "Used by")
    assert [row[2] for row in grid.rows] == ["", "crm", ""]
    assert grid.text_columns == 4


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [(112, 100, "+12\u00a0%"), (97, 100, "\u22123\u00a0%"), (1000, 1001, "0\u00a0%"),
     (5, 0, ""), (5, None, "")],
)  # fmt: skip
def test_a_change_has_its_sign(now: float, before: float | None, text: str) -> None:
    assert change(now, before) == text
