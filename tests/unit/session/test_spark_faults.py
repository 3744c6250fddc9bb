"""What errors of Spark say of the data that they met: nothing but its types."""

import json
from collections.abc import Iterator

import pyarrow as pa
import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession, functions as F

from databank.session import small_frame
from databank.session.spark_faults import SparkFault, read_fault, without_values

MAIL = "person91@mail-example.com"


@pytest.fixture(scope="module")
def rows(spark_session: SparkSession) -> DataFrame:
    # a row of a file, as in a job: Spark folds what stands in a plan before it runs
    return small_frame(spark_session, [(MAIL, 0)], "mail string, n int").localCheckpoint()


def error_of(rows: DataFrame, text: str) -> PySparkException | Py4JJavaError:
    with pytest.raises((PySparkException, Py4JJavaError)) as caught:
        rows.select(F.expr(text)).collect()
    return caught.value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cast(mail as int)", "[CAST_INVALID_INPUT] (STRING, INT) in `cast(mail as int)`"),
        ("1 + n / n", "[DIVIDE_BY_ZERO] in `n / n`"),
        ("to_date(mail)", "[CAST_INVALID_INPUT] (STRING, DATE) in `to_date(mail)`"),
        ("to_timestamp(mail, 'yyyy')", "[CANNOT_PARSE_TIMESTAMP] (try_to_timestamp)"),
        ("to_number(mail, '999')", "[INVALID_FORMAT.MISMATCH_INPUT] (STRING)"),
        ("map_from_arrays(array(mail, mail), array(1, 2))", "[DUPLICATED_MAP_KEY]"),
        ("array(n)[n + 7]", "[INVALID_ARRAY_INDEX] in `array(n)[n + 7]`"),
        ("n + 2147483647 + 1", "[ARITHMETIC_OVERFLOW] in `n + 2147483647 + 1`"),
        (
            "regexp_extract(mail, mail || '(', 1)",
            "[INVALID_PARAMETER_VALUE.PATTERN] (regexp_extract, regexp)",
        ),
        (
            "from_json(mail, 'a int', map('mode', 'FAILFAST'))",
            "[MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION]",
        ),
    ],
)
def test_the_condition_the_types_and_the_expression_are_named(
    rows: DataFrame, capfd: pytest.CaptureFixture[str], text: str, shown: str
) -> None:
    error = error_of(rows, text)
    fault = read_fault(error)
    assert (str(fault), fault.of_data) == (shown, True)
    assert MAIL not in str(without_values(error))
    # pyspark's own loggers write to stderr
    assert capfd.readouterr() == ("", "")


def test_what_a_step_refuses_is_in_its_words(rows: DataFrame) -> None:
    error = error_of(rows, "raise_error('rebuild it first')")
    assert read_fault(error).raised == "rebuild it first"
    assert not read_fault(error).of_data


def test_a_bug_tells_its_places_and_no_value(rows: DataFrame) -> None:
    def broken(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            raise ValueError(json.dumps(batch.to_pylist()))
            yield batch

    with pytest.raises(PySparkException) as caught:
        rows.mapInArrow(broken, "mail string").collect()
    assert MAIL in str(caught.value)
    assert not read_fault(caught.value).of_data
    text = str(without_values(caught.value))
    assert text.startswith("[PYTHON_EXCEPTION]; values are left out\n")
    assert 'test_spark_faults.py", line ' in text
    assert MAIL not in text


def test_what_the_machine_lacks_is_kept() -> None:
    error = PySparkException(f"Job aborted: {MAIL}: java.io.IOException: No space left on device")
    assert str(without_values(error)).splitlines() == [
        "[PySparkException]; values are left out",
        "No space left on device",
    ]
    assert read_fault(error) == SparkFault("PySparkException")
