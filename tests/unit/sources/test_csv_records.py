"""Lines of CSV files become records as Python's csv has them; a stray quote costs its own line."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from databank.sources.formats import csv_records
from databank.sources.formats.csv_records import CsvRecords
from databank.sources.formats.text_stream import Lines
from tests.unit.sources.test_lines import read, write

NOT_CLOSED = "a quote at the begin of a field is not closed"


def split(text: str, *, columns: int | None = None, escape: str | None = None) -> list[str]:
    lines = Lines(1, text.encode().split(b"\n"))
    records = CsvRecords(",", escape, columns).split(iter([lines]))
    return [value.decode() for each in records for value in each.values]


def test_a_quoted_value_may_go_over_lines(tmp_path: Path) -> None:
    content = b'id,text\n1,"two\n\nlines"\n2,"say ""hi"""\n3,x\n'
    for block in (1, 2, 9, 1 << 20):
        assert read(write(tmp_path, content), CsvRecords(",", columns=2), block=block) == [
            (1, "id,text", None),
            (2, '1,"two\n\nlines"', None),
            (5, '2,"say ""hi"""', None),
            (6, "3,x", None),
        ]


def test_a_quote_inside_an_unquoted_field_is_a_sign_like_any_other() -> None:
    rows = [f"{n},plain,1" for n in range(2000)]
    rows[10], rows[1990] = '10,5" pipe,1', '1990,3" pipe,1'
    assert split("\n".join(rows), columns=3) == rows
    assert list(csv.reader(rows))[10] == ["10", '5" pipe', "1"]


@pytest.mark.parametrize(
    "line", ['1,"a"b,2', '1,"a"b"c,2', '1,"",2', '1,"""",2', '"1",2,3', '1,a"b"c,"d"', '1, "a,b']
)
def test_lines_that_are_whole_stay_apart(line: str) -> None:
    assert split(f"{line}\n{line}\n4,5,6") == [line, line, "4,5,6"]


def test_a_quote_that_is_not_closed_costs_its_own_line(tmp_path: Path) -> None:
    content = b'1,"open\n2,b\n3,"c"\n4,"d\nd"\n5,e"\n'
    assert read(write(tmp_path, content), CsvRecords(",", columns=2)) == [
        (1, '1,"open', NOT_CLOSED),
        (2, "2,b", None),
        (3, '3,"c"', None),
        (4, '4,"d\nd"', None),
        (6, '5,e"', None),
    ]


def test_a_join_ends_when_it_gets_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_records, "LONGEST_JOIN", 10)
    lines = ['1,"open', "2,b", "3,c", "4,d", "5,e"]
    assert split("\n".join(lines)) == lines


def test_a_quote_may_stand_behind_another_sign_than_a_quote() -> None:
    assert split('1,"say \\"hi\\"\nthere",2\n3,"x\\\\",4', escape="\\", columns=3) == [
        '1,"say \\"hi\\"\nthere",2',
        '3,"x\\\\",4',
    ]


def test_a_line_that_names_the_separator_is_no_record(tmp_path: Path) -> None:
    path = write(tmp_path, b"\nsep=,\r\nid,ts\r\nsep=,\r\n")
    assert read(path, CsvRecords(",", columns=2)) == [(3, "id,ts", None), (4, "sep=,", None)]


VALUES = st.text(st.sampled_from(list('ab",\n ;5')), max_size=6)


@given(st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=8))
def test_what_a_csv_writer_writes_is_read_as_it_was(rows: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["a", "b", "c"], *rows])
    read_back = [next(csv.reader(io.StringIO(each))) for each in split(out.getvalue(), columns=3)]
    assert read_back == [["a", "b", "c"], *rows]


@given(st.lists(st.text(st.sampled_from(list('ab",')), min_size=1, max_size=9), max_size=8))
def test_no_line_is_ever_lost(lines: list[str]) -> None:
    kept = [line for line in lines if line.strip()]
    joined = "\n".join(split("\n".join(lines), columns=3))
    assert joined.split("\n") == (kept or [""])
