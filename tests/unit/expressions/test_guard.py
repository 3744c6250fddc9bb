"""Expressions that give null for what cannot be computed, against Python's arithmetic."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import SparkSession, functions as F

from databank.expressions.guard import guarded
from databank.session import small_frame

LARGEST = 2**63 - 1


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("amount / events > 10", "try_divide(amount, events) > 10"),
        (
            "vip or a/b > 1 and not -a * b < 3",
            "vip or try_divide(a, b) > 1 and not try_multiply(-a, b) < 3",
        ),
        ("a + b * 2 - c", "try_subtract(try_add(a, try_multiply(b, 2)), c)"),
        ("a % 3 div b", "(try_mod(a, 3) div nullif(b, 0))"),
        ("cast(x as decimal(18,2)) > 1", "try_cast(x as decimal(18,2)) > 1"),
        ("x::int * 2", "try_multiply(try_cast(x AS int), 2)"),
        ("INT(x) > 1 and a < decimal(x)", "try_cast(x AS int) > 1 and a < try_cast(x AS decimal)"),
        ("to_date(x, 'yyyy') > d", "try_to_date(x, 'yyyy') > d"),
        (
            "d between d - 1 and d + interval -1 day",
            "d between try_subtract(d, 1) and try_add(d, interval -1 day)",
        ),
        ("a in (1, -2, b/3)", "a in (1, -2, try_divide(b, 3))"),
        (
            "case when n > 0 then a / n end * 3",
            "try_multiply(CASE when n > 0 then try_divide(a, n) END, 3)",
        ),
        ("transform(xs, x -> x / 2)[0]", "transform(xs, x -> try_divide(x, 2))[0]"),
        ("`a b` || 'x' like '%/%' escape '/'", "`a b` || 'x' like '%/%' escape '/'"),
        ("datediff(date '2026-01-01', d) > 10L", "datediff(date '2026-01-01', d) > 10L"),
        # what is not understood stays as it is
        ("a collate utf8 + 1", "a collate utf8 + 1"),
    ],
)
def test_arithmetic_and_casts_are_tried(text: str, sql: str) -> None:
    assert guarded(text).sql == sql


def test_an_expression_that_asks_first_has_no_fault() -> None:
    assert not guarded("if(b = 0, null, a / b) > 1 or case when b <> 0 then a / b end > 2").faults
    assert not guarded("coalesce(try_cast(x as int), 0) > 1 and city = 'a/b'").faults
    assert guarded("a / b > 1").faults == (
        "(try_divide(a, b)) IS NULL AND (a) IS NOT NULL AND (b) IS NOT NULL",
    )


Value = Callable[[dict[str, Any]], Any]


def drawn(draw: random.Random, depth: int) -> tuple[str, Value]:
    """A number as SQL, and the same by Python: null for what cannot be computed, or is null."""
    if depth == 0:
        name = draw.choice(["a", "b", "c", "text", "literal"])
        if name == "literal":
            number = draw.choice([0, 1, 7])
            return str(number), lambda row: number
        if name == "text":
            return "cast(s as bigint)", lambda row: whole(row["s"])
        return name, lambda row: row[name]
    (left, left_of), (right, right_of) = drawn(draw, depth - 1), drawn(draw, draw.randrange(depth))
    sign = draw.choice(["+", "-", "*", "%", "div"])

    def value(row: dict[str, Any]) -> Any:
        x, y = left_of(row), right_of(row)
        if x is None or y is None or (y == 0 and sign in ("%", "div")):
            return None
        times = towards_zero(x, y) if y else 0
        exact = {"+": x + y, "-": x - y, "*": x * y, "div": times, "%": x - y * times}[sign]
        return exact if -LARGEST - 1 <= exact <= LARGEST else None

    return f"({left} {sign} {right})", value


def towards_zero(x: int, y: int) -> int:
    return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)


def whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.lstrip("-").isdigit() else None


def test_values_are_those_of_python_and_null_where_there_are_none(
    spark_session: SparkSession,
) -> None:
    draw = random.Random(3)
    numbers = [None, 0, 1, -1, 5, -7, LARGEST, -LARGEST, 2**62]
    texts = [None, "12", "-3", "0", "twelve", ""]
    rows = [
        {"a": draw.choice(numbers), "b": draw.choice(numbers), "c": draw.choice(numbers), "s": s}
        for s in texts
        for _ in range(12)
    ]
    cases = [drawn(draw, 1 + n % 3) for n in range(40)]
    frame = small_frame(
        spark_session,
        [tuple(row.values()) for row in rows],
        "a bigint, b bigint, c bigint, s string",
    )
    written = [guarded(sql) for sql, _ in cases]
    faults = [" OR ".join(f"({fault})" for fault in each.faults) or "false" for each in written]
    values = frame.select(
        *(F.expr(each.sql).cast("bigint").alias(f"v{n}") for n, each in enumerate(written)),
        *(F.expr(fault).alias(f"f{n}") for n, fault in enumerate(faults)),
    ).collect()
    for row, computed in zip(rows, values, strict=True):
        known = all(row[name] is not None for name in row)
        for n, (sql, value) in enumerate(cases):
            assert computed[f"v{n}"] == value(row), (sql, row)
            # of what is there, only a fault makes what is unknown
            if known:
                assert computed[f"f{n}"] == (value(row) is None), (sql, row)
    assert {computed[f"v{n}"] is None for computed in values for n in range(len(cases))} == {
        True,
        False,
    }


def test_dates_fractions_and_conditions_keep_their_meaning(spark_session: SparkSession) -> None:
    texts = [
        "d + 30 > date '2026-01-31' and d - interval 1 day < d",
        "(d - date '2026-01-01') > interval 3 days",
        "a / b * 2.5 + 1e2 between 1 and 2 or not (a % 2 = 1)",
        "a || '/' || b = '7/2'",
        "case when a > 1 then a / b else -a end + 1 > 4.4",
        "cast('2026-01-05' as date) = d and int('7') = a and b::double / 4 = 0.5",
        "element_at(array(a, b), 2) = 2 and exists(array(a), x -> x * 2 = 14)",
        "decimal(a) * cast(b as decimal(10,2)) = 14.00 and (a + b) div 2 = 4",
        "-a + -b = -9 and - -a = 7 and not a + b < 9",
    ]
    frame = spark_session.sql("SELECT 7L AS a, 2L AS b, date '2026-01-05' AS d")
    plain = frame.select(*(F.expr(text).alias(str(n)) for n, text in enumerate(texts))).first()
    safe = frame.select(
        *(F.expr(guarded(text).sql).alias(str(n)) for n, text in enumerate(texts))
    ).first()
    assert all(guarded(text).sql != text for text in texts[:3] + texts[4:])
    assert safe == plain
    assert plain is not None
    assert None not in plain.asDict().values()
