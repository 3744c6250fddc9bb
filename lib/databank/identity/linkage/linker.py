"""Score pairs of records by Splink, on DuckDB or on Spark."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession, functions as F
from pyspark.sql.pandas.functions import pandas_udf

from databank.errors import DataBankError
from databank.identity.linkage.config import Kind, LinkageRule
from databank.identity.linkage.records import key_columns
from databank.session import arrow_frame

if TYPE_CHECKING:
    from splink import Linker

LEAST = 0.5  # pairs below this probability are not kept
_SEED = 1
_SAMPLE = 5_000_000  # random pairs that estimate how often strangers agree
_DIGITS = 6  # sums of floats differ in their last digits with the number of threads


def score_pairs(
    name: str, records: DataFrame, rule: LinkageRule, *, on_driver: bool, scratch: str
) -> DataFrame:
    """Score pairs of records, and keep those that are more likely one person than two.

    The model is that of Fellegi and Sunter (1969), A Theory for Record Linkage, with weights by
    expectation maximisation and term frequencies of rare values, as implemented by Splink. Equal
    records give equal pairs.

    Args:
        name: Name of the rule, for errors.
        records: unique_id, and the attributes that the rule compares.
        rule: The rule: what is compared, and how the model is trained.
        on_driver: Compare by DuckDB on the driver, by far the quickest way for records that one
            process can hold; else by Spark.
        scratch: Folder that driver and workers share.

    Returns:
        One row per pair: a_record, b_record (unique_id), score (0.5-1, never 1 itself).

    Raises:
        DataBankError: If the records are too few or too different to train the model.
    """
    given = records.select("unique_id", *rule.compare)
    if on_driver:
        predicted = _predicted(name, _on_duckdb(given, rule), rule)
        pairs = arrow_frame(records.sparkSession, predicted.as_pyarrow_table())
    else:
        predicted = _predicted(name, _on_spark(given, rule, scratch), rule)
        pairs = predicted.as_spark_dataframe()
    score = F.least(F.round("match_probability", _DIGITS), F.lit(1 - 10**-_DIGITS))
    ends = F.col("unique_id_l").alias("a_record"), F.col("unique_id_r").alias("b_record")
    return pairs.select(*ends, score.alias("score"))


def _on_duckdb(records: DataFrame, rule: LinkageRule) -> "Linker":
    from splink import DuckDBAPI

    # sorted, because samples are drawn from it
    table = records.orderBy("unique_id").toArrow()
    api = DuckDBAPI()
    return _linker(api, api.register(table), rule)


def _on_spark(records: DataFrame, rule: LinkageRule, scratch: str) -> "Linker":
    from splink import SparkAPI

    spark = records.sparkSession
    _register_distances(spark)
    spark.sparkContext.setCheckpointDir(scratch)
    options = {"break_lineage_method": "parquet", "register_udfs_automatically": False}
    api = SparkAPI(spark_session=spark, **options)  # type: ignore[no-untyped-call]
    return _linker(api, api.register(records), rule)


def _linker(api: Any, table: Any, rule: LinkageRule) -> "Linker":
    from splink import Linker, SettingsCreator

    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[_comparison(field, kind) for field, kind in rule.compare.items()],
        blocking_rules_to_generate_predictions=_blocks(rule.block_on),
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )
    return Linker(table, settings, log_level=logging.ERROR)


def _predicted(name: str, linker: "Linker", rule: LinkageRule) -> Any:
    from splink.internals.exceptions import SplinkException

    training = linker.training
    try:
        training.estimate_probability_two_random_records_match(
            _blocks(rule.deterministic_rules), recall=rule.recall_of_deterministic
        )
        training.estimate_u_using_random_sampling(max_pairs=_SAMPLE, seed=_SEED)
        for block in _blocks(rule.em_blocks):
            training.estimate_parameters_using_expectation_maximisation(block)
        return linker.inference.predict(threshold_match_probability=LEAST)
    except SplinkException as error:
        message = " ".join(str(error).split())
        raise DataBankError(
            f"identity.yml: linkage.{name}: nothing can be learned from these profiles "
            f"({message}); let em_blocks and deterministic_rules name attributes that more share"
        ) from error


def _blocks(keys: Iterable[Iterable[str]]) -> list[Any]:
    from splink import block_on

    return [block_on(*key_columns(key)) for key in keys]


def _comparison(field: str, kind: Kind) -> Any:
    from splink import comparison_library as library

    # thresholds of Splink's own comparisons of names and dates, one set for all data
    if kind in ("date", "code"):
        return library.DamerauLevenshteinAtThresholds(field, [1, 2])
    comparison: Any = library.ExactMatch(field)
    if kind != "exact":
        comparison = library.JaroWinklerAtThresholds(
            field, [0.92, 0.8] if kind == "name" else [0.9, 0.75]
        )
    return comparison.configure(term_frequency_adjustments=True)


def _register_distances(spark: SparkSession) -> None:
    """Register the string distances that Spark SQL lacks, under the names that Splink uses.

    Splink brings a jar for them that was built for other versions of Spark.
    """
    from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler
    from rapidfuzz.process import cpdist

    def jaro_winkler(left: pd.Series, right: pd.Series) -> pd.Series:
        # Splink tests for nulls in a condition beside this call, not before it
        similarity = cpdist(left.fillna(""), right.fillna(""), scorer=JaroWinkler.similarity)
        return pd.Series(similarity, index=left.index, dtype="float64")

    def damerau_levenshtein(left: pd.Series, right: pd.Series) -> pd.Series:
        steps = cpdist(left.fillna(""), right.fillna(""), scorer=DamerauLevenshtein.distance)
        return pd.Series(steps, index=left.index, dtype="int64")

    # the overloads of pandas_udf do not accept series of an untyped library
    for function, type_ in ((jaro_winkler, "double"), (damerau_levenshtein, "bigint")):
        spark.udf.register(function.__name__, pandas_udf(function, type_))  # type: ignore[call-overload]
