"""Text files are read line by line, whatever is wrong with them."""

import gzip
from pathlib import Path

import pytest

from databank.sources.formats import lines
from databank.sources.formats.lines import TextFile, read_batches


def _read(path: Path, *, encoding: str = "utf-8", quoted: bool = False) -> list[tuple[object, ...]]:
    file = TextFile("s", path.name, str(path), encoding, quoted)
    rows = [row for batch in read_batches(file) for row in batch.to_pylist()]
    return [(row["line"], row["value"], row["fault"]) for row in rows]


def _write(tmp_path: Path, content: bytes, name: str = "a.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_lines_are_numbered_from_one(tmp_path: Path, name: str, end: str) -> None:
    content = ((end or "\n").join(["x", "y", "ü"]) + end).encode()
    assert _read(_write(tmp_path, content, name)) == [
        (1, "x", None),
        (2, "y", None),
        (3, "ü", None),
    ]


def test_blank_lines_are_counted_but_are_no_records(tmp_path: Path) -> None:
    assert _read(_write(tmp_path, b"x\n\n  \ny\n")) == [(1, "x", None), (4, "y", None)]


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    assert _read(_write(tmp_path, b"")) == []
    assert _read(_write(tmp_path, b"", "e.gz")) == []


def test_lines_may_be_longer_than_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_BLOCK", 5)
    content = b"abcdefghijklm\r\nno\nopqrstuvwx"
    expected = [(1, "abcdefghijklm", None), (2, "no", None), (3, "opqrstuvwx", None)]
    assert _read(_write(tmp_path, content)) == expected


def test_a_line_that_is_not_utf8_is_marked_and_its_neighbours_are_not(tmp_path: Path) -> None:
    first, second, third = _read(_write(tmp_path, b"ok\nna\xefve\nfine"))
    assert (first, third) == ((1, "ok", None), (3, "fine", None))
    assert second == (2, "na\ufffdve", "not UTF-8 at byte 3 of the line")


def test_another_encoding_can_be_declared(tmp_path: Path) -> None:
    path = _write(tmp_path, "名字,城市\n".encode("gb18030"))
    assert _read(path, encoding="gb18030") == [(1, "名字,城市", None)]


def test_a_byte_order_mark_is_no_part_of_the_first_field(tmp_path: Path) -> None:
    assert _read(_write(tmp_path, b"\xef\xbb\xbfid,ts\n"))[0] == (1, "id,ts", None)


def test_a_file_that_breaks_off_ends_with_a_row_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    packed = gzip.compress("\n".join(str(i * 7919) for i in range(5000)).encode())
    path.write_bytes(packed[: len(packed) // 2])
    *_, last = _read(path)
    assert last[1] is None
    assert str(last[2]).startswith("truncated: ")


def test_a_quoted_value_may_go_over_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b'id,text\n1,"two\nlines"\n2,"say ""hi"""\n3,x\n'
    expected = [
        (1, "id,text", None),
        (2, '1,"two\nlines"', None),
        (4, '2,"say ""hi"""', None),
        (5, "3,x", None),
    ]
    assert _read(_write(tmp_path, content), quoted=True) == expected
    monkeypatch.setattr(lines, "_BLOCK", 9)
    assert _read(_write(tmp_path, content), quoted=True) == expected


def test_a_quote_that_is_never_closed_costs_no_more_than_its_neighbourhood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_LONGEST", 10)
    content = b'1,"open\n2,b\n3,c\n4,d\n5,e\n'
    rows = _read(_write(tmp_path, content), quoted=True)
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5]
