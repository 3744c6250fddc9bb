"""Persons that would hold too much are cut at their weakest links."""

from datetime import date

import networkx as nx
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from pyspark.sql import DataFrame, SparkSession

from databank.errors import DataBankError
from databank.identity import cut_persons
from databank.identity.config import Limit
from databank.identity.exclusions import cuts
from databank.identity.exclusions.cuts import CutRules, cut_links
from databank.session import small_frame
from tests.support.frames import frame

DAY = date(2026, 1, 31)
TYPES = ("user_id", "phone", "cookie")
ONE_USER = CutRules({"user_id": Limit(most=1)}, (), TYPES, DAY)
COLUMNS = ["a_key", "b_key", "a_type", "b_type", "manual", "score", "n", "last"]


def links(*rows: tuple[object, ...]) -> pd.DataFrame:
    """a, b, records; 1-9 are users, 11-19 phones, the rest cookies."""
    full = [(a, b, kind(a), kind(b), False, 1.0, n, 0.0) for a, b, n in rows]
    return pd.DataFrame(full, columns=COLUMNS)


def kind(key: object) -> str:
    return TYPES[min(abs(int(str(key))) // 10, 2)]


def parts(cut: pd.DataFrame) -> set[frozenset[int]]:
    ids = cut[cut["reason"].isna()]
    return {frozenset(group) for _, group in ids.groupby("component")["a_key"]}


def refused(cut: pd.DataFrame) -> list[tuple[int, int, str]]:
    rows = cut[cut["reason"].notna()][["a_key", "b_key", "reason"]]
    return sorted(rows.itertuples(index=False, name=None))


def test_the_link_with_fewer_records_yields() -> None:
    cut = cut_links(links((1, 11, 5), (11, 21, 9), (2, 21, 2)), ONE_USER)
    assert parts(cut) == {frozenset({1, 11, 21}), frozenset({2})}
    assert refused(cut) == [(2, 21, "would give a person 2 user_id (limit 1)")]


def test_the_link_of_the_weaker_type_yields_however_often_it_was_seen() -> None:
    cut = cut_links(links((1, 11, 1), (1, 21, 99), (2, 21, 100), (2, 11, 1)), ONE_USER)
    # the phone goes by the smaller key, the cookie to who has used it most
    assert parts(cut) == {frozenset({1, 11}), frozenset({2, 21})}
    assert [row[:2] for row in refused(cut)] == [(1, 21), (2, 11)]


def test_a_likely_pair_yields_to_what_was_seen() -> None:
    # two users whose profiles are alike, and a cookie of either
    given = links((1, 2, 1), (1, 21, 1), (2, 21, 1))
    given.loc[0, "score"] = 0.99
    assert parts(cut_links(given, ONE_USER)) == {frozenset({1, 21}), frozenset({2})}
    cut = cut_links(given, CutRules({"any": Limit(most=2)}, (), TYPES, DAY))
    assert [row[:2] for row in refused(cut)] == [(1, 2), (2, 21)]


def test_keys_of_64_bits_stay_whole(spark_session: SparkSession) -> None:
    # neighbours among floats of this size are 1,024 apart
    users, cookie = (-9_007_199_254_740_993_001, 9_007_199_254_740_993_003), -635200420765134101
    labels = [(users[0], "user_id", 1), (users[1], "user_id", 1), (cookie, "cookie", 1)]
    schema = "a_key bigint, b_key bigint, rule string, n bigint, last_ts timestamp, score double"
    links = [(user, cookie, "event", n, None, None) for n, user in enumerate(users)]
    kept, rejected = cut_persons(
        small_frame(spark_session, labels, "id_key bigint, id_type string, component bigint"),
        small_frame(spark_session, links, schema),
        ONE_USER,
    )
    assert [(row["a_key"], row["b_key"]) for row in rejected.collect()] == [(users[0], cookie)]
    assert {row["id_key"]: row["component"] for row in kept.collect()} == {
        users[0]: users[0], users[1]: cookie, cookie: cookie,
    }  # fmt: skip


def test_links_of_manual_rules_are_taken_first() -> None:
    given_links = links((1, 21, 99), (2, 21, 1))
    given_links.loc[1, "manual"] = True
    assert parts(cut_links(given_links, ONE_USER)) == {frozenset({1}), frozenset({2, 21})}
    # two users of one person by hand: no limit speaks against it, and no third one comes to them
    both = links((1, 21, 99), (2, 21, 1), (3, 21, 1))
    both.loc[:1, "manual"] = True
    assert parts(cut_links(both, ONE_USER)) == {frozenset({1, 2, 21}), frozenset({3})}
    # and what holds no user comes to them, whichever key is the smaller
    for a, b in ((-25, 2), (2, 25)):
        more = links((1, 21, 1), (2, 21, 1), (a, b, 9))
        more.loc[:1, "manual"] = True
        assert parts(cut_links(more, ONE_USER)) == {frozenset({1, 2, 21, a, b})}
    rules = CutRules(ONE_USER.limits, ((1, 2),), TYPES, DAY)
    assert parts(cut_links(both[:2], rules)) == {frozenset({1, 21}), frozenset({2})}


def test_a_cannot_link_is_cut() -> None:
    rules = CutRules({}, ((1, 2),), TYPES, DAY)
    cut = cut_links(links((1, 11, 5), (2, 11, 4)), rules)
    assert parts(cut) == {frozenset({1, 11}), frozenset({2})}
    assert refused(cut) == [(2, 11, "would join what is kept apart by hand")]


def test_any_limits_the_size() -> None:
    rules = CutRules({"any": Limit(most=3)}, (), TYPES, DAY)
    cut = cut_links(links((11, 21, 5), (21, 22, 4), (22, 23, 3), (23, 24, 2)), rules)
    assert parts(cut) == {frozenset({11, 21, 22}), frozenset({23, 24})}
    assert refused(cut) == [(22, 23, "would give a person 4 identifiers (limit 3)")]


def test_a_window_counts_what_was_seen_in_it() -> None:
    rules = CutRules({"phone": Limit(most=1, days=31)}, (), TYPES, DAY)
    rows = links((1, 11, 5), (1, 12, 4), (1, 13, 3))
    micros = [pd.Timestamp(day).value / 1000 for day in ("2026-01-31", "2025-12-31", "2026-01-01")]
    cut = cut_links(rows.assign(last=micros), rules)
    assert parts(cut) == {frozenset({1, 11, 12}), frozenset({13})}


KEYS = st.one_of(st.integers(1, 5), st.integers(11, 15), st.integers(21, 30))
PAIRS = st.dictionaries(
    st.tuples(KEYS, KEYS).filter(lambda pair: pair[0] < pair[1]), st.integers(1, 9), min_size=1
)


@given(PAIRS, st.randoms(use_true_random=False))
def test_any_graph_is_cut_so_that_limits_hold_whatever_the_order(
    pairs: dict, order: object
) -> None:
    rules = CutRules({"user_id": Limit(most=1), "any": Limit(most=6)}, ((11, 12),), TYPES, DAY)
    rows = links(*((a, b, n) for (a, b), n in pairs.items()))
    cut = cut_links(rows, rules)
    graph = nx.Graph(list(pairs))
    assert {node for part in parts(cut) for node in part} == set(graph)
    for part in parts(cut):
        assert nx.is_connected(graph.subgraph(part))
        assert sum(kind(node) == "user_id" for node in part) <= 1
        assert len(part) <= 6
        assert not {11, 12} <= part
    mixed = rows.sample(frac=1.0, random_state=order.randrange(1000))  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(
        cut_links(mixed, rules).sort_values(list(cut), ignore_index=True),
        cut.sort_values(list(cut), ignore_index=True),
    )


LABELS = "id_key bigint, id_type string, component bigint"
LINKS = "a_key bigint, b_key bigint, rule string, n bigint, last_ts timestamp, score double"
# the component 1 has two users
COMPONENTS = {1: 1, 11: 1, 21: 1, 2: 1, 3: 3, 12: 3, 13: 13}
EVIDENCE = """1 | 11 | event | 5 | 2026-01-02 |
              11 | 21 | event | 9 | 2026-01-02 |
              21 | 2 | event | 1 | 2026-01-02 |
              21 | 2 | profile | 1 | 2026-01-03 |
              3 | 12 | event | 1 | 2026-01-02 |"""


def cut_components(spark: SparkSession, rules: CutRules) -> tuple[DataFrame, DataFrame]:
    labels = "\n".join(f"{n} | {kind(n)} | {whole}" for n, whole in COMPONENTS.items())
    return cut_persons(frame(spark, LABELS, labels), frame(spark, LINKS, EVIDENCE), rules)


def test_only_components_that_break_a_limit_are_cut(spark_session: SparkSession) -> None:
    whole, rejected = cut_components(spark_session, ONE_USER)
    assert sorted(tuple(row) for row in whole.collect()) == [
        (1, 1), (2, 2), (3, 3), (11, 1), (12, 3), (13, 13), (21, 1),
    ]  # fmt: skip
    reason = "would give a person 2 user_id (limit 1)"
    assert [tuple(row) for row in rejected.collect()] == [(2, 21, "person", reason)]


def test_where_no_limit_is_broken_all_stay(spark_session: SparkSession) -> None:
    whole, rejected = cut_components(
        spark_session, CutRules({"user_id": Limit(most=2)}, ((1, 3),), TYPES, DAY)
    )
    assert {row["id_key"]: row["component"] for row in whole.collect()} == COMPONENTS
    assert rejected.isEmpty()


def test_a_component_that_no_task_can_cut_is_refused(
    spark_session: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuts, "_LARGEST", 3)
    with pytest.raises(DataBankError, match="4 identifiers hang together"):
        cut_components(spark_session, ONE_USER)
