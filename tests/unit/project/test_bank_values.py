"""What a bank has never had is warned of, without Spark; the bank is written by another writer."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from databank.cli.main import exit_code
from databank.project.bank_values import bank_warnings
from databank.project.load import load_project

FILES = {
    "databank.yml": "name: shop\n",
    "identity.yml": "identifiers: [user_id]\n",
    "archive.yml": "dimensions:\n  read: {category: \"props['category']\"}\n  raed: {x: page}\n",
    "sources/web.yml": """
source: web
format: json
path: landing/*.json
becomes: events
columns: {event_id: id, event_ts: ts, event: name, terminal: device}
identifiers: {user_id: user}
""",
    "sources/crm.yml": """
source: crm
format: json
path: landing/crm.json
becomes: profiles
columns: {record_id: id, city: town}
identifiers: {user_id: user}
""",
    "tags/a.yml": """
tags:
  - {name: buys, kind: measure, event: purchas, measure: count}
  - {name: reads, kind: measure, event: read, measure: count, filter: "category = 'sprot'"}
  - {name: in_app, kind: measure, event: '*', measure: count, filter: "terminal = 'ap'"}
  - {name: likes, kind: preference, event: read, by: category, value: sprot}
  - {name: city, kind: attribute, attribute: citty}
  - {name: right, kind: rule, when: "events('read', 'ever', \\"category = 'sport'\\") > city_n"}
  - {name: city_n, kind: measure, event: 'Order Completed', measure: count}
  - {name: town, kind: attribute, attribute: city}
""",
    "audiences/a.yml": "audience: a\nwhere: events('it''s', 'last 2 hours') > 1\n",
    "indicators/i.yml": """
indicators:
  - {name: came, kind: retention, event: read, back: logn, on: [1]}
  - {name: bought, kind: funnel, steps: [read, Order Complete], within: 1 day}
""",
    "lifecycle.yml": """
stages: [{name: new_one, when: events('read') > 0}]
rfm: {event: Order Completed, also_money: [refund], cuts: {r: [7], f: [2], m: [10]}}
""",
}
WARNED = [
    "archive.yml: no event 'raed' so far; did you mean 'read'?",
    'audience a: no event "it\'s" so far; known: login, purchase, Order Completed, read',
    "indicator bought: no event 'Order Complete' so far; did you mean 'Order Completed'?",
    "indicator came: no event 'logn' so far; did you mean 'login'?",
    "lifecycle.yml: no event 'refund' so far; did you mean 'read'?",
    "tag buys: no event 'purchas' so far; did you mean 'purchase'?",
    "tag city: no profile has 'citty' so far; did you mean 'city'?",
    "tag in_app: filter of events('*'): terminal is never 'ap'; did you mean 'app'?",
    "tag likes: category was never 'sprot' so far; did you mean 'sport'?",
    "tag reads: filter of events('read'): category is never 'sprot'; did you mean 'sport'?",
]


def write_conf(folder: Path) -> Path:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def write_bank(root: Path) -> Path:
    events = ["read", "read", "login", "purchase", "Order Completed"]
    values = ["sport", "art", "", "", ""]
    archive = pa.table(
        {
            "event": events,
            "terminal": ["app", "web", "app", "", "pos"],
            "dims": pa.array(
                [[("category", value)] if value else None for value in values],
                pa.map_(pa.string(), pa.string()),
            ),
        }
    )
    profiles = pa.table(
        {"attributes": pa.array([[("city", "Rome")]], pa.map_(pa.string(), pa.string()))}
    )
    tables = {"archive.person_day": archive, "core.profiles": profiles}
    published = pa.table({"table": list(tables), "version": [0, 0], "seq": [1, 2]})
    for name, rows in {**tables, "ops.publish": published}.items():
        write_deltalake(root / name.replace(".", "/"), rows)
    return root


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    return write_conf(tmp_path / "conf")


def test_what_nobody_has_ever_sent_is_named_with_what_is_like_it(
    conf: Path, tmp_path: Path
) -> None:
    root = write_bank(tmp_path / "bank")
    assert sorted(bank_warnings(load_project(conf), str(root))) == WARNED


def test_validate_warns_and_takes_the_configuration(
    conf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_bank(tmp_path / "bank")
    assert exit_code(["validate", "--conf-dir", str(conf), "--root", str(root)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert sorted(lines) == [f"warning: {line}" for line in WARNED]


def test_without_a_bank_or_an_archive_there_is_nothing_to_warn_of(
    conf: Path, tmp_path: Path
) -> None:
    project = load_project(conf)
    assert bank_warnings(project, str(tmp_path / "nowhere")) == []
    (tmp_path / "empty").mkdir()
    assert bank_warnings(project, str(tmp_path / "empty")) == []


def test_a_bank_that_cannot_be_read_stops_nothing(conf: Path, tmp_path: Path) -> None:
    root = write_bank(tmp_path / "bank")
    for file in (root / "archive/person_day").glob("*.parquet"):
        file.unlink()
    [line] = bank_warnings(load_project(conf), str(root))
    assert line.startswith("archive.person_day: ")
    assert ".parquet: is gone; restore it from a backup" in line
