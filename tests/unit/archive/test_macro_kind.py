"""A new macro is one entry of the registry: nothing else has to know of it."""

from datetime import date

import numpy as np
import pytest
import yaml
from pyspark.sql import SparkSession

from databank.archive.analysis import Checked, refuse_wrong_expressions
from databank.archive.config import ArchiveConfig
from databank.archive.window_values import macro_columns
from databank.audiences.build import members, with_members
from databank.audiences.config import AudienceConfig
from databank.errors import DataBankError
from databank.expressions import MACROS, MacroSpec, macro_reference, parse_expression
from databank.expressions.cells import Answer, Cells, Request
from tests.support.frames import frame
from tests.support.memory_store import MemoryStore, context_on

SCHEMA = "person_id bigint, day date, event string, terminal string, n bigint, synthetic boolean"
ROWS = """
    1 | 2026-01-30 | login | app | 4 |
    1 | 2026-01-31 | login | app | 1 |
    2 | 2026-01-31 | login | web | 2 |
    2 | 2025-06-30 | login | web | 9 |
"""
BUSY = """
audience: busy
where: busiest('login', 'last 30 days') > 3
"""


def busiest(cells: Cells, request: Request) -> Answer:
    """The most events in one row of the archive."""
    return np.maximum(cells.extreme("n", request, largest=True)[0], 0), None


BUSIEST = MacroSpec(
    "busiest",
    "busiest('login', 'last 30 days')",
    "The most events of a day and terminal.",
    "bigint",
    evaluate=busiest,
    reads=("n",),
    empty=0,
    measure="busiest",
)


@pytest.fixture(autouse=True)
def _vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MACROS, BUSIEST.name, BUSIEST)


def test_yaml_can_use_it_and_it_is_evaluated(spark_session: SparkSession) -> None:
    audience = AudienceConfig.model_validate(yaml.safe_load(BUSY))
    values = macro_columns(
        frame(spark_session, SCHEMA, ROWS),
        frame(spark_session, "person_id bigint", "1\n2\n3"),
        audience.expression.macros,
        as_of=date(2026, 1, 31),
        dimensions=(),
        partitions=1,
    )
    [macro] = audience.expression.macros
    assert values.schema[macro.column].dataType.simpleString() == BUSIEST.type
    assert {tuple(row) for row in values.collect()} == {(1, 4), (2, 2), (3, 0)}
    assert [
        tuple(row) for row in members(with_members(values, [audience]), [audience]).collect()
    ] == [(1, "busy")]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("busyest('login') > 3", "unknown function 'busyest'; did you mean 'busiest'?"),
        (
            "busiest() > 3",
            r"takes 1 to 3 arguments, not 0; write busiest\('login', 'last 30 days'\)",
        ),
    ],
)
def test_a_wrong_use_gets_its_remedy(where: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AudienceConfig.model_validate({"audience": "busy", "where": where})


def test_the_analyser_knows_its_type(spark_session: SparkSession) -> None:
    right, wrong = parse_expression("busiest('login') > 3"), parse_expression("busiest('login').x")
    run = context_on(MemoryStore(spark_session, "memory"))
    refuse_wrong_expressions(run, [Checked("a", [right])], ArchiveConfig(), {})
    with pytest.raises(DataBankError, match=r"b: Spark does not accept .*busiest\(\.\.\.\)"):
        refuse_wrong_expressions(run, [Checked("b", [wrong])], ArchiveConfig(), {})


def test_it_is_documented() -> None:
    [row] = [each for each in macro_reference() if each.name == "busiest"]
    assert (row.arguments, row.type, row.empty) == ("event, [window], [filter]", "bigint", "0")
    assert (row.example, row.measure) == ("busiest('login', 'last 30 days')", "busiest")
