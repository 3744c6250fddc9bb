"""Tags end to end: the archive in, tags.person_tag out."""

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession, functions as F

from databank.archive.config import ArchiveConfig
from databank.errors import DataBankError
from databank.session import small_frame
from databank.sources.tables import PROFILES
from databank.tags.build import JOB
from databank.tags.library import TagsConfig, read_tag
from databank.tags.tables import PERSON_TAG
from tests.support.bank import Bank, make_bank

ARCHIVE = ArchiveConfig.model_validate({"dimensions": {"read": {"category": "props['category']"}}})
DAYS = """
    1 | 2026-01-31 | login    | 3 |
    1 | 2026-01-02 | login    | 1 |
    1 | 2025-12-01 | login    | 9 |
    2 | 2026-01-30 | login    | 1 |       | app
    1 | 2026-01-10 | purchase | 2 | 30.00
    2 | 2026-01-20 | purchase | 1 | 99.00
    3 | 2026-01-20 | purchase | 1 | 5.00
    3 | 2026-01-21 | return   | 1 | -5.00
    1 | 2026-01-05 | read     | 9 |       | | category=sport
    1 | 2026-01-05 | read     | 1 |       | | category=tech
    2 | 2026-01-05 | read     | 1 |       | | category=sport
    2 | 2026-01-05 | read     | 9 |       | | category=tech
"""


def tags(*given: dict[str, object]) -> TagsConfig:
    return TagsConfig(tuple(read_tag(each) for each in given), ARCHIVE)


LOGINS = {"name": "logins", "kind": "measure", "event": "login", "measure": "count",
          "window": "last 30 days"}  # fmt: skip
SPEND = {"name": "spend", "kind": "measure", "event": "purchase", "measure": "sum(amount)"}


