"""Linkage of profiles: a small world of people with typing errors, and its truth."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from pydantic import ValidationError
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.errors import DataBankError
from databank.identity.config import LinkageConfig
from databank.identity.evidence.edges import linkage_edges
from databank.identity.linkage.build import JOB
from databank.identity.linkage.linker import PairScorer
from databank.identity.linkage.records import records_of
from databank.identity.tables import LIKELY_PAIR, MATCH_THRESHOLD
from databank.session import small_frame
from databank.sources.tables import PROFILES
from tests.support.bank import DAY, Bank

RULE: dict[str, Any] = {
    "sources": ["crm"],
    "compare": {"first": "name", "last": "name", "born": "date", "zip": "code", "town": "exact"},
    "block_on": [["first", "last"], ["last", "born"], ["first", "born"], ["last:3", "zip"]],
    "em_blocks": [["first", "last"], ["born"]],
    "deterministic_rules": [["first", "last", "born"]],
}
GIVEN = ("anna", "bernd", "clara", "david", "emma", "felix", "greta", "hans", "ida", "jonas", "leo")
FAMILY = (
    "meier",
    "schulz",
    "fischer",
    "weber",
    "wagner",
    "becker",
    "koch",
    "bauer",
    "klein",
    "wolf",
)
PEOPLE = 250
LAST = DAY + timedelta(days=3)  # what runs on one bank never goes back


def config(*, tuning: dict[str, int] | None = None, **parts: Any) -> LinkageConfig:
    rules = {"people": {**RULE, **parts}}
    return LinkageConfig.model_validate({"linkage": rules, "tuning": tuning or {}})


def profiles(spark: SparkSession, *, people: int = PEOPLE, source: str = "crm") -> DataFrame:
    """Two profiles each, the second with an error in one field; every one has its own number."""
    chance = random.Random(5)
    rows = []
    for person in range(people):
        true = {
            "first": chance.choice(GIVEN).title(),
            "last": chance.choice(FAMILY) + chance.choice(["", "er", "mann", "ich", "lein"]),
            "born": f"19{chance.randrange(10, 99)}-{chance.randrange(10, 13)}-11",
            "zip": f"{chance.randrange(10000, 99999)}",
            "town": chance.choice(["Bonn", "Ulm", "Kiel", "Jena"]),
        }
        wrong = dict(true)
        field = chance.choice(["first", "last", "born", "zip", "town"])
        wrong[field] = wrong[field][:-2] + wrong[field][-1] if chance.random() < 0.7 else ""
        for copy, attributes in enumerate((true, wrong)):
            key = person * 2 + copy + 1
            rows.append((source, f"{person}-{copy}", [key], attributes))
    shape = "source string, record_id string, ids array<bigint>, attributes map<string,string>"
    made = small_frame(spark, rows, shape).withColumn("id_key", F.col("ids")[0])
    return made.withColumn("updated_ts", F.lit(f"{DAY} 09:00:00").cast("timestamp"))


@pytest.fixture(scope="module")
def bank(spark_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    made = Bank(spark_session, tmp_path_factory.mktemp("linkage"))
    given = profiles(spark_session)
    # a profile without an identifier can be linked with nothing
    nobody = given.where("record_id = '0-0'").withColumn("record_id", F.lit("nobody"))
    nobody = nobody.withColumns(
        {"id_key": F.lit(None).cast("bigint"), "ids": F.lit([]).cast("array<bigint>")}
    )
    shop = profiles(spark_session, people=5, source="shop")
    made.publish({PROFILES: given.unionByName(nobody).unionByName(shop)})
    return made


def pairs(bank: Bank, where: str = "true") -> set[tuple[int, int]]:
    return {(a, b) for a, b in bank.rows(LIKELY_PAIR, "a_key", "b_key", where=where)}


def scores(bank: Bank) -> dict[tuple[int, int], float]:
    return {(a, b): score for a, b, score in bank.rows(LIKELY_PAIR, "a_key", "b_key", "score")}


def test_people_are_found_in_spite_of_their_errors(bank: Bank) -> None:
    summary = bank.run(JOB, config(), config_hash="same").summary
    assert summary["people: profiles"] == 2 * PEOPLE
    true = {(2 * person + 1, 2 * person + 2) for person in range(PEOPLE)}
    linked = pairs(bank, "linked")
    assert len(linked & true) > 0.95 * len(true)
    assert len(linked - true) <= 0.02 * len(linked)
    assert pairs(bank, "score < 0.5 OR score >= 1 OR joined_at >= 1") == set()
    thresholds = bank.rows(MATCH_THRESHOLD, "threshold", where="chosen AND name = 'people'")
    assert thresholds == [(summary["people: match threshold"],)]
    assert pairs(bank, f"joined_at >= {thresholds[0][0]}") == linked
    # persons by closure of what is linked, by another reader of it
    graph = nx.Graph(sorted(linked))
    graph.add_nodes_from(range(1, 2 * PEOPLE + 1))
    [(persons, count)] = bank.rows(MATCH_THRESHOLD, "persons", "pairs", where="chosen")
    groups = list(nx.connected_components(graph))
    assert persons == len(groups)
    assert count == sum(len(group) * (len(group) - 1) // 2 for group in groups)
    # a threshold of the rule's own counts from the pairs as they are
    for own, where in ((None, "linked"), (0.9, "joined_at >= 0.9")):
        edges = linkage_edges(bank.read(LIKELY_PAIR), config(match_threshold=own).linkage)
        assert {(row["a_key"], row["b_key"]) for row in edges.collect()} == pairs(bank, where)
    best = bank.rows(LIKELY_PAIR, "a_record", "b_record", where="a_key = 1 AND b_key = 2")
    assert {*best[0]} == {"crm/0-0", "crm/0-1"}


def test_it_is_done_again_only_where_a_profile_has_changed(bank: Bank) -> None:
    bank.run(JOB, config(), config_hash="same")
    before = bank.rows(LIKELY_PAIR, *(column.name for column in LIKELY_PAIR.columns))
    day = DAY + timedelta(days=1)
    shop = bank.read(PROFILES).where("source = 'shop' AND record_id = '0-0'")
    bank.publish({PROFILES: shop.withColumn("load_id", F.lit("2"))}, changed=[PROFILES], day=day)
    again = bank.run(JOB, config(), config_hash="same", day=day)
    assert again.summary == {"people: profiles": "no change"}
    assert bank.rows(LIKELY_PAIR, *(column.name for column in LIKELY_PAIR.columns)) == before
    assert len(bank.rows(MATCH_THRESHOLD, "threshold")) == 19
    # one of the two states nothing of the person any more
    day += timedelta(days=1)
    moved = bank.read(PROFILES).where("source = 'crm' AND record_id = '1-0'")
    stranger = F.map_from_entries(F.transform(F.map_keys("attributes"), _foreign_value))
    moved = moved.withColumn("attributes", stranger)
    bank.publish({PROFILES: moved}, changed=[PROFILES], day=day)
    assert (3, 4) in pairs(bank)
    bank.run(JOB, config(), config_hash="same", day=day)
    assert (3, 4) not in pairs(bank)
    # a rule that is gone takes its pairs along
    bank.run(JOB, LinkageConfig(linkage={}), day=day)
    assert pairs(bank) == set()
    assert bank.rows(MATCH_THRESHOLD, "threshold") == []


def _foreign_value(name: Any) -> Any:
    return F.struct(name, F.concat(F.lit("zz"), name))


@pytest.mark.nightly
def test_spark_links_what_duckdb_links(spark_session: SparkSession, tmp_path: Path) -> None:
    rule = config().linkage["people"]
    records = records_of(profiles(spark_session), rule).localCheckpoint()
    pairs_of = []
    for on_driver in (True, False):
        scorer = PairScorer("people", records, rule, on_driver=on_driver, scratch=str(tmp_path))
        towns = records.withColumn("component", F.xxhash64("town") % 3)
        for pairs in (scorer.likely_pairs(), scorer.pairs_within(towns.where("town <> 'jena'"))):
            rows = pairs.collect()
            pairs_of.append({frozenset(row[:2]): row[2] for row in rows})
    for driver, spark in zip(pairs_of[:2], pairs_of[2:], strict=True):
        assert driver.keys() == spark.keys()
        assert max(abs(driver[pair] - spark[pair]) for pair in driver) < 0.01
    assert len(pairs_of[1]) > 0


def test_one_spelling_a_field(spark_session: SparkSession) -> None:
    attributes = {
        "first": " Anne-Marie  O'Neil ",
        "born": "1950/01/02",
        "zip": "D 10-115",
        "town": "--",
    }
    given = small_frame(
        spark_session, [("crm", "1", 1, attributes, None)],
        "source string, record_id string, id_key bigint, attributes map<string,string>, "
        "updated_ts timestamp",
    )  # fmt: skip
    row = records_of(given, config().linkage["people"]).first()
    assert row is not None
    assert row[3:] == ("anne marie o neil", None, "19500102", "d10115", None)


def test_a_block_that_compares_all_with_all_is_refused(bank: Bank) -> None:
    message = r"linkage.people.block_on: \[town\] makes [0-9,]+ pairs of 500 profiles"
    large = config(block_on=[["last", "born"], ["town"]], tuning={"pairs_per_profile": 20})
    with pytest.raises(DataBankError, match=message):
        bank.run(JOB, large, day=LAST)


def test_nothing_to_learn_from_is_reported(spark_session: SparkSession, tmp_path: Path) -> None:
    bank = Bank(spark_session, tmp_path)
    bank.publish({PROFILES: profiles(spark_session).where("record_id LIKE '%-0'").limit(5)})
    with pytest.raises(DataBankError, match=r"linkage.people: nothing can be learned"):
        bank.run(JOB, config())
    # every two of them differ in one part of the key
    strangers = config(deterministic_rules=[["first", "last", "born", "zip"]])
    bank.publish({PROFILES: profiles(spark_session).where("record_id LIKE '%-0'")})
    with pytest.raises(DataBankError, match="no two of them agree in a key of determ"):
        bank.run(JOB, strangers)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"block_on": [["frist"]]}, "block_on: 'frist' is not in `compare`.*first"),
        ({"deterministic_rules": [["first:0"]]}, "should match pattern"),
        ({"em_blocks": [["first"], ["first", "last"]]}, "every entry names 'first'"),
        ({"em_blocks": [["first"]]}, "at least 2 items"),
        ({"match_threshold": 0.01}, "greater than or equal to 0.05"),
        ({"compare": {"first": "soundex", "last": "name"}}, "'name', 'text', 'words'"),
        (
            {"compare": {**RULE["compare"], "last": "words"}},
            "block_on: last is compared as words.*write 'last' instead of 'last:3'",
        ),
    ],
)
def test_a_fault_of_a_rule_is_reported(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(**parts)
