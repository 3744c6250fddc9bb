"""Faults of conf/tags, and the order of tags."""

import subprocess
import sys
from typing import Any

import pytest

from databank.dag import Dag
from databank.tags.base import TagBase
from databank.tags.library import read_tag


def tag(name: str, when: str) -> TagBase:
    return read_tag({"name": name, "kind": "rule", "when": when})


def graph(*tags: TagBase) -> Dag[str]:
    return Dag({each.name: each.references for each in tags})


def test_tags_come_after_those_they_are_made_of() -> None:
    given = [tag("c", "a and b"), tag("b", "a"), tag("a", "elsewhere > 1")]
    assert graph(*given).levels() == [["a"], ["b"], ["c"]]


def test_a_circle_is_found_with_its_path() -> None:
    assert graph(tag("a", "b"), tag("b", "a")).find_cycle() == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "measure", "measure": "count"}, "lacks `event`; write"),
        ({"kind": "rule", "when": "a", "event": "login"}, "no use for `event`; remove it"),
        ({"kind": "measure", "event": "a", "measure": "median"}, "unknown measure 'median'"),
        ({"kind": "measure", "event": "a", "measure": "distinct"}, "write measure: distinct, by: "),
        ({"kind": "measure", "event": "a", "measure": "count", "by": "b"}, "`by` names the dimens"),
        ({"kind": "attribute", "attribute": "a", "prefer": "oldest"}, "'newest' or 'most frequent"),
        ({"kind": "rule", "when": "distinct('read') > 1"}, "takes 2 to 4 arguments, not 1; write"),
        ({"kind": "measure", "event": "a", "measure": "recency", "window": "today"}, "whole past"),
        ({"kind": "measure", "event": "a", "measure": "count", "window": "last decade"}, "window"),
        ({"kind": "measure", "event": "a", "measure": "count", "window": "next 3 days"}, "after"),
        (
            {"kind": "top", "event": "a", "by": "b", "window": "last 30 hours"},
            "top values and preferences look at whole days, not at 'last 30 hours'",
        ),
        (
            {"kind": "preference", "event": "a", "by": "b", "value": "c", "window": "last 1 hour"},
            "look at whole days, not at 'last 1 hour'; write 'last 1 day'",
        ),
        (
            {"kind": "rule", "when": "stopped('a', '6 hours')"},
            "first_time\\(\\) and stopped\\(\\) look at whole days, not at 'last 6 hours'; write",
        ),
        ({"kind": "rule", "when": "evnts('login') > 1"}, "did you mean 'events'"),
        ({"kind": "percentile", "of": "spend", "share": 20}, "less than 1"),
    ],
)
def test_a_wrong_tag_says_what_to_write(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_tag({"name": "x"} | given)


def test_a_tag_knows_its_type_and_what_it_refers_to() -> None:
    banded = {"name": "risk", "kind": "model", "model": "churn@champion", "bands": {"high": 0.7}}
    risk = read_tag(banded)
    assert (risk.type, risk.models) == ("text", {"churn"})
    top = read_tag({"name": "t", "kind": "percentile", "of": "spend", "share": 0.2})
    assert (top.type, top.references) == ("boolean", {"spend"})
    assert tag("r", "spend > 1 and in_audience('x')").audiences == {"x"}


def test_reading_tags_does_not_import_spark() -> None:
    code = "import sys, databank.tags.library; sys.exit('pyspark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
