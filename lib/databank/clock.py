"""Days of the business time zone; the only place that asks what time it is."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from databank.errors import DataBankError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_day(text: str, *, option: str = "--date") -> date:
    """Read a day written as YYYY-MM-DD, the value of an option.

    Raises:
        DataBankError: If the text is not a day of the calendar.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DataBankError(
            f"{option}: {text!r} is not a day; write it as YYYY-MM-DD, for example 2026-01-31"
        ) from None


def today(timezone: str) -> date:
    """Give the current day in the business time zone."""
    return datetime.now(ZoneInfo(timezone)).date()


def now() -> datetime:
    """Give the current instant in UTC; for run records and leases, never for a transform."""
    return datetime.now(UTC)


def from_microseconds(microseconds: int) -> datetime:
    """Give the instant so many microseconds after the beginning of 1970, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def end_of_day(day: date, timezone: str) -> datetime:
    """Give the instant at which a day of a time zone ends and the next one begins, in UTC."""
    midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(timezone))
    return midnight.astimezone(UTC)


def last_hours(hours: int, day: date, timezone: str) -> tuple[datetime, datetime, date]:
    """Give the hours up to the end of a day in physical time: begin, end (in UTC), first day."""
    end = end_of_day(day, timezone)
    begin = end - timedelta(hours=hours)
    return begin, end, begin.astimezone(ZoneInfo(timezone)).date()


def refuse_future(day: date, *, timezone: str, option: str = "--date") -> None:
    """Raise if the run day has not begun: its data cannot be complete, a later run would differ.

    Raises:
        DataBankError: Naming the day and the latest day that may be run.
    """
    latest = today(timezone)
    if day > latest:
        raise DataBankError(
            f"{option}: {day} lies in the future; the latest day that can be given is {latest} "
            f"(time zone {timezone})"
        )
