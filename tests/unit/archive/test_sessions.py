"""Sessions of a person's day, against a reading of the same events one by one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from pyspark.sql import SparkSession

from databank.archive.config import ArchiveConfig, SessionsConfig
from databank.archive.sessions import dwell_days, visit_days, visits
from databank.archive.tables import VISIT
from databank.session import small_frame
from tests.support.frames import frame

START = datetime(2026, 1, 5, tzinfo=UTC)
SESSIONS = SessionsConfig.model_validate(
    {"timeout": "10 minutes", "events": ["view", "buy"], "dwell": {}}
)
SHAPE = (
    "person_id bigint, day date, source string, event_id string, event_ts timestamp, event string, "
    "terminal string, address string, "
    "origin struct<url: string, referrer: string>, page string"
)
PAID, POSTED = ("/a?gclid=1&utm_campaign=may", None), (None, "https://t.co/x")
ORIGINS = {
    PAID: ("paid search", "google", "cpc", "may"),
    POSTED: ("organic social", "t.co", "referral", None),
    None: ("direct", None, None, None),
}
# few values, so that ties, exact pauses and sessions of one event are met
EVENT = st.tuples(
    st.integers(1, 2),  # person
    st.integers(0, 2 * 288),  # five minutes since the start: two days
    st.sampled_from([0, 0, 1]),  # a microsecond more
    st.sampled_from(["web", "app"]),  # source
    st.sampled_from(["view", "buy", "ad"]),
    st.sampled_from(["web", "app", "", None]),  # terminal
    st.sampled_from(["/a", "/b", None]),
    st.sampled_from([None, None, PAID, POSTED]),
)


def read_one_by_one(events: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The same sessions by a loop over the events in their order."""
    sessions_of_all: list[tuple[Any, ...]] = []
    chosen = sorted(e for e in map(_orderly, events) if e[5] in ("view", "buy"))
    for (person, day), group in groupby(chosen, key=lambda e: (e[0], e[1])):
        sessions: list[list[tuple[Any, ...]]] = []
        for event in group:
            last = sessions[-1][-1][2] if sessions else None
            if last is None or event[2] - last > timedelta(minutes=10):
                sessions.append([])
            sessions[-1].append(event)
        for number, events_of in enumerate(sessions, 1):
            pages = [e[7] for e in events_of if e[7]]
            begun = next((e[8] for e in events_of if e[8]), None)
            first, last = events_of[0][2], events_of[-1][2]
            sessions_of_all.append(
                (
                    person, day, number, first, last,
                    _in_seconds(last - first),
                    len(events_of), len(set(pages)),
                    list(dict.fromkeys(e[6] for e in events_of if e[6])),
                    pages[0] if pages else None, pages[-1] if pages else None,
                    *ORIGINS[begun],
                )
            )  # fmt: skip
    return sessions_of_all


def viewed_one_by_one(events: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], list[Any]]:
    """Page views and seconds on each page, first and last event there, by a loop over the same."""
    pages: dict[tuple[Any, ...], list[Any]] = {}
    chosen = sorted(e for e in map(_orderly, events) if e[5] in ("view", "buy"))
    for (person, day), group in groupby(chosen, key=lambda e: (e[0], e[1])):
        own = list(group)
        on: tuple[str, str] | None = None
        for event, after in zip(own, [*own[1:], None], strict=True):
            on = (event[6] or "", event[7]) if event[7] else on
            pause = after[2] - event[2] if after else timedelta(days=1)
            stays = pause <= timedelta(minutes=10)
            if on is not None:
                row = pages.setdefault((person, day, *on), [0, None, event[2], event[2]])
                row[0] += bool(event[7])
                if stays:
                    row[1] = (row[1] or 0) + _in_seconds(pause)
                row[3] = event[2]
            on = on if stays else None
    return pages


def _orderly(event: tuple[Any, ...]) -> tuple[Any, ...]:
    """As columns are compared: person, day, time, source, id; what follows is never looked at."""
    person, day, source, event_id, at, *rest = event
    return person, day, at, source, event_id, *rest


