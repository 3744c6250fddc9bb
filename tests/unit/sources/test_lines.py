"""Text files are read line by line, whatever is wrong with them."""

import codecs
import gzip
from pathlib import Path

import pytest

from databank.sources.formats import text_stream
from databank.sources.formats.csv_records import CsvRecords
from databank.sources.formats.lines import TextFile, read_batches
from databank.sources.formats.records import Splitter

PLAIN = CsvRecords(delimiter="\t")  # of a text without quotes each line is a record


def read(
    path: Path, splitter: Splitter = PLAIN, *, encoding: str = "utf-8", block: int = 1 << 20
) -> list[tuple[object, ...]]:
    file = TextFile("s", path.name, str(path), encoding, splitter)
    rows = [row for batch in read_batches(file, block=block) for row in batch.to_pylist()]
    return [(row["line"], row["value"], row["fault"]) for row in rows]


def write(tmp_path: Path, content: bytes, name: str = "a.txt") -> Path:
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_lines_are_numbered_from_one(tmp_path: Path, name: str, end: str) -> None:
    content = ((end or "\n").join(["x", "y", "ü"]) + end).encode()
    assert read(write(tmp_path, content, name)) == [
        (1, "x", None),
        (2, "y", None),
        (3, "ü", None),
    ]


def test_blank_lines_are_counted_but_are_no_records(tmp_path: Path) -> None:
    assert read(write(tmp_path, b"x\n\n  \ny\n")) == [(1, "x", None), (4, "y", None)]


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    assert read(write(tmp_path, b"")) == []
    assert read(write(tmp_path, b"", "e.gz")) == []


@pytest.mark.parametrize("block", [1, 2, 3, 5, 50])
def test_lines_may_be_longer_than_a_block(tmp_path: Path, block: int) -> None:
    content = b"abcdefghijklm\r\nno\nopqrstuvwx"
    expected = [(1, "abcdefghijklm", None), (2, "no", None), (3, "opqrstuvwx", None)]
    assert read(write(tmp_path, content), block=block) == expected


def test_a_line_that_is_not_utf8_is_marked_and_its_neighbours_are_not(tmp_path: Path) -> None:
    first, second, third = read(write(tmp_path, b"ok\nna\xefve\nfine"))
    assert (first, third) == ((1, "ok", None), (3, "fine", None))
    assert second == (2, "na\ufffdve", "not UTF-8 at byte 3 of the line")


def test_another_encoding_can_be_declared(tmp_path: Path) -> None:
    path = write(tmp_path, "名字,城市\n".encode("gb18030"))
    assert read(path, encoding="gb18030") == [(1, "名字,城市", None)]


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-32-le", codecs.BOM_UTF32_LE), ("utf-32-be", codecs.BOM_UTF32_BE),
    ],
)  # fmt: skip
def test_a_byte_order_mark_decides_what_the_encoding_is(
    tmp_path: Path, encoding: str, mark: bytes, block: int
) -> None:
    path = write(tmp_path, mark + "id,名字\r\n1,ü\n".encode(encoding))
    assert read(path, encoding="gb18030", block=block) == [(1, "id,名字", None), (2, "1,ü", None)]


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_lines_end_by_lf_cr_lf_or_cr(tmp_path: Path, name: str, block: int) -> None:
    path = write(tmp_path, b"a\rb\r\nc\n\rd\r", name)
    lines = [(1, "a", None), (2, "b", None), (3, "c", None), (5, "d", None)]
    assert read(path, block=block) == lines


def test_a_line_without_end_is_refused_and_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_stream, "LONGEST_RECORD", 1000)
    path = write(tmp_path, b"a\n" + b"0" * 5000 + b"\nb\n" + b"1" * 999, "a.gz")
    first, long, third, last = read(path, block=64)
    assert (first, third, last) == ((1, "a", None), (3, "b", None), (4, "1" * 999, None))
    assert len(str(long[1])) < 300
    assert long[2] == "the line has 5,000 bytes, and 1,000 is the limit"


def test_a_byte_order_mark_is_no_part_of_the_first_field(tmp_path: Path) -> None:
    assert read(write(tmp_path, b"\xef\xbb\xbfid,ts\n"))[0] == (1, "id,ts", None)


def test_a_file_that_breaks_off_ends_with_a_row_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    packed = gzip.compress("\n".join(str(i * 7919) for i in range(5000)).encode())
    path.write_bytes(packed[: len(packed) // 2])
    *_, last = read(path)
    assert last[1] is None
    assert str(last[2]).startswith("truncated: ")
