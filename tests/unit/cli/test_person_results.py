"""`databank person`: what jobs found of a person, and the last days with events; without Spark."""

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from databank.archive.config import ArchiveConfig
from databank.cli.main import exit_code
from databank.tables.published_reader import PublishedReader
from databank.tags.explain import TagEvidence
from tests.support.published import publish_rows

DAY = date(2026, 1, 31)
BEFORE = DAY - timedelta(days=1)
TAGS = """
tags:
  - {name: churn_risk, kind: model, model: churn@champion, bands: {high: 0.7, medium: 0.4}}
  - {name: churn_score, kind: model, model: churn}
  - {name: value_band, kind: model, model: value, bands: {top: 0.9}}
"""
OF_DAYS = """
    2026-01-31 | view     | app |    3 |          |
    2026-01-31 | purchase | web |    1 |    20.50 |
    2026-01-31 | purchase | app |    1 | 1,000.25 |
    2026-01-31 | visit    |     |    9 |          | made
    2026-01-30 | visit    |     |    9 |          | made
    2026-01-29 | view     |     | 1200 |          |
    2026-01-02 | view     | web |    1 |          |
    2026-02-01 | view     | web |    1 |          |"""


def archive() -> list[dict[str, Any]]:
    rows = []
    for line in OF_DAYS.strip().splitlines():
        day, event, terminal, n, amount, made = (cell.strip() for cell in line.split("|"))
        rows.append(
            {
                "person_id": 1, "day": date.fromisoformat(day), "event": event,
                "terminal": terminal, "n": int(n), "synthetic": True if made else None,
                "amount": Decimal(amount.replace(",", "")) if amount else None,
            }
        )  # fmt: skip
    return [*rows, {"person_id": 2, "day": DAY, "event": "call", "terminal": "", "n": 7}]


def member(audience: str, person: int, day: date) -> dict[str, Any]:
    return {"audience": audience, "person_id": person, "day": day}


def rfm(person: int, day: date, segment: str, monetary: float | None) -> dict[str, Any]:
    scores = {"r": 5, "f": 2, "m": 3, "recency_days": 0, "frequency": 1}
    return {"person_id": person, "day": day, "segment": segment, "monetary": monetary, **scores}


def score(model: str, person: int, calibrated: float) -> dict[str, Any]:
    fixed = {"version": 12345, "as_of": BEFORE, "score": 0.9, "decile": 2}
    return {"model": model, "entity_id": person, "calibrated": calibrated, **fixed}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    names = [
        {"id_key": key, "id_type": "user_id", "scope": "", "id_value": f"u{key}"} for key in (1, 2)
    ]
    ranked = {"person_id": 1, "rank": 1234, "score": 0.25, "level": "near"}
    tables = {
        "identity.identifier": names,
        "identity.person": [{"id_key": key, "person_id": key} for key in (1, 2)],
        "identity.entity": [{"entity": "household", "person_id": 1, "entity_id": 70_001}],
        "lifecycle.stage": [
            {"person_id": 1, "day": BEFORE, "stage": "active"},
            {"person_id": 1, "day": DAY, "stage": "loyal"},
            {"person_id": 2, "day": BEFORE, "stage": "active"},
        ],
        "lifecycle.rfm": [
            rfm(1, BEFORE, "new", None), rfm(1, DAY, "champions", 1234.5), rfm(2, BEFORE, "new", 1),
        ],
        "models.score": [
            score("churn", 1, 0.5), score("churn", 2, 0.1), score("value", 1, 0.3),
            score("other", 1, 0.00001),
        ],
        "audiences.member": [
            member("buyers", 1, BEFORE), member("buyers", 1, DAY), member("leavers", 1, BEFORE),
            member("leavers", 2, DAY), member("emptied", 1, BEFORE), member("slow", 1, BEFORE),
        ],
        "audiences.entity_member": [
            {"audience": "homes", "entity": "household", "entity_id": 70_001, "day": DAY},
            {"audience": "homes", "entity": "account", "entity_id": 70_001, "day": DAY},
        ],
        "lookalike.member": [
            {"name": "like", "day": DAY, **ranked}, {"name": "like", "day": BEFORE, **ranked},
            {"name": "old", "day": BEFORE, **ranked},
            {"name": "old", "day": DAY, **ranked, "person_id": 2},
        ],
        "tags.person_tag": [
            {"person_id": 1, "tag": "spend", "value_double": 1234567.5, "as_of": DAY},
            {"person_id": 1, "tag": "visits", "value_double": 4321.0, "as_of": DAY},
            {"person_id": 1, "tag": "share", "value_double": 0.125, "as_of": DAY},
        ],
        "archive.person_day": archive(),
        # what is built and has nobody has no row in its table
        "ops.run": [
            {"job": "build_audiences", "nodes": ["emptied"], "day": DAY, "outcome": "done"},
            {"job": "build_audiences", "nodes": ["slow"], "day": DAY, "outcome": "refused"},
        ],
    }  # fmt: skip
    return publish_rows(tmp_path_factory.mktemp("results") / "bank", tables)


