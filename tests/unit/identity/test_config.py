"""conf/identity.yml: short forms, and faults that are told."""

from typing import Any

import pytest
from pydantic import ValidationError

from databank.identity.config import IdentityConfig, Limit

PHONE = {"type": "phone", "value": "+8613812340000"}
USER = {"type": "user_id", "value": "u1"}
NEXT_PHONE = {"type": "phone", "value": "+8613812340001"}
BOTH = [{"a": PHONE, "b": NEXT_PHONE}]


def config(**parts: Any) -> IdentityConfig:
    return IdentityConfig.model_validate({"identifiers": ["user_id", "phone"], **parts})


def test_a_number_is_a_limit_without_a_window() -> None:
    read = config(limits={"phone": {"user_id": 1}}, persons={"phone": {"most": 5, "days": 90}})
    assert read.limits["phone"]["user_id"] == Limit(most=1)
    assert read.persons["phone"] == Limit(most=5, days=90)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"limits": {"phone": {"user": 1}}}, "unknown identifier type 'user'"),
        ({"persons": {"card": 1}}, "unknown identifier type 'card'"),
        ({"persons": {"phone": 0}}, "greater than 0"),
        ({"persons": {"phone": True}}, "valid dictionary"),
        ({"persons": {"phone": {"most": 1, "hours": 3}}}, "Extra inputs"),
        ({"block": [{"type": "phone"}]}, "needs a value or a pattern"),
        ({"block": [{**PHONE, "pattern": "1.*"}]}, "needs a value or a pattern"),
        ({"block": [{"type": "phone", "pattern": "("}]}, "is no pattern"),
        ({"must_link": [{"a": PHONE, "b": PHONE}]}, "is a pair of one"),
        (
            {
                "must_link": [{"a": PHONE, "b": NEXT_PHONE}],
                "cannot_link": [{"a": NEXT_PHONE, "b": PHONE}],
            },
            "in `must_link`",
        ),
        (
            {
                "must_link": [{"a": PHONE, "b": NEXT_PHONE}],
                "ignore_link": [{"a": PHONE, "b": NEXT_PHONE}],
            },
            "in `must_link`",
        ),
        (
            {
                "must_link": [{"a": PHONE, "b": NEXT_PHONE}, {"a": NEXT_PHONE, "b": USER}],
                "cannot_link": [{"a": USER, "b": PHONE}],
            },
            r"cannot_link\[0\]: `must_link` makes a pair of user_id and phone one person",
        ),
        ({"must_link": [{"a": PHONE, "b": USER}], "block": [PHONE]}, r"block\[0\]: a phone that"),
        ({"cannot_link": [{"a": PHONE, "b": {"type": "mail", "value": "a"}}]}, "type 'mail'"),
        ({"engine": "graphx"}, "'databank' or 'graphframes'"),
        ({"gates": {"moved": 2}}, "less than or equal to 1"),
        ({"gates": {"moved": "2%"}}, "valid number"),
        ({"gates": {"moved": True}}, "valid number"),
        ({"gates": {"moved": float("nan")}}, "finite number"),
        ({"gates": {"largest": 0}}, "greater than 0"),
        ({"gates": {"largest": 0.5}}, "valid integer"),
        ({"gates": {"split": 3}}, "Extra inputs"),
    ],
)
def test_a_fault_is_told(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(**parts)
