"""Identifiers as people write them, found in tables that no Spark has touched."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from databank.errors import DataBankError
from databank.identity.explain import owners_of
from databank.identity.identifier_query import IdentifierQuery, find_identifiers
from databank.tables.published_reader import PublishedReader
from tests.support.published import publish_rows

KNOWN = [
    (1, "wechat_openid", "app1", "oAbc"),
    (2, "wechat_openid", "app2", "oAbc"),
    (3, "phone", "", "+8613812345678"),
    (4, "phone", "", "+4413812345678"),
    (5, "phone", "", "+8613912345678"),
    (6, "idfa", "", "79B5AD5D-23DC-45EA-A791-D35B67AC8E91"),
    (7, "cookie", "", "Case"),
    (8, "cookie", "", "case"),
    (10, "user_id", "", "ab1"),
    (11, "mac", "", "3c:22:fb:01:02:0a"),
    (12, "imei", "", "490154203237526"),
    (13, "address", "", "lake road 5"),
]


@pytest.fixture
def lookup(tmp_path: Path) -> PublishedReader:
    place, names = tmp_path / "identity/identifier", ("id_key", "id_type", "scope", "id_value")
    write_deltalake(place, pa.table(list(zip(*KNOWN, strict=True)), names=names))
    # a later version, which nobody has published
    later = [[9], ["phone"], [""], ["+8613700000000"]]
    write_deltalake(place, pa.table(later, names=names), mode="append")
    published = {"table": ["identity.identifier"] * 2, "version": [7, 0], "seq": [1, 2]}
    write_deltalake(tmp_path / "ops/publish", pa.table(published))
    return PublishedReader(str(tmp_path))


@pytest.mark.parametrize(
    ("query", "key"),
    [
        (IdentifierQuery("wechat_openid", "oAbc", "app2"), 2),
        (IdentifierQuery("phone", "+86 138-1234-5678"), 3),
        (IdentifierQuery("phone", "13912345678"), 5),
        (IdentifierQuery("phone", "0086 139 1234 5678"), 5),
        (IdentifierQuery("idfa", " 79b5ad5d-23dc-45ea-a791-d35b67ac8e91 "), 6),
        (IdentifierQuery("cookie", "case"), 8),
        # one spelling for every form, by the rules of ingest
        (IdentifierQuery("mac", "3C-22-FB-01-02-0A"), 11),
        (IdentifierQuery("imei", "49-015420-323752-6"), 12),
        (IdentifierQuery("address", "Lake Road, 5"), 13),
    ],
)
def test_an_identifier_is_found_as_people_write_it(
    lookup: PublishedReader, query: IdentifierQuery, key: int
) -> None:
    assert find_identifiers(lookup, [query])[0].id_key == key


def test_two_are_found_in_one_scan_each_with_its_own(lookup: PublishedReader) -> None:
    identifiers = find_identifiers(
        lookup, [IdentifierQuery("cookie", "Case"), IdentifierQuery("phone", "13912345678")]
    )
    assert [identifier.id_key for identifier in identifiers] == [7, 5]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (IdentifierQuery("wechat_openid", "oAbc"), r"give --scope, one of \['app1', 'app2'\]"),
        (IdentifierQuery("phone", "13812345678"), "write it out in full"),
        (IdentifierQuery("phone", "5678"), "has not met this value"),
        # another country's number that ends in the same digits
        (IdentifierQuery("phone", "+1 381 234 5678"), "has not met this value"),
        (IdentifierQuery("user_id", "AB1"), "has not met this value"),
        (IdentifierQuery("phone", "13700000000"), "has not met this value"),
        (IdentifierQuery("phone", "1' OR '1'='1"), "has not met this value"),
        (IdentifierQuery("oaid", "0"), "no identifier of this type"),
    ],
)
def test_what_is_not_one_identifier_is_refused(
    lookup: PublishedReader, query: IdentifierQuery, message: str
) -> None:
    with pytest.raises(DataBankError, match=message):
        find_identifiers(lookup, [query])


def test_tables_that_nobody_has_published_are_empty(
    lookup: PublishedReader, tmp_path: Path
) -> None:
    assert owners_of(lookup, [3]) == {3: []}
    bare = publish_rows(tmp_path / "bare", {"identity.person": []})
    assert PublishedReader(bare).find("ops.run", ["*"], "true") == []
