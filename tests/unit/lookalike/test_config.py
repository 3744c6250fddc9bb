"""What a lookalike's file may say."""

from typing import Any

import pytest
from pydantic import ValidationError

from databank.lookalike.config import LookalikeConfig

PLAIN: dict[str, Any] = {
    "lookalike": "like_buyers",
    "seed": "buyers",
    "features": {"logins": "events('login', 'last 30 days')"},
    "size": 0.05,
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 0}, "greater than 0"),
        ({"size": 10.5}, "no number of persons"),
        ({"levels": {"high": 1.5}}, "different shares"),
        ({"levels": {"high": 0.1, "top": 0.1}}, "different shares"),
        ({"exclude": ["buyers"]}, "the seed is left out anyway"),
        ({"features": {"a": "in_audience('buyers')"}}, "not kept for past days"),
        ({"features": {"person_id": "events('login')"}}, "another name"),
        ({"holdout": 0.9}, r"less than or equal to 0\.5"),
    ],
)
def test_a_fault_is_named_with_its_remedy(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LookalikeConfig.model_validate(PLAIN | changes)


def test_it_refers_to_its_seed_and_to_what_it_leaves_out() -> None:
    config = LookalikeConfig.model_validate(PLAIN | {"exclude": ["opted_out"]})
    assert config.audiences == {"buyers", "opted_out"}
    targets = {m.target for e in config.expressions for m in e.macros if m.target}
    assert targets == {"buyers", "opted_out"}
