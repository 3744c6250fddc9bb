"""Where days of a time zone end."""

from datetime import UTC, date, datetime

import pytest

from databank.clock import end_of_day


@pytest.mark.parametrize(
    ("zone", "day", "ends"),
    [
        ("UTC", date(2026, 3, 28), datetime(2026, 3, 29)),
        ("Europe/Berlin", date(2026, 3, 28), datetime(2026, 3, 28, 23)),
        ("Europe/Berlin", date(2026, 3, 29), datetime(2026, 3, 29, 22)),
        ("Asia/Shanghai", date(2026, 12, 31), datetime(2026, 12, 31, 16)),
        # the next day begins at 1 o'clock: there is no midnight
        ("America/Santiago", date(2026, 9, 5), datetime(2026, 9, 6, 4)),
        # the next day has midnight twice, and begins with the first
        ("America/Havana", date(2026, 10, 31), datetime(2026, 11, 1, 4)),
    ],
)
def test_a_day_ends_where_the_next_one_begins(zone: str, day: date, ends: datetime) -> None:
    assert end_of_day(day, zone) == ends.replace(tzinfo=UTC)