@pytest.fixture(scope="module")
def bank(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return make_bank(spark_session, tmp_path_factory.mktemp("bank"), persons=4, days=DAYS)


def test_measures_rules_percentiles_and_preferences_come_from_one_build(bank: Bank) -> None:
    library = tags(
        LOGINS,
        SPEND,
        {"name": "days", "kind": "measure", "event": "login", "measure": "days"},
        {"name": "largest", "kind": "measure", "event": "purchase", "measure": "max(amount)"},
        {"name": "mean", "kind": "measure", "event": "purchase", "measure": "avg(amount)"},
        {"name": "recency", "kind": "measure", "event": "purchase", "measure": "recency"},
        {"name": "app", "kind": "measure", "event": "login", "measure": "count",
         "filter": "terminal = 'app'"},
        {"name": "active", "kind": "rule", "when": "logins >= 4"},
        {"name": "idle", "kind": "rule", "when": "not active"},
        {"name": "top", "kind": "percentile", "of": "spend", "share": 0.34},
        {"name": "sport", "kind": "preference", "event": "read", "by": "category",
         "value": "sport"},
    )  # fmt: skip
    bank.run(JOB, library)
    numbers = bank.rows(
        PERSON_TAG, "tag", "person_id", "value_double", where="value_string is null"
    )
    assert numbers == [
        ("app", 2, 1.0),
        ("days", 1, 3.0), ("days", 2, 1.0),
        ("largest", 1, 30.0), ("largest", 2, 99.0), ("largest", 3, 5.0),
        ("logins", 1, 4.0), ("logins", 2, 1.0),
        ("mean", 1, 15.0), ("mean", 2, 99.0), ("mean", 3, 5.0),
        ("recency", 1, 21.0), ("recency", 2, 11.0), ("recency", 3, 11.0),
        ("spend", 1, 30.0), ("spend", 2, 99.0), ("spend", 3, 5.0),
    ]  # fmt: skip
    yes = bank.rows(PERSON_TAG, "tag", "person_id", where="value_string = 'true'")
    # NOT is the complement among all four persons, those without any event included
    assert yes == [("active", 1), ("idle", 2), ("idle", 3), ("idle", 4), ("sport", 1), ("top", 2)]
    assert bank.metrics("tag_coverage", "tag")["idle"] == 3


def test_what_spark_does_not_accept_is_refused_before_anything_is_read(bank: Bank) -> None:
    library = tags(SPEND, {"name": "rich", "kind": "rule", "when": "date_add(spend, 1) > 2"})
    with pytest.raises(DataBankError, match=r"conf/tags: tag 'rich': Spark does not accept"):
        bank.run(JOB, library)
    assert bank.store.versions_read == {}


def longest_run(days: list[date]) -> int:
    runs = [1]
    for a, b in pairwise(days):
        runs.append(runs[-1] + 1 if (b - a).days == 1 else 1)
    return max(runs)


def test_days_in_a_row_values_and_first_days_against_pandas(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    rng, first = np.random.default_rng(11), date(2026, 1, 1)
    events = pd.DataFrame(
        {
            "person": rng.integers(1, 8, 90),
            "day": [first + timedelta(days=int(n)) for n in rng.integers(0, 31, 90)],
            "category": rng.choice(["sport", "tech", "food", ""], 90),
            "amount": rng.integers(-9, 90, 90) / 2,
        }
    ).drop_duplicates(["person", "day", "category"])
    lines = [
        f"{r.person} | {r.day} | read | 1 | {r.amount} | | "
        + (f"category={r.category}" if r.category else "")
        for r in events.itertuples()
    ]
    bank = make_bank(spark_session, tmp_path, persons=9, days="\n".join(lines))
    window = "2026-01-04..2026-01-28"
    measures = ("distinct", "streak", "min(amount)", "first", "last")
    library = tags(
        *(
            {"name": name.split("(")[0], "kind": "measure", "event": "read", "measure": name,
             "window": window, **({"by": "category"} if name == "distinct" else {})}
            for name in measures
        ),
        {"name": "late", "kind": "rule", "when": "last >= date '2026-01-27'"},
        {"name": "keen", "kind": "rule", "when": "days_in_a_row('read') > distinct('read', "
         "'category', 'ever', 'terminal is null')"},
    )  # fmt: skip
    bank.run(JOB, library)
    inside = events[events.day.between(date(2026, 1, 4), date(2026, 1, 28))]
    by_person, wanted = inside.groupby("person"), []
    for person, seen in by_person:
        days = sorted(set(seen.day))
        values = seen.category[seen.category != ""].nunique()
        wanted += [(person, "first", None, days[0]), (person, "last", None, days[-1])]
        wanted += [
            (person, "min", seen.amount.min(), None),
            (person, "streak", longest_run(days), None),
        ]
        wanted += [(person, "distinct", values, None)] if values else []
    columns = ("person_id", "tag", "value_double", "value_date")
    rows = bank.rows(PERSON_TAG, *columns, where="value_string is null")
    assert rows == sorted(wanted, key=repr)
    late = {row[0] for row in bank.rows(PERSON_TAG, "person_id", where="tag = 'late'")}
    assert late == {person for person, seen in by_person if max(seen.day) >= date(2026, 1, 27)}
    keen = {row[0] for row in bank.rows(PERSON_TAG, "person_id", where="tag = 'keen'")}
    assert keen == {
        person
        for person, seen in events.groupby("person")
        if longest_run(sorted(set(seen.day))) > seen.category[seen.category != ""].nunique()
    }


def test_a_part_replaces_only_its_own_tags_and_reads_the_others(bank: Bank) -> None:
    bank.run(JOB, tags(LOGINS, SPEND))
    library = tags(LOGINS, {"name": "active", "kind": "rule", "when": "logins >= 1"})
    bank.run(JOB, library, nodes=("active",))
    # spend has left the configuration
    assert bank.rows(PERSON_TAG, "tag", "person_id") == [
        ("active", 1), ("active", 2), ("logins", 1), ("logins", 2),
    ]  # fmt: skip


def test_a_second_run_of_a_day_gives_the_same_rows(bank: Bank) -> None:
    bank.run(JOB, tags(LOGINS, SPEND))
    before = bank.rows(PERSON_TAG, "*")
    bank.run(JOB, tags(SPEND, LOGINS))
    assert bank.rows(PERSON_TAG, "*") == before


def test_a_null_condition_is_no_tag(bank: Bank) -> None:
    recency = {"name": "recency", "kind": "measure", "event": "purchase", "measure": "recency"}
    bank.run(JOB, tags(recency, {"name": "late", "kind": "rule", "when": "recency > 15"}))
    assert bank.rows(PERSON_TAG, "person_id", where="tag = 'late'") == [(1,)]


def test_which_of_several_values_is_believed(spark_session: SparkSession, tmp_path: Path) -> None:
    bank = make_bank(spark_session, tmp_path, persons=3, days="1 | 2026-01-01 | login | 1")
    statements = [
        ("crm", "a", 1, "Wuhan", 5), ("app", "b", 1, "Suzhou", 6), ("app", "c", 1, "Wuhan", 4),
        ("app", "d", 1, "Nanjing", 9), ("crm", "e", 1, "", 10),
        ("app", "f", 2, "Suzhou", 6), ("pos", "g", 2, "Wuhan", 8), ("pos", "h", 3, "Qingdao", 8),
    ]  # fmt: skip
    rows = [
        (source, record, person, {"city": city}, f"2026-01-{day:02d} 00:00:00")
        for source, record, person, city, day in statements
    ]
    shape = (
        "source string, record_id string, id_key bigint, attributes map<string,string>, at string"
    )
    profiles = small_frame(spark_session, rows, shape)
    bank.publish({PROFILES: profiles.withColumn("updated_ts", F.col("at").cast("timestamp"))})
    given = {
        "newest": {},
        "only": {"sources": ["app"]},
        "trusted": {"sources": ["crm", "app"]},
        "frequent": {"prefer": "most frequent"},
        "frequent_of": {"prefer": "most frequent", "sources": ["app", "pos"]},
    }
    bank.run(
        JOB,
        tags(
            *({"name": n, "kind": "attribute", "attribute": "city"} | k for n, k in given.items())
        ),
    )
    cities: dict[str, dict[int, str]] = {name: {} for name in given}
    for tag, person, city in bank.rows(PERSON_TAG, "tag", "person_id", "value_string"):
        cities[tag][person] = city
    assert cities == {
        "newest": {1: "Nanjing", 2: "Wuhan", 3: "Qingdao"},
        "only": {1: "Nanjing", 2: "Suzhou"},
        "trusted": {1: "Wuhan", 2: "Suzhou"},
        # 2 has one of each: the newer one
        "frequent": {1: "Wuhan", 2: "Wuhan", 3: "Qingdao"},
        # of the source named first, whatever the other one says
        "frequent_of": {1: "Nanjing", 2: "Suzhou", 3: "Qingdao"},
    }


def test_the_newest_attribute_of_any_profile_counts(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    bank = make_bank(spark_session, tmp_path, persons=2, days="1 | 2026-01-01 | login | 1")
    profiles = spark_session.sql(
        """
        SELECT * FROM VALUES
          ('crm', 'a', 1L, array(1L), map('city', 'Wuhan'), timestamp'2026-01-05 00:00:00'),
          ('crm', 'b', 1L, array(1L), map('city', 'Suzhou'), timestamp'2026-01-06 00:00:00'),
          ('crm', 'c', 1L, array(1L), map('city', ' '), timestamp'2026-01-07 00:00:00'),
          ('crm', 'd', 1L, array(1L), map('city', 'Chengdu'), timestamp'2026-02-07 00:00:00')
        AS t(source, record_id, id_key, ids, attributes, updated_ts)
        """
    )
    bank.publish({PROFILES: profiles})
    bank.run(JOB, tags({"name": "city", "kind": "attribute", "attribute": "city"}))
    assert bank.rows(PERSON_TAG, "person_id", "value_string") == [(1, "Suzhou")]


def test_a_tag_whose_type_has_changed_is_built_again_before_it_is_read(bank: Bank) -> None:
    who = {"name": "who", "kind": "measure", "event": "login", "measure": "count"}
    keen = {"name": "keen", "kind": "rule", "when": "who"}
    bank.run(JOB, tags(who))
    by_now = tags({"name": "who", "kind": "rule", "when": "events('login') > 1"}, keen)
    with pytest.raises(DataBankError, match="tag 'who' is a boolean by now, and its values are"):
        bank.run(JOB, by_now, nodes=("keen",))
    bank.run(JOB, by_now, nodes=("who",))
    bank.run(JOB, by_now, nodes=("keen",))
    persons = bank.rows(PERSON_TAG, "person_id", where="tag = 'keen'")
    assert persons == bank.rows(PERSON_TAG, "person_id", where="tag = 'who'") != []


def test_a_person_with_ten_million_events_is_one_like_others(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    days = DAYS + " 3 | 2026-01-05 | read | 10000000 | | | category=sport"
    bank = make_bank(spark_session, tmp_path, persons=4, days=days)
    reads = {"name": "reads", "kind": "measure", "event": "read", "measure": "count"}
    tech = {"name": "tech", "kind": "preference", "event": "read", "by": "category"}
    bank.run(JOB, tags(reads, tech | {"value": "tech"}, tech | {"name": "sport", "value": "sport"}))
    rows = bank.rows(PERSON_TAG, "tag", "person_id", "value_double", where="tag = 'reads'")
    assert rows == [("reads", 1, 10.0), ("reads", 2, 10.0), ("reads", 3, 1e7)]
    # next to that person the others are the ones with a taste of their own
    assert bank.rows(PERSON_TAG, "tag", "person_id", where="tag <> 'reads'") == [
        ("tech", 1), ("tech", 2),
    ]  # fmt: skip
