"""Windows of days and of hours."""

from datetime import date, timedelta

import pandas as pd
import pytest
from dateutil.relativedelta import relativedelta
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
        ("yesterday", date(2026, 3, 30), date(2026, 3, 30)),
        ("last week", date(2026, 3, 23), date(2026, 3, 29)),
        ("Last Month", date(2026, 2, 1), date(2026, 2, 28)),
        ("last quarter", date(2025, 10, 1), date(2025, 12, 31)),
        ("last year", date(2025, 1, 1), date(2025, 12, 31)),
        ("previous 30 days", date(2026, 1, 31), date(2026, 3, 1)),
        ("previous 1 week", date(2026, 3, 18), date(2026, 3, 24)),
        ("previous 1 month", date(2026, 2, 1), date(2026, 2, 28)),
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


SIX_YEARS = [date(2023, 1, 1) + timedelta(days=n) for n in range(6 * 365 + 2)]
A_DAY = timedelta(days=1)


def by_dateutil(text: str, day: date) -> tuple[date, date]:
    """The same by dateutil and pandas, which know calendars."""
    unit = text.split()[-1]
    if text == "yesterday":
        return day - A_DAY, day - A_DAY
    if unit in ("week", "month", "quarter", "year"):
        letter = {"week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}[unit]
        period = pd.Period(day, freq=letter) - 1
        return period.start_time.date(), period.end_time.date()
    ago = [day - relativedelta(**{unit: n * int(text.split()[1])}) for n in (0, 1, 2)]
    if text.startswith("last"):
        return ago[1] + A_DAY, ago[0]
    return ago[2] + A_DAY, ago[1]


@pytest.mark.parametrize(
    "text",
    [
        *("yesterday", "last week", "last month", "last quarter", "last year"),
        *("last 3 months", "previous 30 days", "previous 2 weeks", "previous 1 months"),
        *("previous 3 months", "last 12 months", "previous 12 months"),
    ],
)
def test_days_of_six_years_are_those_of_calendars(text: str) -> None:
    window = parse_window(text)
    for day in SIX_YEARS:
        assert window.days(day) == by_dateutil(text, day), day


def test_what_was_before_ends_where_the_window_begins() -> None:
    for count in ("30 days", "1 month", "3 months", "5 weeks"):
        last, previous = parse_window(f"last {count}"), parse_window(f"previous {count}")
        for day in SIX_YEARS:
            first, _ = last.days(day)
            begin, end = previous.days(day)
            assert first == end + A_DAY
            assert begin is not None
            assert begin <= end


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
        ("previous 6 hours", "unknown window 'previous 6 hours'"),
        ("last day", "unknown window 'last day'"),
        ("next 24 hours", "looks ahead, which is done by whole days; write 'next 1 day'"),
        ("2026-02-01..2026-01-01", "ends before it begins; write 2026-01-01..2026-02-01"),
        ("2026-02-30..2026-03-01", "no valid days"),
    ],
)
def test_a_wrong_window_is_told_with_its_remedy(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        parse_window(text)
