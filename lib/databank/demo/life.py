"""Coming, fading, leaving and returning, and what an oracle would foretell from it.

A person is active, fades for two weeks, is gone, and may come back. The simulation and the
oracle use the same daily step, so the oracle's propensities are the true ones.
"""

from dataclasses import dataclass

import numpy as np

from databank.demo.catalogue import Array
from databank.demo.config import FUTURE_DAYS, WorldSettings
from databank.demo.people import People
from databank.demo.purchases import EXTRA_LINE, draw_lines

FADE_DAYS = 14
GONE = FADE_DAYS + 1
ABSENT = GONE + 1  # has not joined yet
INTENSITY = np.concatenate([[1.0], np.linspace(0.8, 0.08, FADE_DAYS), [0.0, 0.0]])
_WEEKDAY = np.array([0.92, 0.90, 0.93, 0.96, 1.05, 1.16, 1.08])
_TOP_SHARE = 0.2
_FUTURES = 64  # simulated futures a person


def week_rhythm(settings: WorldSettings) -> Array:
    """Relative activity of every day of history and future."""
    days = np.arange(settings.days + FUTURE_DAYS) + settings.first_day.weekday()
    return _WEEKDAY[days % 7]


def _step(state: Array, draw: Array, leave: Array, back: float) -> Array:
    """The state of the next day, from one uniform draw a person."""
    faded = np.where((state > 0) & (state < GONE), state + 1, state)
    left = np.where((state == 0) & (draw < leave), 1, faded)
    return np.where((state == GONE) & (draw < back), 0, left)


def draw_states(rng: np.random.Generator, settings: WorldSettings, people: People) -> Array:
    """State of every person (n) on every day (D) of history and future."""
    n, days = len(people.number), settings.days + FUTURE_DAYS
    states = np.empty((n, days), dtype=np.int16)
    state = np.where(people.joined > 0, ABSENT, 0)
    for day in range(days):
        stepped = _step(state, rng.random(n), people.leave, settings.dirt.comes_back)
        state = np.where(people.joined == day, 0, stepped) if day else state
        states[:, day] = state
    return states


@dataclass(frozen=True)
class Oracle:
    """What is knowable at the end of the last day of the history; NaN for who has not joined."""

    p_churn: Array  # probability of no activity in the next 30 days
    p_high_value: Array  # probability to be among the top 20 % spenders of the next 30 days
    expected_spend: Array  # yuan in the next 30 days, returns left out


def foretell(
    rng: np.random.Generator, settings: WorldSettings, people: People, states: Array
) -> Oracle:
    """Play 64 futures a person from the true state and latents of the last day.

    p_churn averages exp(-expected sessions) over the futures of the state. p_high_value is the
    share of futures whose spend is above the 80 % quantile of all futures of the block (a block
    is a fair sample of the world), or above nothing where that quantile is zero.
    """
    n = len(people.number)
    state = np.repeat(states[:, settings.days - 1], _FUTURES)
    leave = np.repeat(people.leave, _FUTURES)
    exposure = np.zeros(n * _FUTURES)
    for weight in week_rhythm(settings)[settings.days :]:
        state = _step(state, rng.random(len(state)), leave, settings.dirt.comes_back)
        exposure += weight * INTENSITY[state]
    sessions = exposure * np.repeat(people.activity, _FUTURES)
    spend = _future_spend(rng, people, sessions)
    high = spend > np.quantile(spend, 1 - _TOP_SHARE)
    unknown = people.joined >= settings.days

    def mean(values: Array) -> Array:
        return np.where(unknown, np.nan, values.reshape(n, _FUTURES).mean(axis=1))

    return Oracle(mean(np.exp(-sessions)), mean(high), mean(spend))


def _future_spend(rng: np.random.Generator, people: People, sessions: Array) -> Array:
    store = np.repeat(people.mix[:, 3], _FUTURES)
    online = rng.poisson(sessions * (1 - store) * np.repeat(people.buys, _FUTURES))
    receipts = rng.poisson(sessions * store)
    lines = online + receipts + rng.binomial(receipts * 2, EXTRA_LINE)
    future = np.repeat(np.arange(len(sessions)), lines)
    drawn = draw_lines(rng, people, future // _FUTURES)
    return np.bincount(future, drawn.cents, minlength=len(sessions)) / 100
