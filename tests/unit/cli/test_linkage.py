"""`databank linkage`: thresholds and borderline pairs, read from a published bank without Spark."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from databank.cli.main import exit_code
from tests.support.published import publish_rows

IDENTITY = """\
identifiers: [user_id, phone]
linkage:
  people:
    sources: [crm]
    compare: {name: name, born: date, town: exact}
    block_on: [[name]]
    em_blocks: [[name], [born]]
    deterministic_rules: [[name, born]]
"""
PROFILES = {
    "crm/1": {"name": "Anna Meier", "born": "1970-01-02", "town": "Bonn", "vip": "yes"},
    "crm/2": {"name": "MEIER, Anna", "born": "1970-01-20", "town": ""},
    "crm/3": {"name": "Anne Mayer", "born": "1970/01/02", "town": "Bonn"},
}
# name, a_key, b_key, score, joined_at, linked, a_record, b_record
PAIRS: list[tuple[Any, ...]] = [
    ("people", 1, 2, 0.91, 0.4, True, "crm/1", "crm/2"),
    ("people", 1, 3, 0.8, 0.25, False, "crm/1", "crm/3"),
    ("people", 2, 3, 0.6, 0.25, False, "crm/2", "crm/3"),
    # farther from the threshold than five others, on one side and on the other
    *(
        ("people", 10 * n, 10 * n + 1, 0.95, round(0.45 + n / 100, 2), True, "crm/8", "crm/9")
        for n in range(1, 7)
    ),
    *(
        ("people", 100 * n, 100 * n + 1, 0.7, round(0.2 - n / 100, 2), False, "crm/8", "crm/9")
        for n in range(1, 7)
    ),
    ("shops", 7, 8, 0.99, 0.99, True, "till/1", "till/2"),
]


def table_of(rows: list[tuple[Any, ...]], names: str) -> pa.Table:
    return pa.table([list(column) for column in zip(*rows, strict=True)], names=names.split())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bank")
    steps = [("people", 0.3, 5, 7, 0.88, True), ("people", 0.9, 9, 0, None, False)]
    steps += [("shops", 0.3, 1, 1, 0.99, True)]
    texts = pa.map_(pa.string(), pa.string())
    tables = {
        "identity.likely_pair": table_of(
            PAIRS, "name a_key b_key score joined_at linked a_record b_record"
        ),
        "identity.match_threshold": table_of(
            steps, "name threshold persons pairs expected_precision chosen"
        ),
        "identity.identifier": table_of(
            [(1, "user_id"), (2, "phone"), (3, "phone")], "id_key id_type"
        ),
        "core.profiles": table_of(
            [tuple(record.split("/")) for record in PROFILES], "source record_id"
        ).append_column(
            "attributes", pa.array([list(stated.items()) for stated in PROFILES.values()], texts)
        ),
    }
    for name, table in tables.items():
        write_deltalake(place / name.replace(".", "/"), table)
    count = len(tables)
    published = {"table": list(tables), "version": [0] * count, "seq": list(range(count))}
    write_deltalake(place / "ops/publish", pa.table(published))
    (place / "conf").mkdir()
    (place / "conf/identity.yml").write_text(IDENTITY, encoding="utf-8")
    return place


def shown(root: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    arguments = ["linkage", "--root", str(root), "--conf-dir", str(root / "conf"), *options]
    assert exit_code([*arguments, "--json"]) == 0
    sections: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return sections


def test_thresholds_and_the_pairs_beside_the_chosen_one(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    thresholds, linked, apart, *shops = shown(root, capsys)
    assert thresholds["title"] == "people: persons and pairs by match threshold"
    assert [list(row.values()) for row in thresholds["rows"]] == [
        [0.3, 5, 7, 0.88, "<- links"],
        [0.9, 9, 0, None, None],
    ]
    # the nearest first, and of the pairs that are joined at once the most likely
    assert [row["joined at"] for row in linked["rows"]] == [0.4, 0.46, 0.47, 0.48, 0.49]
    assert [row["joined at"] for row in apart["rows"]] == [0.25, 0.19, 0.18, 0.17, 0.16]
    assert linked["rows"][0] == {
        "joined at": 0.4,
        "probability": 0.91,
        "identifiers": "user_id - phone",
        "same": "name",
        "differs": "born",
        "unstated": "town",
    }
    assert apart["rows"][0]["probability"] == 0.8
    assert (apart["rows"][0]["same"], apart["rows"][0]["differs"]) == ("born, town", "name")
    # a rule that identity.yml has no longer: its thresholds, and nothing of what it compared
    assert [section["title"].partition(":")[0] for section in shops] == ["shops"] * 3
    assert shops[2]["title"].endswith(": none")


def test_values_are_shown_on_request_alone(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    closed = json.dumps(shown(root, capsys))
    for value in ("Anna", "1970", "Bonn", "crm/", "yes"):
        assert value not in closed
    _, linked, _ = shown(root, capsys, "people", "--show-values")
    assert linked["rows"][0] == {
        "joined at": 0.4,
        "probability": 0.91,
        "identifiers": "user_id - phone",
        "records": "crm/1 | crm/2",
        "name": "Anna Meier | MEIER, Anna",
        "born": "1970-01-02 | 1970-01-20",
        "town": "Bonn | ",
    }


def test_an_unknown_rule_and_a_bank_without_links_end_with_what_to_do(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = str(root / "conf")
    assert exit_code(["linkage", "peple", "--root", str(root), "--conf-dir", conf]) == 2
    assert "unknown rule 'peple'; did you mean 'people'?" in capsys.readouterr().err
    bare = publish_rows(tmp_path, {"identity.match_threshold": []})
    assert exit_code(["linkage", "--root", bare, "--conf-dir", conf]) == 2
    assert "run link_profiles" in capsys.readouterr().err


def test_it_never_imports_pyspark(root: Path) -> None:
    code = (
        "import sys; from databank.cli.main import exit_code; "
        f"exit_code(['linkage', '--root', {str(root)!r}, '--conf-dir', {str(root / 'conf')!r}]); "
        "sys.exit('pyspark' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
