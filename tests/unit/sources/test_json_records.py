"""Text of JSON files becomes records, whatever the layout; nothing is lost without a word."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from databank.sources.formats.json_records import JsonRecords
from tests.unit.sources.test_lines import read, write


def objects(tmp_path: Path, text: str, *, block: int = 1 << 20) -> list[tuple[object, object]]:
    rows = read(write(tmp_path, text.encode()), JsonRecords(), block=block)
    return [(value if fault else json.loads(str(value)), fault) for _, value, fault in rows]


def test_a_line_with_several_objects_is_told(tmp_path: Path) -> None:
    several = "several objects on one line; write each on a line of its own"
    text = '{"id":1}\n{"id":2}{"id":3}\n{"id":4} \n{"id":5} {"id": 6}'
    assert objects(tmp_path, text) == [
        ({"id": 1}, None),
        ('{"id":2}{"id":3}', several),
        ({"id": 4}, None),
        ('{"id":5} {"id": 6}', several),
    ]


@pytest.mark.parametrize("behind", ["xyz", "}", "]", ",", "12", '"a"', "xyz}"])
def test_text_behind_an_object_is_told(tmp_path: Path, behind: str) -> None:
    [_, (value, fault)] = objects(tmp_path, f'{{"id":1}}\n{{"a":{{"b":1}}}} {behind}\n')
    assert (value, fault) == (f'{{"a":{{"b":1}}}} {behind}', f"text behind the object: {behind}")


@pytest.mark.parametrize("text", ['{"a":"} {"}', '{"a":"}x{"}', '{"a":{"b":[{},{}]}}', '{"a":1} '])
def test_braces_inside_texts_are_no_objects(tmp_path: Path, text: str) -> None:
    assert objects(tmp_path, f"{text}\n{text}") == [(json.loads(text), None)] * 2


LAYOUTS = {
    "array": lambda rows: json.dumps(rows),
    "array over lines": lambda rows: json.dumps(rows, indent=2),
    "one object a line of an array": lambda rows: "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]",
    "objects over lines": lambda rows: "\n".join(json.dumps(row, indent=2) for row in rows),
    "all on one line": lambda rows: "".join(map(json.dumps, rows)),
    "lines that end by CR": lambda rows: "\r".join(map(json.dumps, rows)),
    "lines": lambda rows: "\n".join(map(json.dumps, rows)),
}
ROWS = [{"id": n, "name": "ü{}[],\\n", "at": {"x": [1, {}]}, "price": 1.25} for n in range(4)]


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_objects_are_read_in_every_layout(tmp_path: Path, layout: str, block: int) -> None:
    text = LAYOUTS[layout](ROWS)
    assert objects(tmp_path, text, block=block) == [(row, None) for row in ROWS]
    numbers = [number for number, _, _ in read(write(tmp_path, text.encode()), JsonRecords())]
    assert numbers == [1, 2, 3, 4]


def test_what_is_no_object_among_objects_is_told(tmp_path: Path) -> None:
    text = '[{"id":1}, 2, "three",\n{"id":}\n,{"id":5}'
    assert objects(tmp_path, text) == [
        ({"id": 1}, None),
        ("2", "not a JSON object"),
        ('"three"', "not a JSON object"),
        ('{"id":}', "not JSON"),
        ({"id": 5}, None),
    ]


def test_a_first_line_that_was_cut_off_costs_no_other(tmp_path: Path) -> None:
    text = '{"id":1,"na\n{"id":2}\n{"id":3}\n'
    assert objects(tmp_path, text) == [
        ('{"id":1,"na', "not JSON"),
        ({"id": 2}, None),
        ({"id": 3}, None),
    ]


def test_depth_and_numbers_without_measure_are_no_crash(tmp_path: Path) -> None:
    deep, long = '{"a":' * 20_000 + "1" + "}" * 20_000, '{"a":' + "1" * 9_000 + "}"
    rows = read(write(tmp_path, f"{deep}\n{long}\n{deep} x\n".encode()), JsonRecords())
    assert [value for _, value, _ in rows] == [deep, long, f"{deep} x"]


@given(st.lists(st.binary(min_size=1, max_size=12).filter(lambda b: b.strip()), max_size=6))
def test_no_line_is_ever_lost(tmp_path_factory: pytest.TempPathFactory, rows: list[bytes]) -> None:
    lines = [b'{"id":1}', *(row.replace(b"\n", b"").replace(b"\r", b"") or b"x" for row in rows)]
    path = write(tmp_path_factory.mktemp("any"), b"\n".join(lines))
    assert len(read(path, JsonRecords())) == len([line for line in lines if line.strip()])
