"""How likely pairs of records are one person's: Splink, on DuckDB or on Spark."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession, functions as F
from pyspark.sql.pandas.functions import pandas_udf

from databank.errors import DataBankError
from databank.identity.alike.config import Alike, Kind
from databank.identity.alike.records import pieces_of

if TYPE_CHECKING:
    from splink import Linker

LEAST = 0.5  # pairs below this are not told of
_SEED = 1
_SAMPLE = 5_000_000  # random pairs from which it is learned how often strangers agree
_DIGITS = 6  # sums of floats differ in their last digits with the number of threads


def score_pairs(
    name: str, records: DataFrame, rule: Alike, *, rows: int, scratch: str
) -> DataFrame:
    """Pairs of records that are one person's rather than not.

    The model is that of Fellegi and Sunter (1969), A Theory for Record Linkage, with weights by
    expectation maximisation and for rare values, as Splink has it. The same records give the
    same pairs.

    Args:
        name: Of the rule, for errors.
        records: unique_id, and the attributes that the rule compares.
        rule: What is compared, and how it is learned.
        rows: How many records there are.
        scratch: A folder that driver and workers share.

    Returns:
        One row per pair: one, other (unique_id), score (0.5-1, never 1 itself).

    Raises:
        DataBankError: If there is not enough to learn from.
    """
    given = records.select("unique_id", *rule.compare)
    if rows > rule.local_rows:
        predicted = _predicted(name, _on_spark(given, rule, scratch), rule)
        found: DataFrame = predicted.as_spark_dataframe()
    else:
        # few enough for the driver, whose one process is by far the quickest for them
        predicted = _predicted(name, _on_duckdb(given, rule), rule)
        found = records.sparkSession.createDataFrame(predicted.as_pyarrow_table())
    score = F.least(F.round("match_probability", _DIGITS), F.lit(1 - 10**-_DIGITS))
    ends = F.col("unique_id_l").alias("one"), F.col("unique_id_r").alias("other")
    return found.select(*ends, score.alias("score"))


def _on_duckdb(records: DataFrame, rule: Alike) -> "Linker":
    from splink import DuckDBAPI

    # in one order, for samples are drawn from it
    table = records.orderBy("unique_id").toArrow()
    api = DuckDBAPI()
    return _linker(api, api.register(table), rule)


def _on_spark(records: DataFrame, rule: Alike, scratch: str) -> "Linker":
    from splink import SparkAPI

    spark = records.sparkSession
    _register_likenesses(spark)
    spark.sparkContext.setCheckpointDir(scratch)
    options = {"break_lineage_method": "parquet", "register_udfs_automatically": False}
    api = SparkAPI(spark_session=spark, **options)  # type: ignore[no-untyped-call]
    return _linker(api, api.register(records), rule)


def _linker(api: Any, table: Any, rule: Alike) -> "Linker":
    from splink import Linker, SettingsCreator

    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[_comparison(field, kind) for field, kind in rule.compare.items()],
        blocking_rules_to_generate_predictions=_blocks(rule.block_on),
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )
    return Linker(table, settings, log_level=logging.ERROR)


def _predicted(name: str, linker: "Linker", rule: Alike) -> Any:
    from splink.internals.exceptions import SplinkException

    training = linker.training
    try:
        training.estimate_probability_two_random_records_match(
            _blocks(rule.sure), recall=rule.sure_finds
        )
        training.estimate_u_using_random_sampling(max_pairs=_SAMPLE, seed=_SEED)
        for block in _blocks(rule.train_on):
            training.estimate_parameters_using_expectation_maximisation(block)
        return linker.inference.predict(threshold_match_probability=LEAST)
    except SplinkException as error:
        told = " ".join(str(error).split())
        raise DataBankError(
            f"identity.yml: alike.{name}: nothing can be learned from these profiles ({told}); "
            "let train_on and sure name attributes in which more of them agree"
        ) from error


def _blocks(entries: Iterable[Iterable[str]]) -> list[Any]:
    from splink import block_on

    return [block_on(*pieces_of(same)) for same in entries]


def _comparison(field: str, kind: Kind) -> Any:
    from splink import comparison_library as library

    # thresholds as Splink's own comparisons of names and dates have them, one set for all data
    if kind in ("date", "code"):
        return library.DamerauLevenshteinAtThresholds(field, [1, 2])
    made: Any = library.ExactMatch(field)
    if kind != "exact":
        made = library.JaroWinklerAtThresholds(
            field, [0.92, 0.8] if kind == "name" else [0.9, 0.75]
        )
    return made.configure(term_frequency_adjustments=True)


def _register_likenesses(spark: SparkSession) -> None:
    """What Spark SQL has no function for, under the names that Splink gives them.

    Splink brings a jar for it that is made for other versions of Spark.
    """
    from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler
    from rapidfuzz.process import cpdist

    def jaro_winkler(one: pd.Series, other: pd.Series) -> pd.Series:
        # nulls are told apart beside it, not before it
        likeness = cpdist(one.fillna(""), other.fillna(""), scorer=JaroWinkler.similarity)
        return pd.Series(likeness, index=one.index, dtype="float64")

    def damerau_levenshtein(one: pd.Series, other: pd.Series) -> pd.Series:
        steps = cpdist(one.fillna(""), other.fillna(""), scorer=DamerauLevenshtein.distance)
        return pd.Series(steps, index=one.index, dtype="int64")

    # the overloads of pandas_udf know of no series that comes from a library
    for made, type_ in ((jaro_winkler, "double"), (damerau_levenshtein, "bigint")):
        spark.udf.register(made.__name__, pandas_udf(made, type_))  # type: ignore[call-overload]
