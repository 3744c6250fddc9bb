"""The drawing of one person: what is drawn, where, and what it says."""

import random
import time
from datetime import date
from typing import Any

import networkx as nx
import plotly.graph_objects as go
import pytest

from databank.reports.person_graph.draw import MOST_BEYOND, draw_graph, find_weak_bridges
from databank.reports.person_graph.parts import Dot, Place, Rejected, Seen, Tie, tie_up

DAY = date(2026, 3, 31)
Figure = dict[str, Any]


def dot(key: int, id_type: str = "cookie", name: str = "", place: Place = "held") -> Dot:
    return Dot(key, id_type, name or str(key), place)


def tie(a: int, b: int, records: int = 1, rejected: str = "") -> Tie:
    return Tie(min(a, b), max(a, b), records, ("web",), ("event",), DAY, rejected)


def drawing(graph: nx.Graph) -> tuple[list[Dot], list[Tie]]:
    return [dot(key) for key in graph], [tie(*pair) for pair in graph.edges]


def named(figure: Figure, name: str) -> list[Figure]:
    return [trace for trace in figure["data"] if trace.get("name") == name]


def hovers(figure: Figure) -> list[str]:
    return [text for trace in figure["data"] for text in trace.get("hovertext", ())]


def test_a_pair_is_one_tie_with_all_its_records() -> None:
    seen = [
        Seen(1, 2, "web", "event", date(2026, 1, 1), 3),
        Seen(2, 1, "crm", "profile", date(2026, 2, 1), 1),
        Seen(2, 3, "identity.yml", "manual", None, 1),
        Seen(3, 3, "web", "event", DAY, 9),
    ]
    assert tie_up(seen, [], {1, 2, 3}) == [
        Tie(1, 2, 4, ("crm", "web"), ("event", "profile"), date(2026, 2, 1), ""),
        Tie(2, 3, 1, ("identity.yml",), ("manual",), None, ""),
    ]


def test_of_what_leads_out_of_a_person_only_the_refused_is_kept() -> None:
    seen = [Seen(key, 1, "web", "event", DAY, 1) for key in (2, 3, 8, 9)]
    rejected = [
        Rejected(1, 2, "by hand"),
        Rejected(7, 2, "two user_id"),
        Rejected(8, None, "shared"),
        Rejected(8, None, "blocked"),
        Rejected(6, 5, "strangers"),
    ]
    # 9 was seen with 1 while another had it
    assert {(t.a, t.b): (t.records, t.rejected) for t in tie_up(seen, rejected, {1, 2, 3})} == {
        (1, 2): (1, "by hand"),
        (1, 3): (1, ""),
        (1, 8): (1, "blocked; shared"),
        (2, 7): (0, "two user_id"),
    }


@pytest.mark.parametrize("seed", range(12))
def test_weak_bridges_are_the_bridges_that_networkx_finds_between_groups(seed: int) -> None:
    graph = nx.gnm_random_graph(14, 15, seed=seed)
    dots, ties = drawing(graph)
    expected = {}
    for a, b in nx.bridges(graph):
        left = nx.restricted_view(graph, [], [(a, b)])
        smaller = min(len(nx.node_connected_component(left, end)) for end in (a, b))
        if smaller > 1:
            expected[min(a, b), max(a, b)] = smaller
    assert find_weak_bridges(ties) == expected
    figure = draw_graph(dots, ties)
    red = [x for trace in named(figure, "weak bridge") for x in trace["x"] if x is not None]
    assert len(red) == 2 * len(expected)
    captions = [text for text in hovers(figure) if "weak bridge: " in text]
    assert len(captions) == len(expected)


def test_a_refused_link_is_dashed_and_makes_no_weak_bridge_less_of_one() -> None:
    dots = [dot(key) for key in range(1, 5)]
    ties = [tie(1, 2), tie(2, 3), tie(3, 4), tie(1, 4, rejected="two <user_id>")]
    figure = draw_graph(dots, ties)
    assert find_weak_bridges(ties) == {(2, 3): 2}
    (dashed,) = named(figure, "rejected")
    assert dashed["line"]["dash"] == "dash"
    assert any("rejected: two &lt;user_id&gt;" in text for text in hovers(figure))


@pytest.mark.parametrize("size", [1, 2, 9, 40, 120])
def test_the_order_of_the_rows_plays_no_part(size: int) -> None:
    # some hang together by nothing
    graph = nx.gnm_random_graph(size, size, seed=3)
    graph = nx.relabel_nodes(graph, {key: key * 7919 % 10007 - 5000 for key in graph})
    dots, ties = drawing(graph)
    figure = draw_graph(dots, ties)
    for seed in range(3):
        random.Random(seed).shuffle(dots)
        random.Random(seed).shuffle(ties)
        assert draw_graph(dots, ties) == figure


