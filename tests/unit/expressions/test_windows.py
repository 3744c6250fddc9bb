"""Windows of days and of hours."""

from datetime import date, timedelta

import pytest
from hypothesis import given, strategies as st

from databank.expressions import parse_window

DAY = date(2026, 3, 31)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("ever", None, DAY),
        ("today", DAY, DAY),
        ("this week", date(2026, 3, 30), DAY),
        ("this month", date(2026, 3, 1), DAY),
        ("this quarter", date(2026, 1, 1), DAY),
        ("this year", date(2026, 1, 1), DAY),
        ("last 1 day", DAY, DAY),
        ("Last  30 Days", date(2026, 3, 2), DAY),
        ("last 2 weeks", date(2026, 3, 18), DAY),
        ("last 1 month", date(2026, 3, 1), DAY),
        ("next 30 days", date(2026, 4, 1), date(2026, 4, 30)),
        ("2026-01-01..2026-01-31", date(2026, 1, 1), date(2026, 1, 31)),
        ("2026-03-01..2026-12-31", date(2026, 3, 1), DAY),
    ],
)
def test_a_window_names_its_first_and_last_day(text: str, first: date | None, last: date) -> None:
    assert parse_window(text).days(DAY) == (first, last)


@given(st.integers(1, 400), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_a_window_of_n_days_holds_n_days_and_ends_with_the_run_day(count: int, day: date) -> None:
    first, last = parse_window(f"last {count} days").days(day)
    assert last == day
    assert first == day - timedelta(days=count - 1)


@given(st.integers(1, 40), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_windows_of_months_exist_on_every_day(count: int, day: date) -> None:
    first, last = parse_window(f"last {count} months").days(day)
    assert first is not None
    assert 27 * count <= (last - first).days + 1 <= 31 * count + 4


@pytest.mark.parametrize(("text", "hours"), [("Last  36 Hours", 36), ("last 1 hour", 1)])
def test_a_window_of_hours_has_no_days(text: str, hours: int) -> None:
    window = parse_window(text)
    assert window.hours == hours
    with pytest.raises(ValueError, match="not of whole days"):
        window.days(DAY)


def test_a_window_of_days_has_no_hours() -> None:
    assert parse_window("last 1 day").hours is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lst 3 days", "unknown window"),
        ("last 0 days", "unknown window"),
        ("last 40000 days", "unknown window"),
        ("last 0 hours", "unknown window .*; write one of: .*last N hours|days"),
        ("next 24 hours", "looks ahead, which is done by whole days; write 'next 1 day'"),
        ("2026-02-01..2026-01-01", "ends before it begins; write 2026-01-01..2026-02-01"),
        ("2026-02-30..2026-03-01", "no valid days"),
    ],
)
def test_a_wrong_window_is_told_with_its_remedy(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        parse_window(text)
