"""`databank preview identity`: told, refused by a gate, and without a trace."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from databank.cli.main import exit_code
from databank.tables.outside import published_versions
from tests.support.bank import DAY
from tests.unit.identity.world import TYPES, World, group, pair

RULES: dict[str, Any] = {"limits": {"phone": {"user_id": 1}}}
NEXT = DAY + timedelta(days=1)
USUAL = [f"u{n} c{n}" for n in range(10, 40)]


@pytest.fixture
def conf(tmp_path: Path) -> Callable[..., str]:
    """Writes a configuration with some rules of identity.yml, and gives its folder."""

    def write(**rules: Any) -> str:
        folder = tmp_path / "conf"
        (folder / "sources").mkdir(parents=True, exist_ok=True)
        content = {"identifiers": list(TYPES.values()), **rules}
        (folder / "identity.yml").write_text(json.dumps(content))
        return str(folder)

    return write


@pytest.mark.nightly
@pytest.mark.usefixtures("affected_only")
def test_a_preview_tells_what_would_change_and_leaves_no_trace(
    spark_session: SparkSession,
    tmp_path: Path,
    conf: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    # p1 is set aside as two users', u1 and u2 have a cookie each
    world = World(
        spark_session, tmp_path / "bank", "u1 p1", "u1 c1", "u2 p1", "u2 c2", *USUAL, on_disk=True
    )
    world.resolve(**RULES, must_link=[pair("u10", "u11")])
    world.come(NEXT, "u3 c3", "u2 c2")
    root = world.bank.root
    published = published_versions(root)

    def preview(**rules: Any) -> tuple[int, dict[str, Any], str]:
        words = ["--date", str(NEXT), "--conf-dir", conf(**rules), "--root", root, "--json"]
        capsys.readouterr()
        code = exit_code(["preview", "identity", *words])
        captured = capsys.readouterr()
        assert published_versions(root) == published
        sections = {
            section["title"].partition(":")[0]: section for section in json.loads(captured.out)
        }
        return code, sections, captured.err

    # without the limit p1 makes u1 and u2 one; the pair told by hand is taken back
    code, sections, error = preview(gates={"moved": 0.01, "largest": 5})
    assert code == 3
    assert "gates.moved: 6.25 % of the identifiers (4 of 64)" in error
    persons = next(s["rows"][0] for t, s in sections.items() if t.startswith("persons on"))
    assert (persons["before"], persons["after"]) == (31, 32)
    assert [persons[name] for name in ("merged away", "split", "new", "retired")] == [1, 1, 1, 0]
    assert sections["gates"]["rows"] == [
        {"gate": "moved", "measured": 0.0625, "allowed": 0.01, "outcome": "refused"},
        {"gate": "largest", "measured": 5, "allowed": 5, "outcome": "passed"},
    ]
    ids = {word: person for person, word in _persons(world)}
    assert sections["the largest persons after it"]["rows"][0] == {
        "person": ids["u1"],
        "identifiers": 5,
        "identifiers before": 2,
        "made of persons": 2,
        "holds": "2 cookie, 2 user_id, 1 phone",
    }
    assert sections["excluded and rejected"]["rows"] == [
        {"what": "excluded identifiers", "rule": "limit", "before": 1, "after": 0}
    ]
    assert sections["merges to read"]["rows"] == [
        {
            "person": ids["u1"],
            "held": "1 cookie, 1 user_id",
            "takes in": ids["u2"],
            "which held": "1 cookie, 1 user_id",
            "link": "user_id - phone",
            "evidence": "web: 1 x event",
        }
    ]
    [split] = sections["splits to read"]["rows"]
    assert (split["person"], split["keeps"]) == (ids["u10"], "1 cookie, 1 user_id")
    assert (split["which holds"], split["refused"]) == ("1 cookie, 1 user_id", None)
    # no more than the new evidence touches is looked at, and no gate minds
    code, sections, _ = preview(**RULES, must_link=[pair("u10", "u11")], gates={"moved": 0.0})
    assert code == 0
    assert sections["gates"]["rows"][0]["outcome"] == "passed"
    # identifiers are personal data
    assert not set(json.dumps(sections).replace('"', " ").split()) & set(world.keys)
    assert not list(Path(root, "_scratch").glob("*"))
    assert world.persons() == group("u1 c1", "u2 c2", "u10 c10 u11 c11", *USUAL[2:])


def _persons(world: World) -> list[tuple[int, str]]:
    from databank.identity.tables import PERSON

    rows = world.bank.rows(PERSON, "person_id", "id_key")
    return [(person, world.word(key)) for person, key in rows]


@pytest.mark.parametrize(
    ("rules", "day", "message"),
    [
        ({"gates": {"moved": 3}}, str(DAY), "identity.yml: gates.moved: wrong value (given: 3)"),
        ({"gates": {"move": 0.1}}, str(DAY), "unknown key; did you mean 'moved'?"),
        ({}, "tomorrow", "--date: 'tomorrow' is not a day"),
        ({}, "2100-01-01", "lies in the future"),
        ({}, str(DAY), "no run has written there; create it by `databank run all"),
    ],
)
def test_what_cannot_be_previewed_says_why(
    tmp_path: Path,
    conf: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    rules: dict[str, Any],
    day: str,
    message: str,
) -> None:
    root = tmp_path / "bank"
    root.mkdir()
    words = ["--date", day, "--conf-dir", conf(**rules), "--root", str(root)]
    assert exit_code(["preview", "identity", *words]) == 2
    assert message in capsys.readouterr().err
    assert not list(root.iterdir())
