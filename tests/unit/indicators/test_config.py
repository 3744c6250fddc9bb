"""What an indicator may say, and what error it gets otherwise."""

import pytest
from pydantic import ValidationError

from databank.indicators.config import INDICATOR_KINDS
from databank.indicators.kinds import ActiveIndicator, IndicatorBase


def made(**given: object) -> IndicatorBase:
    return INDICATOR_KINDS.read({"name": "x", **given})


FUNNEL = {"kind": "funnel", "steps": ["a", "b"], "within": "7 days"}
RETENTION = {"kind": "retention", "event": "login", "on": [1]}
ACTIVE = {"kind": "active", "event": "login"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "sum", "event": "buy"}, "lacks `of`; write {name: x, kind: sum, event: purchase"),
        ({"kind": "new", "event": "buy", "window": "last 7 days"}, "no use for `window`; remove"),
        (FUNNEL | {"steps": ["a"]}, "a funnel of one step is no funnel; write two steps"),
        (FUNNEL | {"steps": ["a", "b", "a"]}, "the steps come back to 'a'; an event can be"),
        (FUNNEL | {"within": "soon"}, "no length of time; write 24 hours or 7 days"),
        (FUNNEL | {"within": "0 days"}, "no length of time"),
        (FUNNEL | {"by": "shop"}, "no use for `by`; remove it"),
        (FUNNEL | {"filter": "amount > 5"}, "uses 'amount', a sum of a day"),
        (RETENTION | {"on": [0, 7]}, "day 0 is not after the first day; write days from 1 on"),
        (RETENTION | {"on": [7, 7]}, "has a day twice"),
        (ACTIVE | {"window": "next 7 days"}, "write last N days"),
        (ACTIVE | {"window": "this month"}, "write last N days"),
        (ACTIVE | {"window": "last 6 hours"}, "indicators look at whole days, not at 'last 6 ho"),
        (ACTIVE | {"window": "last week"}, "is not of the days that end with each day"),
        (ACTIVE | {"filter": "events('a') > 1"}, "`filter` has a macro"),
        (ACTIVE | {"filter": "terminal ="}, "cannot read"),
    ],
)
def test_what_is_wrong_is_told_with_its_remedy(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        made(**given)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("given", "ahead"),
    [
        (ACTIVE, 0),
        (RETENTION | {"on": [30, 1]}, 30),
        # begun at the end of a day, 36 hours reach into the second day after it
        (FUNNEL | {"within": "36 hours"}, 2),
        (FUNNEL | {"steps": ["a", "a", "b"], "within": "1 hour"}, 1),
    ],
)
def test_days_after_a_day_that_change_its_figure(given: dict[str, object], ahead: int) -> None:
    assert made(**given).ahead == ahead


@pytest.mark.parametrize(("window", "days"), [(None, 1), ("last 2 weeks", 14)])
def test_days_of_a_window(window: str | None, days: int) -> None:
    active = made(**ACTIVE, window=window)
    assert isinstance(active, ActiveIndicator)
    assert active.days == days