# worlds of one example share a frame: a plan of Spark costs more than their rows
@settings(max_examples=2)
@given(worlds=st.lists(st.lists(EVENT, min_size=1, max_size=120), min_size=6, max_size=6))
def test_sessions_are_those_of_a_reading_one_by_one(
    spark_session: SparkSession, worlds: list[list[tuple[Any, ...]]]
) -> None:
    events = []
    drawn = [(world, event) for world, of_one in enumerate(worlds) for event in of_one]
    for n, (world, (person, fives, micro, source, event, terminal, page, begun)) in enumerate(
        drawn
    ):
        at = START + timedelta(minutes=5 * fives, microseconds=micro)
        where = (terminal, page, begun, page)
        # persons of different worlds never meet
        key = (10 * world + person, at.date(), source, f"e{n:03d}")
        events.append((*key, at, event, *where))
    made = visits(small_frame(spark_session, events, SHAPE), SESSIONS).cache()
    rows = made.select(*(column.name for column in VISIT.columns)).collect()
    aware = [tuple(_utc(value) for value in row) for row in sorted(map(tuple, rows))]
    assert aware == read_one_by_one(events)
    dwell = dwell_days(made, "dwell").selectExpr(
        "person_id", "day", "terminal", "dims['page']", "n", "quantity", "first_ts", "last_ts"
    )
    dwell_of = {
        tuple(row)[:4]: [_utc(value) for value in tuple(row)[4:]] for row in dwell.collect()
    }
    assert dwell_of == viewed_one_by_one(events)


def _in_seconds(time: timedelta) -> Decimal:
    return Decimal(round(time / timedelta(milliseconds=1))) / 1000


def _utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def test_sessions_are_summed_by_day_first_terminal_and_channel(
    spark_session: SparkSession,
) -> None:
    made = frame(
        spark_session,
        "person_id bigint, day date, first_ts timestamp, last_ts timestamp, seconds decimal(9,3), "
        "used string, channel string",
        """1 | 2026-01-05 | 2026-01-05 08:00 | 2026-01-05 08:10 | 600.5 | web,app | direct
           1 | 2026-01-05 | 2026-01-05 09:00 | 2026-01-05 09:00 | 0     | web     | direct
           1 | 2026-01-05 | 2026-01-05 10:00 | 2026-01-05 10:01 | 60    | web     | email
           1 | 2026-01-05 | 2026-01-05 11:00 | 2026-01-05 11:01 | 60    |         | email""",
    ).selectExpr("*", "coalesce(split(used, ','), array()) AS terminals")
    rows = visit_days(made, "visit").selectExpr(
        "terminal", "event", "dims_json", "dims['channel']", "n", "double(quantity)",
        "hour(first_ts)", "hour(last_ts)", "synthetic",
    )  # fmt: skip
    assert sorted(tuple(row) for row in rows.collect()) == [
        ("", "visit", '{"channel":"email"}', "email", 1, 60.0, 11, 11, True),
        ("web", "visit", '{"channel":"direct"}', "direct", 2, 600.5, 8, 9, True),
        ("web", "visit", '{"channel":"email"}', "email", 1, 60.0, 10, 10, True),
    ]


def test_sessions_need_nothing_said() -> None:
    config = ArchiveConfig.model_validate({"sessions": {}})
    assert config.sessions is not None
    assert (config.sessions.seconds, config.sessions.name) == (1800, "visit")
    assert (config.names, config.names_of("visit"), config.names_of("buy")) == (
        ("channel",), ("channel",), (),
    )  # fmt: skip
    assert ArchiveConfig().sessions is None
    config = ArchiveConfig.model_validate({"sessions": {"dwell": {"name": "look"}}})
    assert (config.names, config.names_of("look")) == (("channel", "page"), ("page",))


@pytest.mark.parametrize(
    ("sessions", "message"),
    [
        ({"timeout": "half an hour"}, "is no length of a pause; write 30 minutes"),
        ({"timeout": "0 minutes"}, "is no length of a pause"),
        ({"timeout": "24 hours"}, "less than a day"),
        ({"events": []}, "at least 1"),
        ({"url": "pge"}, "unknown column 'pge'; did you mean 'page'"),
        ({"referrer": "props['x'"}, "cannot read"),
        ({"url": "stage()"}, "macros are not for addresses"),
        ({"name": "My visit"}, "string should match pattern"),
        ({"pause": 30}, "extra inputs are not permitted"),
        ({"name": "buy"}, "dimensions.buy: what is made of sessions"),
        ({"dwell": {"name": "buy"}}, "dimensions.buy: what is made of sessions"),
        ({"dwell": {"name": "visit"}}, "are both 'visit'"),
        ({"dwell": {"page": "pge"}}, "unknown column 'pge'; did you mean 'page'"),
        ({"dwell": {"page": ""}}, "at least 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(sessions: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="(?i)" + message.replace("(", r"\(")):
        ArchiveConfig.model_validate(
            {"dimensions": {"buy": {"shop": "props['shop']"}}, "sessions": sessions}
        )
