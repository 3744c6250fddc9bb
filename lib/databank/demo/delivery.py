"""What happens to an event on its way: late, sent twice, cut off, a wrong clock or type."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from databank.demo.activity import DAY_MS
from databank.demo.catalogue import Array
from databank.demo.config import WorldSettings

# Years a wrong clock is off; a battery-less clock starts again far in the past.
_YEARS_OFF = np.array([-20, -10, -5, -1, 1, 3, 10])


@dataclass(frozen=True)
class Delivery:
    """Copies of events as they arrive up to the next day.

    take, day, cut, bad_ts, bad_amount have one entry a delivered row (take = the event);
    ts and sound have one entry an event.
    """

    take: Array
    day: Array  # day index of the file
    cut: Array
    bad_ts: Array
    bad_amount: Array
    ts: Array  # milliseconds since the first day, by the sender's clock
    sound: Array  # at least one copy arrived that can be read and dated

    def rows(self, columns: dict[str, pa.Array]) -> pa.Table:
        """Repeat the columns of the events as they arrived; adds file day, clock and flaws."""
        arrived = pa.table({"at": pa.array(self.ts), **columns}).take(pa.array(self.take))
        flaws = {"cut": self.cut, "bad_ts": self.bad_ts, "bad_amount": self.bad_amount}
        arrived = arrived.append_column("day", pa.array(self.day.astype(np.int32)))
        for name, flaw in flaws.items():
            arrived = arrived.append_column(name, pa.array(flaw))
        return arrived


def deliver(
    rng: np.random.Generator, settings: WorldSettings, ts: Array, has_amount: Array, *, json: bool
) -> Delivery:
    """Send events to the bank.

    Args:
        rng: Random stream of the block.
        settings: The world.
        ts: True time of each event, milliseconds since the first day.
        has_amount: Which events carry an amount (the field that a wrong type may hit).
        json: Whether lines can be cut off.
    """
    dirt, size = settings.dirt, len(ts)
    delay = np.where(rng.random(size) < dirt.late, rng.integers(1, 6, size), 0)
    arrival = ts // DAY_MS + delay
    twice = np.flatnonzero(rng.random(size) < dirt.duplicate)
    again = arrival[twice] + (rng.random(len(twice)) < 0.3)
    take = np.concatenate([np.arange(size), twice])
    day = np.concatenate([arrival, again])
    arrived = day <= settings.days
    take, day = take[arrived], day[arrived]
    off = rng.random(size) < dirt.wrong_clock
    years = rng.choice(_YEARS_OFF, size)
    wrong = rng.random(len(take)) < dirt.wrong_type
    amount = has_amount[take] & (rng.random(len(take)) < 0.5)
    cut = (rng.random(len(take)) < dirt.broken_line) & json
    readable = np.bincount(take[~cut & ~wrong], minlength=size) > 0
    return Delivery(
        take=take,
        day=day,
        cut=cut,
        bad_ts=wrong & ~amount,
        bad_amount=wrong & amount,
        ts=np.where(off, ts + years * 365 * DAY_MS, ts),
        sound=readable & ~off,
    )
