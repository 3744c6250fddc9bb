"""One canonical form a type; placeholders are refused."""

import random

import phonenumbers
import pytest
from pyspark.sql import Column, SparkSession, functions as F
from stdnum import imei

from databank.session import small_frame
from databank.sources import forms, identifiers
from databank.sources.forms import FORMS, canonical
from databank.sources.identifiers import (
    IdentifierField,
    given_column,
    is_dummy_value,
    is_undecided,
    with_canonical,
)
from databank.sources.keys import key_of
from databank.sources.mapping import IdentifierConfig

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
text | 0 | 0
text | 12345678.0 | 12345678
text | 1.2345678E7 | 12345678
text | 1.0 | 1
text | 1.5e0 | 1.5e0
text | 1.5 | 1.5
text | 1E5 | 1E5
text | 00012.0 | 00012.0
phone | 13912345670.0 | +8613912345670
phone | 1.391234567E10 | +8613912345670
phone | 8613912345670 | +8613912345670
phone | +52 1 55 1234 5678 | +525512345678
phone | +52 55 1234 5678 | +525512345678
phone | +54 9 11 2345-6789 | +541123456789
phone | +54 11 2345-6789 | +541123456789
scoped | oAbC-_1 | oAbC-_1
scoped | None |
"""


CELLS = [tuple(cell.strip() for cell in line.split("|")) for line in CASES.strip().splitlines()]
EXAMPLES = [(name, *form.example) for name, form in FORMS.items()]


def draws() -> list[tuple[str, str]]:
    """Spellings by chance: phone numbers, device numbers and texts of a few signs."""
    draw = random.Random(7)
    phones = [("phone", f"1{draw.randrange(10**10):010d}") for _ in range(400)]
    devices = [("imei", f"{35_000_000_000_000 + i * 9_876_543_210}{i % 10}") for i in range(60)]
    texts = [
        (form, "".join(draw.choices("aF09-: .@+/é路", k=draw.randrange(1, 24))))
        for form in FORMS
        for _ in range(20)
    ]
    return [*phones, *devices, *texts]


@pytest.fixture(scope="module")
def by_ingest(spark_session: SparkSession) -> dict[tuple[str, str], tuple[str | None, str | None]]:
    """What SQL alone and what ingest makes of all spellings of this file; one frame."""
    names = list(FORMS)
    fields = [IdentifierField("x", name, "CN") for name in names]
    given = {cell[:2] for cell in (*CELLS, *EXAMPLES)} | {
        (form, text.strip(" ")) for form, text in draws()
    }
    rows = small_frame(spark_session, sorted(given), "form string, text string")
    texts = {
        given_column(n, "text"): F.when(F.col("form") == name, F.col("text"))
        for n, name in enumerate(names)
    }
    known = with_canonical(rows.withColumns(texts), fields)

    def of_forms(part: str) -> Column:
        columns = [F.col(given_column(n, part)) for n in range(len(names))]
        if part == "canonical":
            columns = [
                F.when(~is_dummy_value(name, column), column)
                for name, column in zip(names, columns, strict=True)
            ]
        return F.coalesce(*columns)

    values = known.select("form", "text", of_forms("plain"), of_forms("canonical")).collect()
    return {(row[0], row[1]): (row[2], row[3]) for row in values}


@pytest.mark.parametrize("case", CELLS, ids=" | ".join)
def test_each_spelling_has_one_canonical_form(
    by_ingest: dict[tuple[str, str], tuple[str | None, str | None]], case: tuple[str, str, str]
) -> None:
    form, text, expected = case
    assert by_ingest[form, text][1] == (expected or None)
    assert canonical("x", text, form=form) == (expected or None)


def test_what_sql_leaves_undecided_is_all_that_python_would_change(
    spark_session: SparkSession,
) -> None:
    spelled = {form: {text for each, text, _ in CELLS if each == form} for form in FORMS}
    width = max(map(len, spelled.values()))
    fields = [IdentifierField("x", name, "GB") for name in spelled]
    # a row holds a text of each form
    texts = [[*sorted(own), *[None] * width][:width] for own in spelled.values()]
    names = [given_column(n, "text") for n in range(len(fields))]
    schema = ", ".join(f"{name} string" for name in names)
    rows = small_frame(spark_session, zip(*texts, strict=True), schema)
    decided = [given_column(n, "canonical") for n in range(len(fields))]
    by_sql = with_canonical(rows, fields, by_python=False)
    alone = by_sql.select(*names, *decided, is_undecided(fields).alias("undecided")).collect()
    both = {row[: len(names)]: row for row in with_canonical(rows, fields).collect()}
    for row in alone:
        *given, undecided = row
        final = [both[tuple(given[: len(names)])][name] for name in decided]
        assert undecided or final == given[len(names) :]
    assert {row["undecided"] for row in alone} == {True, False}


def test_python_gives_what_ingest_gives(
    by_ingest: dict[tuple[str, str], tuple[str | None, str | None]],
) -> None:
    assert {key: canonical("x", key[1], form=key[0]) for key in by_ingest} == {
        key: value for key, (_, value) in by_ingest.items()
    }
    assert {name: by_ingest[name, spelling][1] for name, spelling, _ in EXAMPLES} == {
        name: value for name, _, value in EXAMPLES
    }


def test_a_type_has_its_form_and_a_landline_the_country_of_its_source() -> None:
    assert canonical("cookie", " 0A1B ") == "0a1b"
    assert canonical("member_card", "0A1B") == "0A1B"
    assert canonical("landline", "7911 123456", region="GB") == "+447911123456"
    assert canonical("phone", "unknown") is None


def test_what_sql_recognises_is_what_the_library_says(
    by_ingest: dict[tuple[str, str], tuple[str | None, str | None]],
) -> None:
    recognised = {
        text: plain
        for form, text in draws()
        if form == "phone" and text.isdigit() and (plain := by_ingest[form, text][0])
    }
    assert len(recognised) > 50
    for text, value in recognised.items():
        number = phonenumbers.parse(text, "CN")
        assert phonenumbers.is_valid_number(number)
        assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == value


def test_the_check_digit_of_an_imei_is_that_of_the_standard(
    by_ingest: dict[tuple[str, str], tuple[str | None, str | None]],
) -> None:
    texts = [text for form, text in draws() if form == "imei" and text.isdigit()]
    sound = {text for text in texts if by_ingest["imei", text][0] is not None}
    assert sound == {text for text in texts if imei.is_valid(text)}


def test_a_form_is_one_entry(spark_session: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "FORMS", dict(FORMS))
    monkeypatch.setattr(identifiers, "FORMS", forms.FORMS)

    sql = "CASE WHEN {text} RLIKE '^x[0-9]+$' THEN substring({text}, 2) END"

    @forms.identifier_form(sql=sql, example=("x12", "12"))
    def loyalty(text: str, _: str) -> str | None:
        return text[1:] if text[:1] == "x" and text[1:].isdigit() else None

    raw = {"column": "card", "form": "loyalty"}
    assert IdentifierConfig.model_validate(raw).form == "loyalty"
    with pytest.raises(ValueError, match="did you mean 'loyalty'"):
        IdentifierConfig.model_validate({**raw, "form": "loyality"})
    rows = small_frame(spark_session, [("x12",), ("12",)], f"{given_column(0, 'text')} string")
    known = with_canonical(rows, [IdentifierField("card", "loyalty", "")])
    values = [row[given_column(0, "canonical")] for row in known.collect()]
    assert values == [canonical("card", text, form="loyalty") for text in ("x12", "12")]
    assert values == ["12", None]


def test_the_same_value_of_another_type_or_scope_has_another_key(
    spark_session: SparkSession,
) -> None:
    a, b = F.lit("a"), F.lit("b")
    keys = [
        key_of(F.lit("cookie"), F.lit(""), a),
        key_of(F.lit("user_id"), F.lit(""), a),
        key_of(F.lit("cookie"), a, a),
        key_of(F.lit("cookie"), F.lit(""), b),
    ]
    row = spark_session.range(1).select(*keys).first()
    assert row is not None
    assert len(set(row)) == 4
