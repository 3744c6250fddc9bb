"""Windows of days and of hours, written as people say them."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

_LAST = re.compile(r"^(last|previous|next) ([1-9][0-9]{0,3}) (day|week|month)s?$")
_HOURS = re.compile(r"^(last|next) ([1-9][0-9]{0,3}) hours?$")
_THIS = ("today", "this week", "this month", "this quarter", "this year")
# the whole one before it -> of which it is the one before
_BEFORE = {
    "yesterday": "today",
    **{f"last {unit}": f"this {unit}" for unit in ("week", "month", "quarter", "year")},
}
_FORMS = (
    "ever, today, this week|month|quarter|year, yesterday, last week|month|quarter|year, "
    "last N hours|days|weeks|months, previous N days|weeks|months, 2026-01-01..2026-01-31"
)


@dataclass(frozen=True)
class Window:
    """A window of whole days, or of hours; which they are depends on the run day."""

    text: str

    @property
    def hours(self) -> int | None:
        """Its hours, of physical time, up to the end of the run day; None = it is of days."""
        match = _HOURS.match(self.text)
        return int(match.group(2)) if match else None

    def days(self, as_of: date) -> tuple[date | None, date]:
        """First day (None = from the beginning) and last day, both included.

        A window of N days ends with `as_of` and includes it; `previous N days` are as many before
        these. `last month` is the calendar month before that of `as_of`, `yesterday` the day
        before it. `next N days` begins the day after and serves labels of models only.

        Raises:
            ValueError: If it is of hours, which may begin within a day.
        """
        if self.hours is not None:
            raise ValueError(f"window {self.text!r} is not of whole days")
        if self.text == "ever":
            return None, as_of
        if self.text in _THIS:
            return _first_of(self.text, as_of), as_of
        if self.text in _BEFORE:
            end = _first_of(_BEFORE[self.text], as_of) - timedelta(days=1)
            return _first_of(_BEFORE[self.text], end), end
        match = _LAST.match(self.text)
        if match:
            count = int(match.group(2))
            if match.group(1) == "next":
                return as_of + timedelta(days=1), _add(as_of, count, match.group(3))
            # a month less, as calendars do: what is before begins on the day after
            before = _add(as_of, -count, match.group(3))
            if match.group(1) == "last":
                return before + timedelta(days=1), as_of
            return _add(as_of, -2 * count, match.group(3)) + timedelta(days=1), before
        first, _, last = self.text.partition("..")
        return date.fromisoformat(first), min(date.fromisoformat(last), as_of)


def parse_window(text: str) -> Window:
    """Read a window.

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    plain = " ".join(text.lower().split())
    if plain == "ever" or plain in _THIS or plain in _BEFORE or _LAST.match(plain):
        return Window(plain)
    hours = _HOURS.match(plain)
    if hours:
        if hours.group(1) == "next":
            raise ValueError(
                f"window {text!r} looks ahead, which is done by whole days; write "
                f"'next {_days_of(int(hours.group(2)))}'"
            )
        return Window(plain)
    first, dots, last = plain.partition("..")
    if dots:
        try:
            begin, end = date.fromisoformat(first), date.fromisoformat(last)
        except ValueError:
            raise ValueError(f"window {text!r} has no valid days; write {_FORMS}") from None
        if end < begin:
            raise ValueError(f"window {text!r} ends before it begins; write {last}..{first}")
        return Window(f"{begin}..{end}")
    raise ValueError(f"unknown window {text!r}; write one of: {_FORMS}")


def refuse_hours(window: Window, *, where: str) -> None:
    """Raise if a window is of hours, of what looks at whole days (`where`, in the plural).

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    if window.hours is not None:
        days = _days_of(window.hours)
        raise ValueError(f"{where} look at whole days, not at {window.text!r}; write 'last {days}'")


def _days_of(hours: int) -> str:
    """The fewest days that have so many hours."""
    days = -(-hours // 24)
    return f"{days} day{'s' if days > 1 else ''}"


def _first_of(text: str, day: date) -> date:
    if text == "this week":
        return day - timedelta(days=day.weekday())
    if text == "this month":
        return day.replace(day=1)
    if text == "this quarter":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day.replace(month=1, day=1) if text == "this year" else day


def _add(day: date, count: int, unit: str) -> date:
    if unit != "month":
        return day + timedelta(days=count * (7 if unit == "week" else 1))
    month = day.year * 12 + day.month - 1 + count
    year, index = divmod(month, 12)
    # the last day of a shorter month, as calendars do
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, index + 1, last)
        except ValueError:
            continue
    raise ValueError(f"no day in {year}-{index + 1}")
