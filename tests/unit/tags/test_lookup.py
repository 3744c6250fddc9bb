"""Lookups: a value of one tag becomes that of another, by a table of the configuration."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from databank.session import small_frame
from databank.tags.base import TagBase
from databank.tags.kinds.lookup import read_lookup
from databank.tags.library import read_tag
from databank.tags.values import with_tags


def tag(name: str, **keys: object) -> TagBase:
    given = {"name": name, "kind": "lookup", "of": "city", **keys}
    return read_tag(given)


def test_values_become_what_the_table_says(spark_session: SparkSession) -> None:
    rows = [(1, "Bath"), (2, "York"), (3, "Oslo"), (4, None)]
    frame = small_frame(spark_session, rows, "person_id bigint, _input_city string")
    city = read_tag({"name": "city", "kind": "attribute", "attribute": "city"})
    library = [
        tag("tier", values={"Bath": "first", "York": "second"}),
        tag("region", of="tier", values={"first": "south"}),
        tag("people", gives="number", values={"Bath": "94000"}),
        tag("served", gives="boolean", values={"Bath": "true", "Oslo": "true"}),
        read_tag({"name": "far", "kind": "rule", "when": "tier <> 'first'"}),
        city,
    ]
    columns = ("person_id", "tier", "region", "people", "served", "far")
    values = with_tags(frame, library).select(*columns).collect()
    assert sorted(tuple(row) for row in values) == [
        (1, "first", "south", 94000.0, True, False),
        (2, "second", None, None, False, True),
        (3, None, None, None, True, False),
        (4, None, None, None, False, False),
    ]


def test_a_file_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tier.csv"
    path.write_bytes('\ufeffcity,tier\r\n"Stoke, on Trent", second\r\n\r\nBath,first\r\n'.encode())
    assert read_lookup(path) == {"Stoke, on Trent": "second", "Bath": "first"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "there is no such file; put it beside this one"),
        (b"", "has 0 columns; write two"),
        (b"city\nBath\n", "has 1 columns; write two"),
        (b"city,tier\n", "has 0 rows; write 1 to 5,000, or make it a source"),
        (b"city,tier\n" + b"".join(b"%d,x\n" % n for n in range(5001)), "has 5,001 rows"),
        (b"city,tier\nBath,\n", "row 2 has not two values"),
        (b"city,tier\nBath,a\nBath,b\n", "'Bath' is there twice, as row 3; leave one"),
        (b"city,tier\nB\xe4th,a\n", "cannot be read .*; save it as UTF-8"),
    ],
)
def test_a_wrong_file_says_what_to_write(tmp_path: Path, text: bytes | None, message: str) -> None:
    path = tmp_path / "tier.csv"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(ValueError, match=message):
        read_lookup(path)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "write either `values` or `table`"),
        ({"values": {"a": "b"}, "table": "a.csv"}, "write either `values` or `table`"),
        ({"table": "../secret.csv"}, "String should match pattern"),
        ({"values": {"a": "b"}, "share": 0.5}, "has no use for `share`"),
        (
            {"values": {"York": "many"}, "gives": "number"},
            "'many' of 'York' is no number; write 12",
        ),
        ({"values": {"York": "31/1/2020"}, "gives": "date"}, "is no date; write 2026-01-31"),
        ({"values": {"York": "nan"}, "gives": "number"}, "'nan' of 'York' is no number"),
        ({"values": {"York": "1_0"}, "gives": "count"}, "'1_0' of 'York' is no count; write 12"),
        ({"values": {"York": "20200131"}, "gives": "date"}, "is no date; write 2026-01-31"),
        ({"values": {"York": "ja"}, "gives": "boolean"}, "is no boolean; write true or false"),
    ],
)
def test_a_wrong_tag_says_what_to_write(keys: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tag("x", **keys)
