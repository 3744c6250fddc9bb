"""Top values against pandas, and the tags that come of one with k."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from databank.archive.config import ArchiveConfig
from databank.tags.build import JOB
from databank.tags.library import TagsConfig, TagsFile, read_tag
from databank.tags.tables import PERSON_TAG
from tests.support.bank import make_bank

ARCHIVE = ArchiveConfig.model_validate(
    {"dimensions": {"buy": {"category": "item_id", "shop": "terminal"}}}
)
FIRST = date(2026, 1, 1)


def tags(*given: dict[str, object]) -> TagsConfig:
    file = TagsFile.model_validate({"tags": given})
    return TagsConfig(tuple(tag for _, tag in file.each()), ARCHIVE)


def test_values_are_ranked_as_pandas_ranks_them(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)
    bought = pd.DataFrame(
        {
            "person": rng.integers(1, 9, 150),
            "day": [FIRST + timedelta(days=int(n)) for n in rng.integers(0, 31, 150)],
            "category": rng.choice(["tea", "ink", "oil", "rug", ""], 150),
            "n": rng.integers(1, 4, 150),
            "amount": rng.integers(-4, 9, 150).astype(float),
        }
    ).drop_duplicates(["person", "day", "category"])
    lines = [
        f"{r.person} | {r.day} | buy | {r.n} | {r.amount} | | "
        + (f"category={r.category}" if r.category else "")
        for r in bought.itertuples()
    ]
    bank = make_bank(spark_session, tmp_path, persons=9, days="\n".join(lines))
    by = {"kind": "top", "event": "buy", "by": "category"}
    library = tags(
        {"name": "often", "k": 3, **by},
        {"name": "dear", "k": 2, "measure": "sum(amount)", **by},
        {"name": "daily", "measure": "days", "window": "2026-01-10..2026-01-20", **by},
        {"name": "third", "rank": 3, **by},
        {"name": "shop", "kind": "top", "event": "*", "by": "shop"},
        {"name": "channel", "kind": "top", "event": "buy", "by": "terminal"},
        {"name": "tea_person", "kind": "rule", "when": "often_1 = 'tea' and dear_2 is not null"},
    )
    bank.run(JOB, library)
    named = bought[bought.category != ""]
    late = named[(named.day >= date(2026, 1, 10)) & (named.day <= date(2026, 1, 20))]
    ranked = {
        "often": (named, "n", "sum", 3),
        "dear": (named, "amount", "sum", 2),
        "daily": (late, "day", "nunique", 1),
    }
    wanted: dict[tuple[str, int], tuple[str, float]] = {}
    for name, (rows, column, how, k) in ranked.items():
        sums = rows.groupby(["person", "category"])[column].agg(how).reset_index(name="m")
        sums = sums[sums.m > 0].sort_values(["person", "m", "category"], ascending=[1, 0, 1])
        for person, best in sums.groupby("person"):
            for rank, row in enumerate(best.head(k).itertuples(), 1):
                tag = f"{name}_{rank}" if k > 1 else name
                wanted[tag, person] = (row.category, float(row.m))
                if tag == "often_3":
                    wanted["third", person] = wanted[tag, person]
    columns = ("tag", "person_id", "value_string", "value_double")
    ranks = bank.rows(PERSON_TAG, *columns, where="value_double is not null")
    assert {(tag, person): (value, n) for tag, person, value, n in ranks} == wanted
    drinkers = bank.rows(PERSON_TAG, "person_id", where="tag = 'tea_person'")
    assert [person for (person,) in drinkers] == sorted(
        person
        for (tag, person), (value, _) in wanted.items()
        if tag == "often_1" and value == "tea" and ("dear_2", person) in wanted
    )
    # what the archive knows of none of them
    assert not bank.rows(PERSON_TAG, "tag", where="tag IN ('shop', 'channel')")


def test_a_tag_with_k_is_a_tag_for_each_rank() -> None:
    top = {"name": "city", "kind": "top", "event": "buy", "by": "shop", "k": 2, "owner": "sales"}
    file = TagsFile.model_validate({"tags": [top, {"name": "x", "kind": "rule", "when": "a"}]})
    each = [(at, tag.name, getattr(tag, "rank", None), tag.owner) for at, tag in file.each()]
    assert each == [(0, "city_1", 1, "sales"), (0, "city_2", 2, "sales"), (1, "x", None, "")]
    assert {tag.type for _, tag in file.each()} == {"text", "boolean"}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"k": 2, "rank": 1}, "`k` writes all ranks; remove `rank`"),
        ({"measure": "recency"}, "values are not ranked by 'recency'; write one of: count"),
        ({"k": 0}, "greater than or equal to 1"),
        ({"by": None}, "lacks `by`; write"),
        ({"value": "a"}, "has no use for `value`"),
    ],
)
def test_a_wrong_ranking_says_what_to_write(keys: dict[str, object], message: str) -> None:
    given = {"name": "x", "kind": "top", "event": "buy", "by": "shop", **keys}
    with pytest.raises(ValueError, match=message):
        read_tag(given)
