"""One canonical form a type; placeholders are refused."""

import random

import phonenumbers
import pytest
from pyspark.sql import Column, SparkSession, functions as F
from stdnum import imei

from databank.session import small_frame
from databank.sources import identifiers as ids

UUID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
# form | as given | canonical, empty = refused
CASES = f"""
phone | 13912345670 | +8613912345670
phone | +86 139 1234 5670 | +8613912345670
phone | 0086-139-1234-5670 | +8613912345670
phone | 139.1234.5670 | +8613912345670
phone | (+86)13912345670 | +8613912345670
phone | 16612345678 | +8616612345678
phone | +44 7911 123456 | +447911123456
phone | 010 6552 9988 | +861065529988
phone | 13800000000 |
phone | +86 138 0000 0000 |
phone | 1391234567 |
phone | 15412345678 |
phone | unknown |
email | Wang.Li@Example.COM | wang.li@example.com
email | wang+news@example.org | wang+news@example.org
email | 王@example.com | 王@example.com
email | test@test.com |
email | wang@ |
email | wang@localhost |
email | N/A |
imei | 490154203237526 | 490154203237526
imei | 49-015420-323752-6 | 490154203237526
imei | 49015420323752 | 490154203237526
imei | 4901542032375212 | 490154203237526
imei | 490154203237527 |
imei | 000000000000000 |
idfa | {UUID} | {UUID.upper()}
idfa | {UUID.replace("-", "").upper()} | {UUID.upper()}
idfa | 00000000-0000-0000-0000-000000000000 |
idfa | {UUID[:-1]} |
gaid | {UUID.upper()} | {UUID}
gaid | 00000000-0000-0000-0000-000000000000 |
oaid | 0A1B2C3D4E5F6071 | 0a1b2c3d4e5f6071
oaid | 0000000000000000 |
oaid | xyz |
mac | 3C-22-FB-01-02-0A | 3c:22:fb:01:02:0a
mac | 3c22.fb01.020a | 3c:22:fb:01:02:0a
mac | 00:00:00:00:00:00 |
mac | 02:00:00:00:00:00 |
mac | da:a1:19:01:02:03 |
mac | ff:ff:ff:ff:ff:ff |
mac | 3c:22:fb:01:02 |
cookie | 0A1B2C | 0a1b2c
cookie | GA1.2.Xy | GA1.2.Xy
cookie | null |
text | u000000017 | u000000017
text | (not set) |
text | 0 |
scoped | oAbC-_1 | oAbC-_1
scoped | None |
"""


def _canonical(form: str, text: Column, region: str = "CN") -> Column:
    sound = ~ids.is_placeholder(text)
    value = F.when(sound, ids.by_sql(form, text, region=region))
    if ids.needs_python(form):
        rest = F.when(sound & value.isNull(), text)
        value = F.coalesce(value, ids.by_library(form, rest, region=region))
    return F.when(~ids.is_dummy_value(form, value), value)


@pytest.fixture(scope="module")
def found(spark_session: SparkSession) -> dict[tuple[str, str], str | None]:
    cells = [[cell.strip() for cell in line.split("|")] for line in CASES.strip().splitlines()]
    rows = small_frame(spark_session, [cell[:2] for cell in cells], "form string, text string")
    forms = sorted({cell[0] for cell in cells})
    value = F.coalesce(*(F.when(F.col("form") == f, _canonical(f, F.col("text"))) for f in forms))
    return {(row[0], row[1]): row[2] for row in rows.select("*", value).collect()}


@pytest.mark.parametrize("case", CASES.strip().splitlines())
def test_each_spelling_has_one_canonical_form(
    found: dict[tuple[str, str], str | None], case: str
) -> None:
    form, text, canonical = (cell.strip() for cell in case.split("|"))
    assert found[form, text] == (canonical or None)


def test_what_sql_recognises_is_what_the_library_says(spark_session: SparkSession) -> None:
    draw = random.Random(7)
    texts = [f"1{draw.randrange(10**10):010d}" for _ in range(400)]
    rows = small_frame(spark_session, [(text,) for text in texts], "text string")
    sql = rows.select("text", ids.by_sql("phone", F.col("text"), region="CN")).collect()
    recognised = {row[0]: row[1] for row in sql if row[1] is not None}
    assert len(recognised) > 50
    for text, canonical in recognised.items():
        number = phonenumbers.parse(text, "CN")
        assert phonenumbers.is_valid_number(number)
        assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == canonical


def test_the_check_digit_of_an_imei_is_that_of_the_standard(spark_session: SparkSession) -> None:
    texts = [f"{35_000_000_000_000 + i * 9_876_543_210}{i % 10}" for i in range(60)]
    rows = small_frame(spark_session, [(text,) for text in texts], "text string")
    sound = rows.where(ids.by_sql("imei", F.col("text"), region="CN").isNotNull()).collect()
    assert {row[0] for row in sound} == {text for text in texts if imei.is_valid(text)}


def test_the_same_value_of_another_type_or_scope_has_another_key(
    spark_session: SparkSession,
) -> None:
    one, two = F.lit("a"), F.lit("b")
    keys = [
        ids.key_of(F.lit("cookie"), F.lit(""), one),
        ids.key_of(F.lit("user_id"), F.lit(""), one),
        ids.key_of(F.lit("cookie"), one, one),
        ids.key_of(F.lit("cookie"), F.lit(""), two),
    ]
    row = spark_session.range(1).select(*keys).first()
    assert row is not None
    assert len(set(row)) == 4