@pytest.fixture
def ask(root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    (tmp_path / "tags").mkdir()
    (tmp_path / "tags" / "tags.yml").write_text(TAGS)

    def run(*words: str) -> dict[str, Any]:
        where = ["--root", root, "--conf-dir", str(tmp_path), "--json"]
        assert exit_code(["person", "user_id", *words, *where]) == 0
        return {part["section"]: part["rows"] for part in json.loads(capsys.readouterr().out)}

    return run


def test_stage_and_rfm_are_those_of_the_last_build(ask: Any) -> None:
    known = ask("u1")
    assert known["stage"] == [{"stage": "loyal", "as of": str(DAY)}]
    assert known["rfm"] == [
        {
            "segment": "champions", "r": 5, "f": 2, "m": 3, "days since": 0, "frequency": 1,
            "monetary": 1234.5, "as of": str(DAY),
        }
    ]  # fmt: skip
    # who is in no stage any more is not shown the former one
    assert {"stage", "rfm"} & ask("u2").keys() == set()
    earlier = ask("u2", "--day", str(BEFORE))
    assert (earlier["stage"][0]["stage"], earlier["rfm"][0]["segment"]) == ("active", "new")


def test_scores_have_their_band_and_its_threshold(ask: Any) -> None:
    shown = ("model", "score", "tag", "band", "threshold")
    scores = [tuple(row[name] for name in shown) for row in ask("u1")["scores"]]
    assert scores == [
        ("churn", 0.5, "churn_risk", "medium", 0.4),
        ("churn", 0.5, "churn_score", None, None),
        ("other", 0.00001, None, None, None),
        ("value", 0.3, "value_band", None, 0.9),
    ]
    [below, _] = ask("u2")["scores"]
    assert (below["band"], below["threshold"], below["version"]) == (None, 0.4, 12345)


def test_audiences_and_lookalikes_are_those_of_their_last_build(ask: Any) -> None:
    known = ask("u1")
    listed = [(row["audience"], row["entity"], row["as of"]) for row in known["audiences"]]
    assert listed == [
        ("buyers", None, str(DAY)),
        ("slow", None, str(BEFORE)),
        ("homes", "household", str(DAY)),
    ]
    assert known["lookalikes"] == [
        {"lookalike": "like", "rank": 1234, "score": 0.25, "level": "near", "as of": str(DAY)}
    ]
    earlier = ask("u1", "--day", str(BEFORE))["audiences"]
    assert [row["audience"] for row in earlier] == ["buyers", "emptied", "leavers", "slow"]


def test_the_last_days_with_events(ask: Any) -> None:
    days = ask("u1", "--last", "3")["days"]
    assert [row["day"] for row in days] == ["2026-02-01", "2026-01-31", "2026-01-29"]
    assert days[1] == {
        "day": "2026-01-31", "events": 5, "what": "view 3, purchase 2", "amount": 1020.75,
        "terminals": "app, web",
    }  # fmt: skip
    assert (days[2]["what"], days[2]["amount"], days[2]["terminals"]) == ("view 1,200", None, None)
    earlier = ask("u1", "--day", "2026-01-30")["days"]
    assert [row["day"] for row in earlier] == ["2026-01-29", "2026-01-02"]
    assert "days" not in ask("u1", "--last", "0")


def test_people_read_amounts_with_two_decimals_and_thousands_apart(
    root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--root", root, "--conf-dir", str(tmp_path)]
    assert exit_code(["person", "user_id", "u1", *where]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    cells = {line[0]: line[1:] for line in lines if line}
    assert cells["spend"][0] == "1,234,567.50"
    assert cells["visits"][0] == "4,321"
    assert cells["share"][0] == "0.125"
    assert cells["champions"][-2] == "1,234.50"
    assert "1,020.75" in cells[str(DAY)]
    # what names something is no amount
    assert cells["household"][0] == "70001"
    assert "12345" in cells["other"]
    assert "1e-05" in cells["other"]


SPENT = {1: 29.0, 2: 7.0, 3: 0.0, 4: 100.5, 5: 12.25, 6: -4.0, 7: 12.25}
PERSONS = {40: 1, 41: 1, 42: 1, 50: 2, 51: 2, 60: 3, 70: 4, 71: 4, 72: 4, 73: 4}
CONF = Path(__file__).parents[3] / "conf"


def test_a_percentile_shows_its_threshold_and_a_score_its_bands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spent = [
        {"person_id": person, "tag": "spend_90d", "value_double": value, "as_of": DAY}
        for person, value in SPENT.items()
    ]
    risk = {"person_id": 1, "tag": "churn_risk", "value_string": "medium", "value_double": 0.5}
    tables = {
        "identity.person": [{"id_key": person, "person_id": person} for person in SPENT],
        "tags.person_tag": [*spent, {**risk, "as_of": DAY}],
        "models.score": [score("churn", 1, 0.5)],
    }
    where = ["--root", publish_rows(tmp_path, tables), "--conf-dir", str(CONF), "--json"]

    def reasons(tag: str) -> list[dict[str, Any]]:
        assert exit_code(["person", "person_id", "1", "--why-tag", tag, *where]) == 0
        parts = json.loads(capsys.readouterr().out)
        return [part for part in parts if part["section"] == "reason"]

    [ranked, *_] = reasons("top_spender")
    above = [value for value in SPENT.values() if value > 0]
    threshold = pytest.approx(float(np.percentile(above, 80)))
    assert ranked["rows"] == [{"tag": "spend_90d", "value": 29, "threshold": threshold}]
    bands, scored = reasons("churn_risk")
    assert bands["rows"] == [
        {"band": "high", "threshold": 0.7},
        {"band": "medium", "threshold": 0.4},
    ]
    assert [row["calibrated"] for row in scored["rows"]] == [0.5]


def test_a_percentile_of_the_size_of_households_has_a_threshold(tmp_path: Path) -> None:
    within = [
        {"entity": "household", "person_id": person, "entity_id": home}
        for person, home in PERSONS.items()
    ]
    within += [{"entity": "account", "person_id": 40, "entity_id": 4}]
    reader = PublishedReader(publish_rows(tmp_path, {"identity.entity": within}))
    evidence = TagEvidence(reader, {}, ArchiveConfig(), "UTC", "household", 2, DAY)
    size, threshold = evidence.threshold_of("persons", 0.25)
    assert size == 2
    assert threshold == pytest.approx(float(np.percentile([3, 2, 1, 4], 75)))
