"""What is the same whichever day it is computed on does not know the run day."""

from collections.abc import Callable
from typing import Any

import pytest

from databank.archive.config import ArchiveConfig
from databank.indicators.kinds import CountIndicator
from databank.lifecycle.config import SegmentConfig
from databank.sources.references import references
from databank.tags.library import read_tag


def archive(**keys: Any) -> Callable[[], object]:
    return lambda: ArchiveConfig.model_validate(keys)


def indicator() -> object:
    given = {"name": "n", "kind": "count", "event": "buy", "filter": "until > :day"}
    return CountIndicator.model_validate(given)


def segment() -> object:
    return SegmentConfig.model_validate({"name": "s", "when": "r > 3 and :day > date '2026-01-01'"})


@pytest.mark.parametrize(
    ("read", "what"),
    [
        (archive(dimensions={"buy": {"late": "event_ts > :day"}}), "dimensions are"),
        (archive(sessions={"url": "concat(page, :day)"}), "addresses are"),
        (lambda: references("datediff(:day, ts)"), "records are"),
        (indicator, "figures of a day are"),
        (segment, "segments are"),
    ],
)
def test_the_run_day_is_refused(read: Callable[[], object], what: str) -> None:
    with pytest.raises(ValueError, match=rf":day in .*{what} the same whichever day"):
        read()


def test_filters_and_rules_take_it() -> None:
    measure = {"name": "m", "kind": "measure", "event": "buy", "measure": "count"}
    assert read_tag(measure | {"filter": "until > :day"}).name == "m"
    assert read_tag({"name": "r", "kind": "rule", "when": "last < :day"}).expressions[0].asks_day
