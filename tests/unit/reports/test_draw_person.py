"""A person of the bank drawn by one of its identifiers, from tables that no Spark has touched."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from databank.errors import DataBankError
from databank.identity.config import IdentityConfig, NamedIdentifier, Pair
from databank.reports.person_graph import draw_person

# late in the evening in UTC, the next day in China
AT = datetime(2026, 3, 30, 20, tzinfo=UTC)
CARD, USER = (
    NamedIdentifier(type="member_card", value="m1"),
    NamedIdentifier(type="user_id", value="u1"),
)
RULES = IdentityConfig(identifiers=("user_id", "member_card"), must_link=(Pair(a=CARD, b=USER),))
MANY = range(1000, 1401)

KNOWN = [
    (1, "user_id", "", "u1"),
    (2, "phone", "", "+8613812345678"),
    (3, "wechat_openid", "app1", "oAbc"),
    (4, "member_card", "", "m1"),
    (5, "cookie", "", "shared"),
    (6, "user_id", "", "u2"),
    (7, "phone", "", "+8613900000000"),
    (8, "phone", "", "+8613911111111"),
    *((key, "cookie", "", f"c{key}") for key in MANY),
]
HELD = [
    (1, 11, None, None),
    (2, 11, None, None),
    (3, 11, None, None),
    (4, 11, None, None),
    (6, 12, None, None),
    # its name is gone
    (9, 11, None, None),
    # given up, and nobody has it since
    (7, 11, None, date(2026, 2, 1)),
    *((key, 13, None, None) for key in MANY),
]
EVIDENCE = [(1, 2, 5), (1, 3, 1), (2, 5, 7), (2, 6, 2), (1, 7, 1), (2, 8, 1), (1, 9, 1)]
REJECTED = [
    (5, None, "limit", "cookie seen with 2 different user_id (limit 1)", date(2026, 3, 31)),
    (2, 6, "person", "would give a person 2 user_id (limit 1)", date(2026, 3, 31)),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bank")
    long_ago = datetime(2026, 1, 5, tzinfo=UTC)
    edges = [
        (a, b, "web", "event", long_ago, long_ago if b == 7 else AT, n, 1.0) for a, b, n in EVIDENCE
    ]
    tables: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
        "identity.identifier": ("id_key id_type scope id_value", KNOWN),
        "identity.person": ("id_key person_id valid_from valid_to", HELD),
        "identity.edges": ("a_key b_key source rule first_ts last_ts n score", edges),
        "identity.rejected": ("a_key b_key rule reason day", REJECTED),
        "identity.state": ("rules timezone", [(RULES.model_dump_json(), "Asia/Shanghai")]),
    }
    for name, (columns, rows) in tables.items():
        cells = dict(zip(columns.split(), zip(*rows, strict=True), strict=True))
        days = {
            column: pa.array(cells[column], pa.date32()) for column in cells if "valid" in column
        }
        write_deltalake(place / name.replace(".", "/"), pa.table(cells | days))
    published = {"table": list(tables), "version": [0] * len(tables), "seq": [1] * len(tables)}
    write_deltalake(place / "ops/publish", pa.table(published))
    return place


def _hovers(figure: go.Figure) -> list[str]:
    return [text for trace in figure.data for text in trace.hovertext or ()]


def test_a_person_is_drawn_with_what_was_rejected(root: Path) -> None:
    figure = draw_person(str(root), "phone", "138 1234 5678")
    assert figure.layout.title.text == "Person 11: 6 identifiers, 0 weak bridges, 2 rejected links"
    hovers = _hovers(figure)
    for text in (
        "<b>phone +8613812345678</b><br>1 link, 5 records<br>2 rejected links",
        "<b>wechat openid oAbc (app1)</b><br>1 link, 1 record",
        # no person's since, drawn for what it was
        "<b>phone +8613900000000</b><br>held until 2026-02-01<br>1 link, 1 record",
        "<b>unknown 9</b><br>1 link, 1 record",
        "<b>cookie shared</b><br>1 rejected link<br>cookie seen with 2 different user_id (limit 1)",
        "<b>user id u2</b><br>1 rejected link<br>would give a person 2 user_id (limit 1)",
    ):
        assert text in hovers
    assert not [text for text in hovers if "+8613911111111" in text]


def test_days_and_links_by_hand_are_those_of_the_last_run(root: Path) -> None:
    hovers = _hovers(draw_person(str(root), "member_card", "m1"))
    assert "user id u1 – member card m1<br>1 record of identity.yml, by hand" in hovers  # noqa: RUF001
    assert (
        "user id u1 – phone +8613812345678<br>5 records of web, by event"  # noqa: RUF001
        "<br>seen together last on 31 March 2026"
    ) in hovers


def test_a_scope_chooses(root: Path) -> None:
    figure = draw_person(str(root), "wechat_openid", "oAbc", scope="app1")
    assert figure.layout.title.text.startswith("Person 11")


@pytest.mark.parametrize(
    ("id_type", "value", "message"),
    [
        ("phone", "+8613812345679", "phone: the bank has not met this value; look how"),
        ("mac", "0", "mac: the bank has no identifier of this type; look how"),
        ("cookie", "shared", "no person today .excluded: cookie seen with 2 .*; draw one that"),
        ("phone", "+8613900000000", "no person today .person 11 held it until 2026-02-01.; draw"),
        (
            "phone",
            "+8613911111111",
            "phone: this identifier belongs to no person today; draw one that",
        ),
        ("cookie", "c1000", "person 13 has 401 identifiers, too many for a picture .limit 400.; "),
    ],
)
def test_whom_nobody_can_draw_is_told_in_one_line(
    root: Path, id_type: str, value: str, message: str
) -> None:
    with pytest.raises(DataBankError, match=message) as rejected:
        draw_person(str(root), id_type, value)
    assert "\n" not in str(rejected.value)
    assert value not in str(rejected.value).replace("excluded: cookie seen", "")
