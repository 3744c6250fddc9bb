"""Trends: which indicators are shown, and what is said of them."""

from datetime import timedelta

import pandas as pd
import plotly.graph_objects as go
import pytest
from pyspark.sql import SparkSession

from databank.reports.config import IndicatorNote, ReportConfig
from databank.reports.page import Panel, Section, Tile
from databank.reports.reader import Period, period_of
from databank.reports.section import Notes
from databank.reports.sections.figures import Indicator
from databank.reports.sections.trends import Trends, TrendsData
from tests.unit.reports.bank import DAY, HandMade
from tests.unit.reports.frames import frame_of

CONFIG = ReportConfig(
    indicators=(
        IndicatorNote(name="visitors", unit="persons", description="Who came"),
        IndicatorNote(name="newcomers", unit="persons"),
        IndicatorNote(name="sales", unit="CNY"),
        IndicatorNote(name="clickers", unit="persons"),
        IndicatorNote(name="comes_back", ahead=7),
        IndicatorNote(name="buying", ahead=3),
    )
)


def rows() -> list[Indicator]:
    """Three weeks and a day, up to the run day."""
    indicators = []
    for ago in range(21, -1, -1):
        day = DAY - timedelta(days=ago)
        indicators += [
            Indicator("newcomers", day, "", "", 3.0, 3, None),
            Indicator("sales", day, "", "", 100.0 * ago, None, None),
            # a tenth more on the last day
            Indicator("visitors", day, "", "", 22.0 if ago == 0 else 20.0, 20, None),
            Indicator("clickers", day, "spring", "", 5.0, 5, None),
        ]
        if ago % 2:
            indicators.append(Indicator("clickers", day, "brand", "", 1.0, 1, None))
        for n, back in ((1, 6), (7, 3)):
            if ago >= n:
                indicators.append(
                    Indicator("comes_back", day, "", f"day {n}", back / 12, back + ago % 2, 12)
                )
        for step, persons in (("1 view", 10), ("2 buy", 4 if ago >= 3 else 0)):
            indicators.append(Indicator("buying", day, "", step, persons / 10, persons, 10))
    return indicators


def drawn(indicators: list[Indicator]) -> Section:
    section = Trends().draw(TrendsData(tuple(indicators)), Notes(DAY, CONFIG))
    assert section is not None
    return section


@pytest.fixture(scope="module")
def section() -> Section:
    return drawn(rows())


def panel(section: Section, title: str) -> Panel:
    return next(panel for panel in section.panels if panel.title == title)


def test_without_indicators_there_is_no_section() -> None:
    assert Trends().draw(TrendsData(), Notes(DAY)) is None
    assert not Trends().is_wanted(ReportConfig())
    assert Trends().is_wanted(CONFIG)
    assert Trends().draw(TrendsData(tuple(rows())), Notes(DAY)) is not None


def test_the_last_figures_are_told_in_the_order_of_the_configuration(section: Section) -> None:
    assert section.summary == (
        "Visitors: 22 persons on 31 March 2026, 10% above the mean of the 7 days before."
    )
    assert section.tiles == (
        Tile("visitors, persons", "22", "+10\u00a0% since 24 March"),
        Tile("newcomers, persons", "3", "0\u00a0% since 24 March"),
        Tile("sales, CNY", "0", "\u2212100\u00a0% since 24 March"),
    )


def test_figures_of_one_unit_share_a_picture(section: Section) -> None:
    titles = [panel.title for panel in section.panels]
    assert titles == [
        "Persons by day",
        "Sales, CNY",
        "Clickers",
        "Comes back",
        "Comes back by first week",
        "Buying",
    ]
    figure = panel(section, "Persons by day").figure
    assert figure is not None
    assert [trace["name"] for trace in figure["data"]] == ["visitors", "newcomers"]
    assert "Visitors: Who came." in panel(section, "Persons by day").summary


def test_a_figure_as_ever_is_at_its_mean() -> None:
    rows = [Indicator("sales", DAY - timedelta(days=n), "", "", 7.0, 7, None) for n in (1, 0)]
    assert drawn(rows[:1]).summary == "Sales: 7 CNY on 30 March 2026."
    assert drawn(rows).summary == "Sales: 7 CNY on 31 March 2026, at the mean of the 1 day before."


def test_every_picture_is_a_valid_figure(section: Section) -> None:
    pictures = [panel.figure for panel in section.panels if panel.figure]
    assert len(pictures) == 5
    assert all(go.Figure(picture).data for picture in pictures)


def test_a_value_without_a_row_is_a_zero(section: Section) -> None:
    figure = panel(section, "Clickers").figure
    assert figure is not None
    brand = next(trace for trace in figure["data"] if trace["name"] == "brand")
    assert brand["y"] == [1.0, 0] * 10 + [1.0, 0]


def test_retention_is_of_all_who_could_be_back(section: Section) -> None:
    table = pd.DataFrame([r.__dict__ for r in rows() if r.name == "comes_back"])
    sums = table.groupby("part")[["persons", "base"]].sum()
    shares = sums["persons"] / sums["base"]
    figure = panel(section, "Comes back").figure
    assert figure is not None
    assert figure["data"][0]["y"] == [shares["day 1"], shares["day 7"]]
    grid = panel(section, "Comes back by first week").grid
    assert grid is not None
    assert grid.head == ("Week from", "Persons", "Day 1", "Day 7")
    table["week"] = pd.to_datetime(table["day"]).dt.to_period("W").dt.start_time.dt.date
    weekly = table.groupby(["week", "part"])[["persons", "base"]].sum()
    monday = DAY - timedelta(days=DAY.weekday())
    expected = []
    for week in (monday - timedelta(days=7 * n) for n in range(4)):
        cells = [weekly.loc[(week, part)] if (week, part) in weekly.index else None
                 for part in ("day 1", "day 7")]  # fmt: skip
        if cells[0] is not None:
            shares = ("" if c is None else f"{c['persons'] / c['base']:.1%}" for c in cells)
            expected.append((str(cells[0]["base"]), *shares))
    assert [row[1:] for row in grid.rows] == expected
    assert expected[0][-1] == ""


