import re

import numpy as np
import phonenumbers
import pytest
from email_validator import validate_email
from stdnum import imei, luhn

from databank.demo.ids import NONE, PLACEHOLDERS, IdMaker, luhn_digit, render, styled

MAKE = IdMaker(seed=3)
OWNERS = range(1, 3001)


def test_imeis_pass_the_luhn_check() -> None:
    assert all(imei.is_valid(MAKE.imei(owner, 0)) for owner in OWNERS)


def test_the_check_digit_agrees_with_stdnum() -> None:
    numbers = [str(n * 7919).zfill(14) for n in range(1, 200)]
    assert [luhn_digit(n) for n in numbers] == [int(luhn.calc_check_digit(n)) for n in numbers]


def test_phones_are_valid_chinese_mobiles_in_e164() -> None:
    for owner in OWNERS:
        text = MAKE.phone(owner, owner % 2)
        number = phonenumbers.parse(text, None)
        assert phonenumbers.is_valid_number_for_region(number, "CN"), text
        assert phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
        assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == text


@pytest.mark.parametrize("style", range(8))
def test_every_way_to_write_a_phone_is_the_same_number(style: int) -> None:
    plain = MAKE.phone(17, 0)
    written = styled("phone", plain, style).removeprefix("0086")
    assert phonenumbers.parse(written, "CN") == phonenumbers.parse(plain, None)


def test_mails_are_valid_and_use_reserved_domains() -> None:
    for owner in range(1, 50):
        mail = MAKE.email(owner)
        assert validate_email(mail, check_deliverability=False).normalized == mail
        assert re.search(r"@example\.(com|org|net)$", mail)


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("cookie", r"[0-9a-f]{32}"),
        ("idfa", r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}"),
        ("gaid", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("oaid", r"[0-9a-f]{16,64}"),
        ("imei", r"\d{15}"),
        ("openid", r"o[\w-]{27}"),
        ("phone", r"\+861\d{10}"),
    ],
)
def test_identifiers_have_their_form_and_are_unique(kind: str, form: str) -> None:
    made = [getattr(MAKE, kind)(owner, 0) for owner in OWNERS]
    assert all(re.fullmatch(form, value) for value in made)
    assert len(set(made)) == len(made)


@pytest.mark.parametrize("kind", ["email", "unionid", "member_card", "user_id"])
def test_identifiers_of_a_person_are_unique(kind: str) -> None:
    assert len({getattr(MAKE, kind)(owner) for owner in OWNERS}) == len(OWNERS)


def test_another_seed_makes_other_identifiers() -> None:
    assert IdMaker(4).cookie(1, 0) != MAKE.cookie(1, 0)
    assert IdMaker(4).phone(1, 0) != MAKE.phone(1, 0)


def test_empty_and_placeholder_keys_are_rendered_as_such() -> None:
    column = render("imei", np.array([NONE, NONE - 1, 7]), None, lambda key: f"imei {key}")
    assert column.to_pylist() == [None, PLACEHOLDERS["imei"][0], "imei 7"]
