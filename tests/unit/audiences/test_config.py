"""Faults of conf/audiences."""

import pytest

from databank.audiences.config import AudienceConfig


def test_an_audience_that_asks_for_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="asks for itself; remove"):
        AudienceConfig(audience="a", where="not in_audience('a')")


def test_a_wrong_macro_says_what_to_write() -> None:
    with pytest.raises(ValueError, match="unknown window 'last moon'"):
        AudienceConfig(audience="a", where="events('login', 'last moon') >= 1")


def test_what_an_audience_refers_to_is_known() -> None:
    where = "spend > 1 and score('churn@champion') > 0.5 and in_audience('b') and stage() = 'x'"
    config = AudienceConfig(audience="a", where=where)
    assert (config.references, config.models, config.audiences) == ({"spend"}, {"churn"}, {"b"})
