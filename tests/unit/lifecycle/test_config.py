"""Faults of conf/lifecycle.yml."""

from typing import Any

import pytest

from databank.lifecycle.config import LifecycleConfig, RfmConfig


def stages(*names: str, when: str = "events('login') >= 1") -> dict[str, Any]:
    return {"stages": [{"name": name, "when": when} for name in names]}


def test_a_stage_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="'aware' is given twice"):
        LifecycleConfig.model_validate(stages("aware", "aware"))


def test_a_name_that_the_flow_uses_is_refused() -> None:
    with pytest.raises(ValueError, match="choose another name"):
        LifecycleConfig.model_validate(stages("new"))


def test_a_stage_that_asks_for_the_stage_is_refused() -> None:
    with pytest.raises(ValueError, match="write the condition itself"):
        LifecycleConfig.model_validate(stages("a", when="stage() = 'b'"))


def test_what_stages_refer_to_is_known() -> None:
    config = LifecycleConfig.model_validate(
        stages("a", when="logins >= 1 and score('churn@champion') > 0.5 and not in_audience('x')")
    )
    assert config.references == {"logins"}
    assert config.models == {"churn"}
    assert config.audiences == {"x"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"cuts": {"r": [7, 7], "f": [2]}}, "do not ascend"),
        ({"segments": [{"name": "a", "when": "m >= 2"}]}, "add `m:`"),
        ({"segments": [{"name": "a", "when": "spend >= 2"}]}, "knows no 'spend'"),
        ({"window": "next 30 days"}, "after the run day"),
        ({"window": "last 25 hours"}, "look at whole days.*write 'last 2 days'"),
    ],
)
def test_a_wrong_rfm_says_what_to_write(changed: dict[str, Any], message: str) -> None:
    good = {"event": "purchase", "cuts": {"r": [7], "f": [2]}}
    with pytest.raises(ValueError, match=message):
        RfmConfig.model_validate(good | changed)