def test_a_funnel_leaves_out_days_whose_time_has_not_passed(section: Section) -> None:
    buying = panel(section, "Buying")
    assert buying.figure is not None
    assert list(buying.figure["data"][0]["x"]) == [190, 76]
    assert buying.summary.startswith("40.0% of those who began from 10 March to 28 March 2026")


def test_retention_counts_all_who_began_once_the_bank_had_settled(
    spark_session: SparkSession,
) -> None:
    """Day 100 is told; old customers, new to the bank in its first days, are left out."""
    first = DAY - timedelta(days=199)
    days = [first + timedelta(days=n) for n in range(200)]
    # in the first fortnight nearly all come back, later fewer and fewer
    given = [
        ("comes_back", day, "", f"day {n}", 0.0, 90 if k < 14 else 40 - k // 10, 100)
        for k, day in enumerate(days)
        for n in (1, 100)
        if day + timedelta(days=n) <= DAY
    ]
    columns = ["indicator", "day", "dimension_value", "part", "value", "persons", "base"]
    table = pd.DataFrame(given, columns=columns, dtype=object)
    events = [
        ("web", f"e{n}", None, day, "read", "web", 1, None, None) for n, day in enumerate(days)
    ]
    bank = {"reports.indicator": table, "core.events": frame_of("core.events", events)}
    drawn_section = Trends().draw(
        Trends().collect(HandMade(spark_session, bank)), Notes(DAY, CONFIG)
    )
    assert drawn_section is not None
    figure = panel(drawn_section, "Comes back").figure
    assert figure is not None
    counted = table[table["day"] >= first + timedelta(days=14)]
    sums = counted.groupby("part")[["persons", "base"]].sum()
    assert figure["data"][0]["x"] == [1, 100]
    assert figure["data"][0]["y"] == pytest.approx(
        [sums.loc[f"day {n}", "persons"] / sums.loc[f"day {n}", "base"] for n in (1, 100)]
    )
    summary = panel(drawn_section, "Comes back").summary
    began, last = first + timedelta(days=14), DAY - timedelta(days=1)
    span = f"{began.day} {began:%B %Y} to {last.day} {last:%B %Y}"
    assert f"Of all who began from {span}," in summary
    assert "The first 14 days of the bank, from 13 September 2025 on, are left out" in summary
    table_panel = panel(drawn_section, "Comes back by first week")
    assert table_panel.grid is not None
    mondays = {day - timedelta(days=day.weekday()) for day in counted["day"]}
    assert len(table_panel.grid.rows) == 13
    assert f"The latest 13 of {len(mondays)} weeks; the curve counts all." in table_panel.summary


def test_where_the_data_start() -> None:
    days = [(DAY - timedelta(days=n), 10) for n in reversed(range(30))]
    assert period_of(days, DAY) == Period(days[0][0], DAY)
    assert period_of([], DAY) == Period(None, DAY)
    # three events of twenty years before are no start; a fifth of all events is one
    stray = [(DAY - timedelta(days=7000 + n), 1) for n in (2, 1, 0)]
    assert period_of([*stray, *days], DAY) == Period(days[0][0], DAY, 3)
    many = [(day, 30) for day, _ in stray]
    assert period_of([*many, *days], DAY) == Period(many[0][0], DAY)
    # a slow start is one, too
    slow = [(days[0][0] - timedelta(days=n), 1) for n in (20, 10)]
    assert period_of([*slow, *days], DAY) == Period(slow[0][0], DAY)


def test_a_line_that_would_be_flat_has_a_picture_of_its_own() -> None:
    week = [DAY - timedelta(days=n) for n in reversed(range(7))]
    figures = {"visitors": 2.0, "newcomers": 3.0, "sales": 1.0}
    rows = [Indicator(name, day, "", "", n, None, None) for name, n in figures.items()
            for day in week]  # fmt: skip
    rows += [Indicator("clickers", day, "", "", 500.0, None, None) for day in week]
    titles = [panel.title for panel in drawn(rows).panels]
    assert titles == [
        "Persons by day: visitors and newcomers", "Clickers, persons", "Sales, CNY",
    ]  # fmt: skip


def test_only_the_latest_days_and_the_largest_values_are_read(spark_session: SparkSession) -> None:
    columns = ["indicator", "day", "dimension_value", "part", "value", "persons", "base"]
    given = [
        ("old", DAY - timedelta(days=90), "", "", 1.0, 1, None),
        ("tomorrow", DAY + timedelta(days=1), "", "", 1.0, 1, None),
        *(("by", DAY, f"v{n}", "", float(n), n, None) for n in range(10)),
        ("back", DAY, "", "day 1", 0.5, 1, 2),
    ]
    table = pd.DataFrame(given, columns=columns, dtype=object)
    shown = Trends().collect(HandMade(spark_session, {"reports.indicator": table})).rows
    assert [(row.name, row.of) for row in shown] == [
        ("back", ""),
        *(("by", f"v{n}") for n in range(4, 10)),
    ]
    assert shown[0] == Indicator("back", DAY, "", "day 1", 0.5, 1, 2)
    assert Trends().collect(HandMade(spark_session, {})) == TrendsData()
