"""Fields of JSON records, compared with Python's reader where it keeps numbers as written."""

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pyspark.sql import SparkSession, functions as F

from databank.session import small_frame
from databank.sources.opening import open_json
from databank.sources.parse import parsing_settings


@dataclass(frozen=True)
class Source:
    becomes: str = "events"
    columns: dict[str, Any] = field(default_factory=dict)
    null_words: tuple[str, ...] = ()

    def fields(self) -> tuple[str, ...]:
        return ("amount", "text")

    def consumed(self) -> frozenset[str]:
        return frozenset(self.fields())


def opened(spark: SparkSession, texts: list[str]) -> list[dict[str, Any]]:
    """Read records; the fields that are named and the others, a dictionary a record."""
    rows = small_frame(spark, list(enumerate(texts)), "line bigint, value string")
    with parsing_settings(spark):
        records = rows.select(F.struct("line", "value").alias("_record"))
        fields = open_json(records, Source()).select("_record.line", "amount", "text", "_rest")
        read = sorted(fields.collect())
    return [{"amount": row["amount"], "text": row["text"]} | (row["_rest"] or {}) for row in read]


# what looks like a number in a text is none
TEXTS = [
    "a",
    "",
    "2026-03-31T22:16:34.793Z",
    ": 1.50",
    ",1.5e3",
    '":2.0',
    "[1.25]",
    '\\", 7.0',
    "é",
]


def number(random: Random) -> str:
    if random.random() < 0.2:
        return random.choice(["0", "0.5", "-0.07", "0e1"])
    whole = random.choice(["7", "120", "12345678901234567890"])
    fraction = random.choice(["", "", f".{random.randrange(10**6)}", ".50"])
    exponent = random.choice(["", "", "", "e3", "E-7", "e+12"])
    return random.choice(["", "-"]) + whole + fraction + exponent


def test_numbers_stay_as_they_are_written(spark_session: SparkSession) -> None:
    random, texts, wanted = Random(7), [], []
    for _ in range(1000):
        fields = {"amount": number(random), "text": random.choice(TEXTS)}
        fields |= {"x": number(random), "label": random.choice(TEXTS)}
        space, names = random.choice(["", " ", "\t", "  "]), list(fields)
        random.shuffle(names)
        values = {
            name: json.dumps(text) if name in ("text", "label") else text
            for name, text in fields.items()
        }
        pairs = f"{space},{space}".join(f'"{name}"{space}:{space}{values[name]}' for name in names)
        texts.append(f"{{{pairs}}}")
        wanted.append(fields)
    # Python's reader agrees on what is a number, and what is text
    assert [json.loads(text, parse_float=str, parse_int=str) for text in texts] == wanted
    assert opened(spark_session, texts) == wanted


def test_numbers_in_lists_and_objects_stay_as_they_are_written(spark_session: SparkSession) -> None:
    texts = [
        '{"amount": 1.10, "n": [1.50,2, -3.0e1], "o": {"p" :4.70}, "text": "a"}',
        '{"n": [[7, 8.0]], "o": {"p": "at 10:30.5", "q": [ 0.10 ]}, "t": "12:30:15.500"}',
        """{'amount':2.50, 'x': "1.5"}""",
    ]
    assert opened(spark_session, texts) == [
        {"amount": "1.10", "text": "a", "n": "[1.50,2,-3.0e1]", "o": '{"p":4.70}'},
        {
            "amount": None,
            "text": None,
            "n": "[[7,8.0]]",
            "o": '{"p":"at 10:30.5","q":[0.10]}',
            "t": "12:30:15.500",
        },
        {"amount": "2.50", "text": None, "x": "1.5"},
    ]
