"""What a model's file may say."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from databank.config import ConfigReader
from databank.lookalike.config import LookalikeConfig
from databank.models.config import spec_type
from databank.models.families.tabular_spec import TabularSpec
from tests.unit.models.samples import GONE, model

CONF = Path(__file__).parents[3] / "conf"


@pytest.mark.parametrize("folder", [CONF, CONF / "examples" / "online_retail"])
def test_the_files_that_come_along_are_without_fault(folder: Path) -> None:
    reader = ConfigReader(folder)
    assert reader.read_folder("models", spec_type)
    reader.read_folder("lookalikes", LookalikeConfig)
    reader.finish()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": {"num_trees": 10}}, "no parameter 'num_trees'"),
        ({"algorithm": "random_forest", "parameters": {"max_dept": 3}}, "mean 'max_depth'"),
        ({"algorithm": "random_forest", "parameters": {"max_depth": 90}}, "from 1 to 20"),
        ({"algorithm": "random_forest", "parameters": {"max_depth": 2.5}}, "whole number"),
        ({"features": {"a": "logins_30d + 1"}}, "macros only, not logins_30d"),
        ({"features": {"a": "score('other')"}}, "score\\(\\) is not kept for past days"),
        ({"features": {"a": "events('login', 'next 7 days')"}}, "look into the future"),
        ({"features": {"a": "1 + 1"}}, "a constant has no effect"),
        ({"features": {"label": "events('login')"}}, "give the feature another name"),
        ({"features": {}}, "at least 1 item"),
        ({"population": "stage() = 'new'"}, "stage\\(\\) is not kept"),
        ({"label": {"when": "events('login') = 0", "days": 30}}, "looks 0 days ahead"),
        (
            {"label": GONE | {"when": f"{GONE['when']} and events('login', 'last 6 hours') = 0"}},
            "labels look at whole days, not at 'last 6 hours'; write 'last 1 day'",
        ),
        (
            {"label": {"when": "events('login', 'next 30 hours') = 0", "days": 30}},
            "looks ahead, which is done by whole days; write 'next 2 days'",
        ),
        ({"label": GONE | {"days": 7}}, "looks 30 days ahead and `days` is 7"),
        ({"label": GONE | {"top_share": 0.2}}, "needs one form"),
        ({"label": {"top_share": 0.2, "days": 30}}, "needs one form"),
        ({"train_every": "monthly"}, "pattern"),
    ],
)
def test_a_fault_is_named_with_its_remedy(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        model(**changes)


def test_a_feature_may_be_a_text_or_spelled_out() -> None:
    short, long = "events('login')", {"of": "events('login')", "log": False, "missing": [-1]}
    features = model(features={"a": short, "b": long}).features
    assert features["a"].log
    assert features["b"].missing == (-1.0,)
    assert features["a"].expression == features["b"].expression


def test_parameters_left_out_take_their_defaults() -> None:
    forest = model(algorithm="random_forest", parameters={"max_depth": 3})
    assert forest.all_parameters["max_depth"] == 3
    assert forest.all_parameters["num_trees"] == 60


def test_a_changed_gate_does_not_make_another_model_but_a_changed_feature_does() -> None:
    plain = model()
    assert model(gate={"auc": 0.9}, train_every="7 days").spec_hash == plain.spec_hash
    assert model(features={"a": "events('login')"}).spec_hash != plain.spec_hash


def test_a_spec_survives_being_written_down() -> None:
    plain = model(population="events('login') >= 1")
    again = TabularSpec.model_validate_json(plain.model_dump_json())
    assert again == plain
    assert again.spec_hash == plain.spec_hash