def test_what_hangs_together_by_nothing_is_not_drawn_over_each_other() -> None:
    graph = nx.disjoint_union_all([nx.cycle_graph(5), nx.path_graph(2), nx.path_graph(2)])
    (marks,) = named(draw_graph(*drawing(graph)), "cookie")
    places = sorted(zip(marks["x"], marks["y"], strict=True))
    assert len({(round(x, 1), round(y, 1)) for x, y in places}) == 9
    ranges = [[marks["x"][key] for key in part] for part in (range(5), (5, 6), (7, 8))]
    assert max(ranges[0]) < min(ranges[1])
    assert max(ranges[1]) < min(ranges[2])


def test_names_are_shown_as_they_are() -> None:
    evil = "<b>x</b>&<a href='javascript:1'>"
    figure = draw_graph([dot(1, evil, evil), dot(2)], [tie(1, 2)])
    shown = [text for trace in figure["data"] for text in trace.get("text", ())]
    legend = [trace["name"] for trace in figure["data"] if "name" in trace]
    for text in (*hovers(figure), *shown, *legend):
        assert "<b>x" not in text
        assert "<a" not in text
    assert any("&lt;b&gt;x&lt;/b&gt;&amp;" in text for text in hovers(figure))


def test_pointing_tells_type_name_days_and_counts() -> None:
    ties = [
        Tie(1, 2, 12, ("crm", "web"), ("event", "profile"), DAY, ""),
        Tie(1, 3, 0, (), (), None, "cookie seen with 9 different user_id (limit 1)"),
    ]
    phone = Dot(1, "phone", "+8613800000000", "former", "held until 2026-02-01")
    figure = draw_graph([phone, dot(2), dot(3, place="beyond")], ties)
    assert hovers(figure) == [
        "phone +8613800000000 – cookie 2<br>12 records of crm, web, by event, by profile"  # noqa: RUF001
        "<br>seen together last on 31 March 2026",
        "phone +8613800000000 – cookie 3"  # noqa: RUF001
        "<br>rejected: cookie seen with 9 different user_id (limit 1)",
        "<b>cookie 2</b><br>1 link, 12 records",
        "<b>phone +8613800000000</b><br>held until 2026-02-01<br>1 link, 12 records"
        "<br>1 rejected link",
        "<b>cookie 3</b><br>1 rejected link<br>cookie seen with 9 different user_id (limit 1)",
    ]
    (marks,) = named(figure, "phone")
    assert marks["marker"]["symbol"] == ["circle-open"]
    assert marks["text"] == ["phone<br>+8613800000000"]


def test_of_a_long_name_beginning_and_end_stand_beside_the_dot() -> None:
    (marks,) = named(draw_graph([dot(1, "idfa", "79B5AD5D-23DC-45EA-A791")], []), "idfa")
    assert marks["text"] == ["idfa<br>79B5AD…A-A791"]


def test_more_records_make_a_wider_line() -> None:
    ties = [tie(1, 2, 1), tie(2, 3, 5), tie(1, 3, 500)]
    widths = [
        t["line"]["width"] for t in named(draw_graph(map(dot, (1, 2, 3)), ties), "seen together")
    ]
    assert widths == sorted(set(widths), reverse=True)
    assert len(widths) == 3


def test_one_identifier_alone_is_a_drawing() -> None:
    figure = draw_graph([dot(1)], [])
    assert go.Figure(figure).data
    assert named(figure, "cookie")[0]["text"] == ["cookie 1"]


def test_more_types_than_colours_differ_in_shape() -> None:
    figure = draw_graph([dot(key, f"type_{key:02}") for key in range(20)], [])
    marks = [trace["marker"] for trace in figure["data"] if trace.get("name")]
    assert len({(mark["color"], *mark["symbol"]) for mark in marks}) == 20


def test_of_many_strangers_those_with_most_records_are_drawn_and_the_rest_counted() -> None:
    strangers = range(100, 100 + 2 * MOST_BEYOND)
    dots = [dot(1), *(dot(key, place="beyond") for key in strangers)]
    figure = draw_graph(dots, [tie(1, key, key, "shared") for key in strangers])
    (marks,) = named(figure, f"not this person's ({MOST_BEYOND} of {2 * MOST_BEYOND})")
    captions = {text.split("<br>")[0] for text in marks["hovertext"]}
    assert captions == {f"<b>cookie {key}</b>" for key in strangers[MOST_BEYOND:]}


def test_three_hundred_identifiers_are_drawn_soon_and_without_names() -> None:
    dots, ties = drawing(nx.barabasi_albert_graph(300, 2, seed=5))
    draw_graph(dots[:2], [])  # what is imported late is not the drawing's
    begun = time.process_time()
    figure = draw_graph(dots, ties)
    assert time.process_time() - begun < 2
    assert go.Figure(figure).data
    (marks,) = named(figure, "cookie")
    assert "text" not in marks
    assert len(set(zip(marks["x"], marks["y"], strict=True))) == 300
