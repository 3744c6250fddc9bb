"""Formats, charts and the page without Spark."""

from datetime import date

import plotly.graph_objects as go
import pytest

from databank.reports import charts, format as fmt
from databank.reports.config import ReportConfig
from databank.reports.page import Grid, Panel, Section, render
from databank.reports.section import Notes
from databank.reports.sections.lifecycle import (
    Flow,
    Lifecycle,
    LifecycleData,
    balance,
    flow_sentence,
)

FLOW = Flow(
    date(2025, 12, 31),
    date(2026, 1, 31),
    {("aware", "purchase"): 3412, ("loyalty", "aware"): 7, ("aware", "none"): 1000,
     ("interest", "gone"): 20, ("new", "aware"): 5, ("none", "none"): 90, ("aware", "aware"): 11},
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("logins_30d", "logins 30d"),
        ("an_audience_with_a_long_name_1", "an audience with…name 1"),
        ("an_audience_with_a_long_name_2", "an audience with…name 2"),
    ],
)
def test_long_names_keep_their_end(name: str, shown: str) -> None:
    assert fmt.label(name) == shown
    assert len(fmt.label(name)) <= 26


def test_numbers_have_separators_and_percentages_one_digit() -> None:
    assert (fmt.count(1234567), fmt.share(1, 8)) == ("1,234,567", "12.5%")
    assert fmt.share(1, 0) == "\u2013"
    assert [fmt.share(n, 10_000) for n in (0, 1, 9_999, 10_000)] == [
        "0.0%", "<0.1%", ">99.9%", "100.0%",
    ]  # fmt: skip


def test_the_year_is_told_where_it_differs() -> None:
    assert fmt.day(date(2025, 12, 31), beside=date(2026, 1, 31)) == "31 December 2025"
    assert fmt.day(date(2026, 1, 1), beside=date(2026, 1, 31)) == "1 January"


def test_persons_at_the_start_are_those_who_stayed_moved_or_left() -> None:
    sums = balance(FLOW, ReportConfig())
    start = sum(n for (a, _), n in FLOW.moves.items() if a not in ("new", "none"))
    assert sum(n for name, n in sums.items() if name != "came in") == start
    assert flow_sentence(FLOW, ReportConfig()) == (
        "3,412 persons moved up, 7 moved down, 1,020 dropped out and 5 came in "
        "since 31 December 2025."
    )


def test_stages_keep_their_order_in_the_flow() -> None:
    order = ["aware", "interest", "purchase", "none", "new"]
    moves = {("aware", "purchase"): 10, ("interest", "none"): 500, ("new", "aware"): 1}
    figure = charts.flows(moves, order, ("a", "b"))
    node = figure["data"][0]["node"]
    assert node["label"] == ["aware", "interest", "new", "aware", "purchase", "none"]
    assert node["y"][:3] == sorted(node["y"][:3])
    assert node["y"][3:] == sorted(node["y"][3:])
    assert go.Figure(figure).data


def test_the_flow_is_drawn_as_it_stands_in_the_figures() -> None:
    """Those without a stage on either day are in both; what nobody came to is in neither."""
    data = LifecycleData(None, {}, FLOW)
    section = Lifecycle().draw(data, Notes(date(2026, 1, 31)))
    assert section is not None
    panels = {panel.title: panel for panel in section.panels}
    drawn, figures = panels["Flow between stages"], panels["The same in figures"]
    assert drawn.figure is not None
    assert figures.grid is not None
    assert sum(drawn.figure["data"][0]["link"]["value"]) == sum(FLOW.moves.values())
    assert figures.grid.rows[-1][-1] == f"{sum(FLOW.moves.values()):,}"
    assert figures.grid.head[1:] == ("aware", "purchase", "none", "gone", "all")
    assert "90 persons had no stage on either day." in drawn.summary
    assert "new = not known by then, gone = not known any more." in figures.summary


def test_two_names_cut_to_the_same_text_keep_two_bars() -> None:
    figure = charts.bars(["a" * 60, "a" * 61], [1, 2], ["1", "2"])
    assert figure["data"][0]["y"] == [0, 1]


def test_a_name_cannot_break_out_of_the_page() -> None:
    evil = "</script><script>alert(1)</script>"
    panel = Panel(evil, evil, charts.bars([evil], [1], [evil]), Grid((evil,), ((evil,),)))
    page = render(evil, date(2026, 1, 1), evil, [Section("x", evil, evil, panels=(panel,))])
    assert "<script>alert" not in page


LINK = "<a href='https://evil'>x</a>"


def test_names_in_pictures_are_no_markup() -> None:
    drawn = (
        charts.bars([LINK, "b"], [1, 2], [LINK, "2"]),
        charts.stacked_days(["2026-01-31"], {LINK: [1]}),
        charts.columns([LINK, "b"], [1.0, 2.0], title=LINK),
    )
    for figure in drawn:
        text = str(figure)
        assert "<a" not in text
        assert "&lt;a" in text
