"""The last days on which a person did something, from the archive."""

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from databank.person_view.results import BY_A_DAY
from databank.tables.published_reader import PublishedReader

_TABLE = "archive.person_day"


class ActiveDay(NamedTuple):
    """What a person did on a day.

    Attributes:
        day: Day of the business time zone.
        n: Events; those that the archive makes itself are not counted.
        amount: Sum of their amounts; None where no event had one.
        events: How many of each event, the most frequent first.
        terminals: Where they happened.
    """

    day: date
    n: int
    amount: Decimal | None
    events: list[tuple[str, int]]
    terminals: list[str]


def active_days(
    reader: PublishedReader, person_id: int, day: date | None, *, most: int
) -> list[ActiveDay]:
    """List the last days on which a person did something, the newest first.

    Args:
        reader: The warehouse.
        person_id: The person, as persons are now.
        day: The last day that counts; None = today.
        most: How many days.
    """
    columns = ("day", "event", "sum(n)", "sum(amount)", "list(DISTINCT terminal)")
    where = f"person_id = ? AND synthetic IS NULL AND ({BY_A_DAY})"
    rows = reader.find(_TABLE, columns, f"{where} GROUP BY day, event", [person_id, day, day])
    newest = sorted({row[0] for row in rows}, reverse=True)[:most]
    return [_active_day(on, [row for row in rows if row[0] == on]) for on in newest]


def _active_day(day: date, rows: list[tuple[Any, ...]]) -> ActiveDay:
    amounts = [amount for *_, amount, _ in rows if amount is not None]
    return ActiveDay(
        day,
        sum(n for _, _, n, *_ in rows),
        sum(amounts, Decimal()) if amounts else None,
        sorted(((event, n) for _, event, n, *_ in rows), key=lambda each: (-each[1], each[0])),
        sorted({terminal for *_, places in rows for terminal in places if terminal}),
    )
