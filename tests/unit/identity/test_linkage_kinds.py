"""Kinds of comparison: the value that is compared, and the level at which two values agree."""

from typing import Any, get_args

import duckdb
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession, functions as F

from databank.identity.linkage.config import Kind
from databank.identity.linkage.kinds import KINDS
from databank.session import arrow_frame, small_frame

SPELLINGS: dict[Kind, dict[str, Any]] = {
    "phone": {
        "+86 138-1234-0000": "8613812340000",
        "0086 (138) 12340000": "8613812340000",
        "030 / 901820": "30901820",
        "000": None,
        "unknown": None,
    },
    "number": {
        " 12.50 ": 12.5,
        "12,5": 12.5,
        "1,234,567.8": 1234567.8,
        "1 234": 1234.0,
        "-7": -7.0,
        "1.2.3": None,
        "NaN": None,
        "Infinity": None,
        "1e400": None,
        "": None,
    },
    "words": {
        "Bread,  milk & BREAD": ["bread", "milk"],
        "Straße": ["straße"],
        " - ": None,
    },
}
# pairs of values, from the most alike to the least: the number of the level
LEVELS: dict[Kind, tuple[pa.DataType, list[tuple[Any, Any, int]]]] = {
    "phone": (
        pa.string(),
        [
            ("8613812340000", "8613812340000", 3),
            ("8613812340000", "13812340000", 2),
            ("13812340000", "13812340001", 1),
            ("13812340000", "18312340000", 2),
            ("13812340000", "13899940000", 0),
        ],
    ),
    "number": (
        pa.float64(),
        [
            (100.0, 100.0, 3),
            (100.0, 100.9, 2),
            (100.0, 109.0, 1),
            (100.0, 120.0, 0),
            (-100.0, -100.9, 2),
            (-100.0, 100.0, 0),
            (0.0, 0.0, 3),
            (0.0, 5.0, 0),
            (0.0, -5.0, 0),
        ],
    ),
    "words": (
        pa.list_(pa.string()),
        [
            (["bread", "milk"], ["bread", "milk"], 3),
            (["a", "b", "c"], ["a", "b", "c", "d"], 2),
            (["a", "b"], ["a", "b", "c"], 1),
            (["a", "b", "c"], ["a", "d"], 0),
            (["a"], ["b"], 0),
        ],
    ),
}


def test_every_kind_of_the_configuration_is_there() -> None:
    assert set(KINDS) == set(get_args(Kind))


def test_what_is_compared(spark_session: SparkSession) -> None:
    texts = [text for spellings in SPELLINGS.values() for text in spellings]
    columns = [KINDS[kind].spelling(F.col("text")).alias(kind) for kind in SPELLINGS]
    rows = small_frame(spark_session, [(text,) for text in texts], "text string")
    by_text = {row["text"]: row for row in rows.select("text", *columns).collect()}
    for kind, spellings in SPELLINGS.items():
        assert {text: by_text[text][kind] for text in spellings} == spellings


@pytest.mark.parametrize("kind", LEVELS)
def test_the_level_of_two_values_by_duckdb_and_by_spark(
    kind: Kind, spark_session: SparkSession
) -> None:
    type_, pairs = LEVELS[kind]
    left, right, wanted = zip(*pairs, strict=True)
    numbers = list(range(len(pairs)))
    table = pa.table({"n": numbers, "f_l": pa.array(left, type_), "f_r": pa.array(right, type_)})
    frame = arrow_frame(spark_session, table)
    frame.createOrReplaceTempView("pairs")
    spark_session.udf.register("damerau_levenshtein", F.udf(_one_letter, "int"))
    query = f"SELECT {_case(kind, 'duckdb')} FROM pairs ORDER BY n"
    with duckdb.connect() as database:
        database.register("pairs", table)
        assert [level for (level,) in database.execute(query).fetchall()] == list(wanted)
    rows = spark_session.sql(f"SELECT {_case(kind, 'spark')} FROM pairs ORDER BY n").collect()
    assert [row[0] for row in rows] == list(wanted)


def _case(kind: Kind, dialect: str) -> str:
    """Write Splink's levels as one expression: the number of the first that holds."""
    levels = KINDS[kind].comparison("f").get_comparison(dialect).comparison_levels
    conditions = [level.sql_condition for level in levels if level.sql_condition != "ELSE"]
    tests = (
        f"WHEN {condition} THEN {len(conditions) - place if place else -1}"
        for place, condition in enumerate(conditions)
    )
    return f"CASE {' '.join(tests)} ELSE 0 END AS level"


def _one_letter(left: str, right: str) -> int:
    """Count the places in which two texts of one length differ."""
    return sum(a != b for a, b in zip(left, right, strict=True)) if len(left) == len(right) else 9
