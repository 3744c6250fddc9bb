"""What data says does nothing to the terminal of the person who reads it."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from databank.cli.main import exit_code
from tests.support.published import publish_rows
from tests.unit.test_terminal import is_harmless

# clears the screen, sets the title, forges a line, turns the writing round, is no sign at all
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\r\nerror: forged \u202egnp.exe\u2066 \x9b31m \x7f [red]x[/red] \u200b"
)
LONG = "x" * 100_000
DAY = date(2026, 1, 31)
AT = datetime(2026, 1, 31, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    evil = HOSTILE + LONG
    event = {"source": evil, "event_id": evil, "event_ts": AT, "day": DAY, "event": evil,
             "terminal": evil, "page": evil, "id_key": 1, "ids": [1], "item_id": evil}  # fmt: skip
    run = {"run_id": evil, "job": "ingest", "nodes": [evil], "day": DAY, "outcome": evil,
           "message": evil, "rows": {}, "started": AT, "seconds": 1.0}  # fmt: skip
    edge = {"a_key": 1, "b_key": 2, "source": evil, "rule": evil, "n": 1,
            "first_ts": AT, "last_ts": AT}  # fmt: skip
    rejected = {"a_key": 3, "rule": evil, "reason": evil, "day": DAY}
    quarantined = {"source": evil, "file": evil, "line": 1, "rule": evil, "reason": evil,
                   "raw": evil}  # fmt: skip
    tables = {
        "core.events": [event],
        "identity.identifier": [
            {"id_key": 1, "id_type": "user_id", "scope": "", "id_value": "u1"},
            {"id_key": 2, "id_type": "cookie", "scope": evil, "id_value": evil},
            {"id_key": 3, "id_type": "cookie", "scope": "", "id_value": "c3"},
        ],
        "identity.person": [{"id_key": key, "person_id": 1} for key in (1, 2)],
        "identity.edges": [edge],
        "identity.changes": [{"day": DAY, "kind": evil, "person_id": 1, "cause": evil}],
        "identity.rejected": [rejected],
        "lifecycle.stage": [{"person_id": 1, "day": DAY, "stage": evil}],
        "audiences.member": [{"audience": evil, "day": DAY, "person_id": 1}],
        "tags.person_tag": [{"person_id": 1, "tag": evil, "value_string": evil, "as_of": DAY}],
        "archive.person_day": [
            {"person_id": 1, "day": DAY, "terminal": evil, "event": evil, "n": 1}
        ],
        "ops.run": [run],
        "ops.quarantine": [quarantined],
    }
    return publish_rows(tmp_path_factory.mktemp("hostile") / "bank", tables)


LINES = [
    ["runs"],
    ["quarantine"],
    ["quarantine", "--show-values"],
    ["person", "user_id", "u1"],
    ["person", "user_id", "u1", "--day", str(DAY)],
    ["person", "cookie", "c3"],
    ["person", "cookie", "c3", "--why", "user_id:u1"],
    ["person", "person_id", "1"],
]


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_tables_show_signs_that_act_as_escapes(
    line: list[str], root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--root", root, "--conf-dir", str(tmp_path)]
    assert exit_code([*line, *where] if line[0] == "person" else [*line, *where[:2]]) == 0
    shown = capsys.readouterr().out
    assert is_harmless(shown.replace("\n", ""))
    # what a cell holds is folded at its width
    assert r"\x1b[2J" in re.sub(r"\s", "", shown)
    assert not any(each.startswith("error: forged") for each in shown.splitlines())
    assert len(shown) < 60_000


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_json_says_all_and_does_nothing(
    line: list[str], root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--root", root, "--conf-dir", str(tmp_path), "--json"]
    given = where if line[0] == "person" else [*where[:2], "--json"]
    assert exit_code([*line, *given]) == 0
    text = capsys.readouterr().out
    assert is_harmless(text.replace("\n", ""))
    assert any(HOSTILE in value for value in texts(json.loads(text)))


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize(
    "line",
    [
        [HOSTILE],
        ["run", HOSTILE, "--date", "2026-01-01"],
        ["run", "all", "--date", HOSTILE],
        ["run", "all", "--date", "2026-01-01", "--only", HOSTILE],
        ["run", "all", f"--{HOSTILE}"],
        ["validate", "--conf-dir", HOSTILE],
        ["runs", "--root", HOSTILE],
        ["runs", "--root", LONG],
        ["tables", HOSTILE + LONG],
        ["tags", HOSTILE],
        ["docs", HOSTILE],
        ["person", HOSTILE, "1"],
        ["preview", HOSTILE, "--date", "2026-01-01"],
        ["quarantine", "replay", "--source", HOSTILE],
    ],
    ids=lambda line: " ".join(line)[:20],
)
def test_errors_are_one_harmless_line(
    line: list[str], root: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if line[0] in ("person", "quarantine"):
        line = [*line, "--root", root]
    assert exit_code(line) == 2
    captured = capsys.readouterr()
    [error] = captured.err.splitlines()
    assert error.startswith("error: ")
    assert is_harmless(error)
    assert len(error) < 2200
    assert captured.out == ""


def test_faults_of_a_configuration_are_harmless_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = json.dumps(HOSTILE)
    (tmp_path / "databank.yml").write_text(f"{key}: 1\ntimezone: {key}\nname: [{key}]\n")
    (tmp_path / "identity.yml").write_text("identifiers: [phone]")
    assert exit_code(["validate", "--conf-dir", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 2
    assert all(line.startswith("error: ") and is_harmless(line) for line in lines)
    assert exit_code(["validate", "--conf-dir", str(tmp_path), "--json"]) == 2
    text = capsys.readouterr().out
    assert is_harmless(text.replace("\n", ""))
    verdict = json.loads(text)
    assert not verdict["valid"]
    # a configuration without sources is none
    assert {fault["file"] for fault in verdict["faults"]} == {"databank.yml", "sources"}
    assert {tuple(fault) for fault in verdict["faults"]} == {("file", "place", "message", "remedy")}
    assert any(HOSTILE in fault["place"] for fault in verdict["faults"])
