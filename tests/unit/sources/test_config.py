"""A wrong source is named with its key and what to write instead."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from databank.config import ConfigReader
from databank.errors import ConfigFaultsError
from databank.sources.config import SourcesConfig
from databank.sources.formats.registry import read_source, source_type

WEB: dict[str, Any] = {
    "source": "web",
    "format": "json",
    "path": "landing/*.json",
    "becomes": "events",
    "columns": {"event_id": "id", "event_ts": "ts", "event": "name"},
}


def _faults(folder: Path, **changes: Any) -> list[str]:
    (folder / "sources").mkdir()
    (folder / "sources" / "web.yml").write_text(yaml.safe_dump(WEB | changes))
    reader = ConfigReader(folder)
    reader.read_folder("sources", source_type)
    with pytest.raises(ConfigFaultsError) as error:
        reader.finish()
    return [str(fault) for fault in error.value.faults]


def test_a_bare_text_names_a_field() -> None:
    source = read_source(WEB)
    assert source.columns["event_ts"].column == "ts"


def test_fields_are_those_of_columns_expressions_and_identifiers() -> None:
    columns = WEB["columns"] | {"amount": {"expr": "cast(price as double) * n"}}
    source = read_source(WEB | {"columns": columns, "identifiers": {"phone": {"column": "mobile"}}})
    assert source.fields() == ("id", "mobile", "n", "name", "price", "ts")


def test_fields_of_expressions_stay_in_props_and_those_of_identifiers_do_not() -> None:
    identifiers = {"user_id": {"expr": "lower(login)"}}
    columns = WEB["columns"] | {"amount": {"expr": "price * 2"}}
    source = read_source(WEB | {"columns": columns, "identifiers": identifiers})
    assert source.consumed() == {"id", "ts", "name", "login"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"event_id": "id", "event": "name"}}, "columns.event_ts is missing"),
        ({"identifiers": {"fone": "mobile"}}, "did you mean 'phone'?"),
        ({"identifiers": {"wechat_openid": "openid"}}, "needs `scope`"),
        ({"identifiers": {"phone": {"region": "CN"}}}, "needs `column` or `expr`"),
        ({"timezone": "Asia/Shangai"}, "write an IANA name"),
        ({"encoding": "utf-16"}, "does not end lines by one byte"),
        ({"path": "landing/**/x.json"}, "write one * for each folder"),
        ({"format": "jsonl"}, "format: unknown format 'jsonl'; did you mean 'json'?"),
        ({"delimiter": ";"}, "delimiter: unknown key"),
        ({"colums": {}}, "did you mean 'columns'?"),
        ({"becomes": "profiles"}, "columns.record_id is missing"),
        ({"columns": WEB["columns"] | {"amount": {"hash": "row"}}}, "only event_id can be a hash"),
        ({"columns": WEB["columns"] | {"amount": {"expr": "nosuch(x)"}}}, "nosuch"),
        ({"columns": WEB["columns"] | {"amount": {"expr": "(price"}}}, "cannot read"),
        ({"columns": WEB["columns"] | {"event_ts": {"epoch": "seconds"}}}, "has no origin"),
        (
            {"format": "delta", "columns": WEB["columns"] | {"event_id": {"hash": "position"}}},
            "write {hash: row}",
        ),
        ({"format": "csv", "header": "none"}, "`header: none` and `names` belong together"),
        ({"format": "csv", "names": ["id"]}, "write {header: none, names: [id, ts]}"),
        ({"thousands": ".", "decimal": "."}, "`decimal` and `thousands` are both '.'"),
        ({"identifiers": {"phone": {"column": "m", "region": "UK"}}}, "unknown region 'UK'"),
        (
            {"columns": WEB["columns"] | {"amount": {"column": "p", "format": "0"}}},
            "is for event_ts",
        ),
        (
            {"columns": WEB["columns"] | {"event_ts": {"expr": "ts", "format": "dd.MM.yyyy"}}},
            "`format` needs `column`",
        ),
        ({"rules": [{"name": "a", "check": "1 = 1"}] * 2}, "rename one"),
    ],
)
def test_a_fault_is_reported_with_its_remedy(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    assert any(message in fault for fault in _faults(tmp_path, **changes))


def test_types_that_the_order_leaves_out_are_the_weakest() -> None:
    config = SourcesConfig(sources=(), identifier_order=("user_id", "cookie"))
    assert sorted(["imei", "cookie", "user_id"], key=config.rank) == ["user_id", "cookie", "imei"]


@pytest.mark.parametrize("folder", ["conf", "conf/examples/online_retail",
                                    "conf/examples/taobao_userbehavior"])  # fmt: skip
def test_the_sources_that_come_with_the_project_are_sound(folder: str) -> None:
    root = Path(__file__).parents[3]
    reader = ConfigReader(root / folder)
    assert reader.read_folder("sources", source_type)
    reader.finish()
