"""What identity numbers tell, and what is none."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError
from pyspark.sql import SparkSession, functions as F
from stdnum.cn import ric

from databank.sources.tables import PROFILES
from databank.tags.base import TagBase
from databank.tags.build import JOB
from databank.tags.kinds.national_id import read_fact
from databank.tags.library import TagsConfig, read_tag
from databank.tags.tables import PERSON_TAG
from tests.support.bank import make_bank

NUMBER = "cn.ric"


def chinese(born: date, serial: int) -> str:
    plain = f"110105{born:%Y%m%d}{serial:03}"
    return plain + ric.calc_check_digit(plain + "0")


@given(born=st.dates(date(1920, 1, 1), date(2020, 12, 31)), serial=st.integers(0, 999))
def test_a_chinese_number_tells_day_gender_and_place(born: date, serial: int) -> None:
    number = chinese(born, serial)
    assert read_fact(number, NUMBER, "birth_date") == born.isoformat()
    assert read_fact(number, NUMBER, "gender") == ("male" if serial % 2 else "female")
    assert read_fact(number, NUMBER, "region") == "北京市"
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    assert read_fact(wrong, NUMBER, "birth_date") is None


@pytest.mark.parametrize(
    ("number", "form", "fact", "expected"),
    [
        ("880320-0016", "se.personnummer", "gender", "male"),
        ("1630615123457", "ro.cnp", "region", "Cluj"),
        ("", NUMBER, "gender", None),
        ("none of it", NUMBER, "gender", None),
        ("11010519900230123X", NUMBER, "birth_date", None),  # the 30th of February
    ],
)
def test_numbers_of_other_countries_and_what_is_none(
    number: str, form: str, fact: str, expected: str | None
) -> None:
    assert read_fact(number, form, fact) == expected


def tag(**keys: Any) -> TagBase:
    plain = {"name": "x", "kind": "national_id", "attribute": "id_no", "format": NUMBER}
    return read_tag(plain | {"fact": "gender"} | keys)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"format": "cn.rik"}, "did you mean 'cn.ric'"),
        ({"format": "dk.cpr"}, "tell no gender; it tells birth_date"),
        ({"format": "cn.uscc"}, "tell no gender; choose another format"),
        ({"fact": "height"}, "should be 'birth_date', 'gender' or 'region'"),
        ({"fact": None}, "lacks `fact`"),
    ],
)
def test_what_a_format_does_not_tell_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        tag(**keys)


def test_tags_of_a_number_and_rules_on_them(spark_session: SparkSession, tmp_path: Path) -> None:
    bank = make_bank(spark_session, tmp_path, persons=4, days="1 | 2026-01-01 | login | 1")
    numbers = {1: chinese(date(1990, 5, 1), 121), 2: chinese(date(2001, 7, 9), 2), 3: "unreadable"}
    rows = spark_session.createDataFrame(
        [("crm", str(key), key, {"id_no": number}) for key, number in numbers.items()],
        "source string, record_id string, id_key bigint, attributes map<string,string>",
    )
    bank.publish({PROFILES: rows.withColumn("ids", F.array("id_key"))})
    library = TagsConfig(
        (
            tag(name="born_on", fact="birth_date"),
            tag(name="sex"),
            tag(name="home", fact="region"),
            read_tag(
                {"name": "of_the_90s", "kind": "rule", "when": "year(born_on) < 2000"}
            ),
        )
    )  # fmt: skip
    bank.run(JOB, library)
    assert bank.rows(PERSON_TAG, "tag", "person_id", "value_string", "value_date") == [
        ("born_on", 1, None, date(1990, 5, 1)),
        ("born_on", 2, None, date(2001, 7, 9)),
        ("home", 1, "北京市", None),
        ("home", 2, "北京市", None),
        ("of_the_90s", 1, "true", None),
        ("sex", 1, "male", None),
        ("sex", 2, "female", None),
    ]
