"""What an indicator may say, and what error it gets otherwise."""

import pytest
from pydantic import ValidationError

from databank.indicators.config import IndicatorConfig


def made(**given: object) -> IndicatorConfig:
    return IndicatorConfig.model_validate({"name": "x", **given})


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
        (FUNNEL | {"by": "shop"}, "remove `by` and write a funnel for each value"),
        (FUNNEL | {"filter": "amount > 5"}, "uses 'amount', a sum of a day"),
        (RETENTION | {"on": [0, 7]}, "day 0 is not after the first day; write days from 1 on"),
        (RETENTION | {"on": [7, 7]}, "has a day twice"),
        (ACTIVE | {"window": "next 7 days"}, "write last N days"),
        (ACTIVE | {"window": "this month"}, "write last N days"),
        (ACTIVE | {"window": "last 6 hours"}, "indicators look at whole days, not at 'last 6 ho"),
        (ACTIVE | {"window": "last week"}, "unknown window"),
        (ACTIVE | {"filter": "events('a') > 1"}, "`filter` has a macro"),
        (ACTIVE | {"filter": "terminal ="}, "cannot read"),
    ],
)
def test_what_is_wrong_is_told_with_its_remedy(given: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        made(**given)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("given", "days", "ahead"),
    [
        (ACTIVE, 1, 0),
        (ACTIVE | {"window": "last 2 weeks"}, 14, 0),
        (RETENTION | {"on": [30, 1]}, 1, 30),
        # begun at the end of a day, 36 hours reach into the second day after it
        (FUNNEL | {"within": "36 hours"}, 1, 2),
        (FUNNEL | {"steps": ["a", "a", "b"], "within": "1 hour"}, 1, 1),
    ],
)
def test_days_that_a_figure_looks_at(given: dict[str, object], days: int, ahead: int) -> None:
    assert (made(**given).days, made(**given).ahead) == (days, ahead)
