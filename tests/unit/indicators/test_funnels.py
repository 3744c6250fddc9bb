"""Funnels against every chain that there is, tried one by one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product

from hypothesis import given, settings, strategies as st
from pyspark.sql import SparkSession

from databank.indicators.funnels import count_steps
from databank.indicators.kinds import FunnelIndicator
from databank.session import small_frame

ZERO = datetime(2026, 1, 1, tzinfo=UTC)
# worlds lie so far apart that no funnel of one reaches the next
APART = timedelta(days=30)
SCHEMA = (
    "person_id bigint, day date, event string, terminal string, event_ts timestamp, "
    "dims map<string,string>"
)
# events are called what the sources call them
VIEW, CART, BUY = "$pageview", 'Product "Added"\n', "Order.`Completed'; -- \\"
FUNNELS = [
    {"name": "bought", "steps": [VIEW, CART, BUY], "within": "1 day"},
    {"name": "again", "steps": [BUY, BUY], "within": "30 hours"},
    {"name": "seen_twice", "steps": [VIEW, VIEW, CART], "within": "5 hours"},
    {"name": "in_app", "steps": [VIEW, BUY], "within": "2 days", "filter": "terminal = 'app'"},
]

# person, hours since ZERO, event, terminal
Happened = tuple[int, int, str, str]


def funnels() -> list[FunnelIndicator]:
    return [FunnelIndicator.model_validate({"kind": "funnel", **each}) for each in FUNNELS]


def counted(
    spark: SparkSession, worlds: Sequence[Sequence[Happened]]
) -> list[dict[tuple[str, int, str], tuple[int, int]]]:
    """Count the funnels of each world; all worlds share one frame, a month of days apart."""
    rows = []
    for world, happened in enumerate(worlds):
        for person, hour, event, terminal in happened:
            at = ZERO + world * APART + timedelta(hours=hour)
            rows.append((100 * world + person, at.date(), event, terminal, at, {}))
    counts = count_steps(small_frame(spark, rows, SCHEMA), funnels(), dimensions=())
    by_world: list[dict[tuple[str, int, str], tuple[int, int]]] = [{} for _ in worlds]
    for r in counts.collect():
        world, day = divmod(r["day"] - ZERO.date(), APART)
        by_world[world][r["indicator"], 1 + day.days, r["part"]] = (r["persons"], r["base"])
    return by_world


def by_brute_force(happened: Sequence[Happened]) -> dict[tuple[str, int, str], tuple[int, int]]:
    """Every chain of events, one for each step: is it one?"""
    counts: dict[tuple[str, int, str], tuple[int, int]] = {}
    hours = {"1 day": 24, "30 hours": 30, "5 hours": 5, "2 days": 48}
    for each in FUNNELS:
        steps, within = each["steps"], hours[str(each["within"])]
        kept = [h for h in happened if "filter" not in each or h[3] == "app"]
        reached: dict[tuple[int, int], int] = {}
        for person in {h[0] for h in kept}:
            times = [[t for p, t, e, _ in kept if (p, e) == (person, step)] for step in steps]
            for k in range(1, len(steps) + 1):
                for chain in product(*times[:k]):
                    ordered = all(
                        chain[i] < chain[j] or (chain[i] == chain[j] and steps[i] != steps[j])
                        for j in range(k)
                        for i in range(j)
                    )
                    if ordered and chain[-1] - chain[0] <= within:
                        at = (person, 1 + chain[0] // 24)
                        reached[at] = max(reached.get(at, 0), k)
        for day in {day for _, day in reached}:
            depths = [depth for (_, d), depth in reached.items() if d == day]
            for k, step in enumerate(steps, start=1):
                persons = sum(depth >= k for depth in depths)
                counts[str(each["name"]), day, f"{k} {step}"] = (persons, len(depths))
    return counts


_HAPPENED = st.tuples(
    st.integers(1, 3),
    st.integers(0, 72),
    st.sampled_from([VIEW, CART, BUY]),
    st.sampled_from(["app", "web"]),
)


@settings(max_examples=2)
@given(st.lists(st.lists(_HAPPENED, min_size=1, max_size=30), min_size=20, max_size=20))
def test_funnels_count_what_every_chain_tried_one_by_one_counts(
    spark_session: SparkSession, worlds: list[list[Happened]]
) -> None:
    assert counted(spark_session, worlds) == [by_brute_force(happened) for happened in worlds]


ORDERS: list[tuple[list[Happened], tuple[int, ...]]] = [
    # of one time, either may be first
    ([(1, 5, CART, ""), (1, 5, BUY, ""), (1, 5, VIEW, "")], (1, 1, 1)),
    # the earlier view is too early for the purchase; the later one too late for the cart
    ([(1, 1, VIEW, ""), (1, 2, CART, ""), (1, 3, VIEW, ""), (1, 26, BUY, "")], (1, 1, 0)),
    # exactly a day
    ([(1, 1, VIEW, ""), (1, 2, CART, ""), (1, 25, BUY, "")], (1, 1, 1)),
    ([(1, 1, VIEW, ""), (1, 2, BUY, ""), (1, 3, CART, "")], (1, 1, 0)),
]


def test_order_and_time_decide(spark_session: SparkSession) -> None:
    parts = (f"1 {VIEW}", f"2 {CART}", f"3 {BUY}")
    counts = counted(spark_session, [happened for happened, _ in ORDERS])
    reached = [tuple(each["bought", 1, part][0] for part in parts) for each in counts]
    assert reached == [wanted for _, wanted in ORDERS]
