"""Score pairs of records by Splink, on DuckDB or on Spark."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd
from pyspark.sql import DataFrame, SparkSession, functions as F
from pyspark.sql.pandas.functions import pandas_udf

from databank.errors import DataBankError
from databank.identity.linkage.config import LinkageRule
from databank.identity.linkage.kinds import KINDS
from databank.identity.linkage.records import key_columns
from databank.session import arrow_frame

if TYPE_CHECKING:
    from splink import Linker

LEAST = 0.5  # from which a pair is more likely one person's than two persons'
_NEGLIGIBLE = 0.001  # pairs of a component below it count as 0
_SEED = 1
_SAMPLE = 5_000_000  # random pairs that estimate how often strangers agree
_DIGITS = 6  # sums of floats differ in their last digits with the number of threads
MOST = 1 - 10**-_DIGITS  # no pair is certain


class PairScorer:
    """A model of what profiles of one person agree in, trained on the records of a rule.

    The model is that of Fellegi and Sunter (1969), A Theory for Record Linkage, with weights by
    expectation maximisation and term frequencies of rare values, as implemented by Splink. Equal
    records give equal scores.

    Args:
        name: Name of the rule, for errors.
        records: unique_id, and the attributes that the rule compares.
        rule: The rule: what is compared, and how the model is trained.
        on_driver: Compare by DuckDB on the driver, by far the quickest way for records that one
            process can hold; else by Spark.
        scratch: Folder that driver and workers share.

    Raises:
        DataBankError: If the records are too few or too different to train the model.
    """

    def __init__(
        self, name: str, records: DataFrame, rule: LinkageRule, *, on_driver: bool, scratch: str
    ) -> None:
        self._rule = rule
        self._spark = records.sparkSession
        self._on_driver = on_driver
        self._api: Any = _duckdb_api() if on_driver else _spark_api(self._spark, scratch)
        self._linker = _linker(self._api, self._registered(records), rule)
        try:
            _train(self._linker, rule)
        except _training_errors() as error:
            raise _unlearned(name, error) from error

    def likely_pairs(self) -> DataFrame:
        """Compare what agrees in a blocking key, and keep pairs more likely one person than two.

        Returns:
            One row per pair: a_record, b_record (unique_id), score (0.5-1, never 1 itself).
        """
        return self._scored(self._linker.inference.predict(threshold_match_probability=LEAST))

    def pairs_within(self, records: DataFrame) -> DataFrame:
        """Compare all records of each component with each other.

        Args:
            records: unique_id, the attributes, and component (bigint).

        Returns:
            As `likely_pairs`, but for score: 0.001-1; a pair with less has no row.
        """
        from splink import block_on

        pairs = self._linker.inference.predict_within(
            self._registered(records, "component"),
            blocking_rules_to_generate_predictions=[block_on("component")],
            threshold_match_probability=_NEGLIGIBLE,
        )
        return self._scored(pairs)

    def _registered(self, records: DataFrame, *more: str) -> Any:
        """Hand records to Splink, without the columns that it has no use for."""
        columns = records.select("unique_id", *self._rule.compare, *more)
        # sorted, because samples are drawn from it
        table = columns.orderBy("unique_id").toArrow() if self._on_driver else columns
        return self._api.register(table)

    def _scored(self, predicted: Any) -> DataFrame:
        if self._on_driver:
            pairs = arrow_frame(self._spark, predicted.as_pyarrow_table())
        else:
            pairs = predicted.as_spark_dataframe()
        score = F.least(F.round("match_probability", _DIGITS), F.lit(MOST))
        ends = F.col("unique_id_l").alias("a_record"), F.col("unique_id_r").alias("b_record")
        return pairs.select(*ends, score.alias("score"))


def _duckdb_api() -> Any:
    from splink import DuckDBAPI

    return DuckDBAPI()


def _spark_api(spark: SparkSession, scratch: str) -> Any:
    from splink import SparkAPI

    _register_distances(spark)
    spark.sparkContext.setCheckpointDir(scratch)
    options = {"break_lineage_method": "parquet", "register_udfs_automatically": False}
    return SparkAPI(spark_session=spark, **options)  # type: ignore[no-untyped-call]


def _linker(api: Any, table: Any, rule: LinkageRule) -> "Linker":
    from splink import Linker, SettingsCreator

    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[KINDS[kind].comparison(field) for field, kind in rule.compare.items()],
        blocking_rules_to_generate_predictions=_blocks(rule.block_on),
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )
    return Linker(table, settings, log_level=logging.ERROR)


def _train(linker: "Linker", rule: LinkageRule) -> None:
    training = linker.training
    training.estimate_probability_two_random_records_match(
        _blocks(rule.deterministic_rules), recall=rule.recall_of_deterministic
    )
    training.estimate_u_using_random_sampling(max_pairs=_SAMPLE, seed=_SEED)
    for block in _blocks(rule.em_blocks):
        training.estimate_parameters_using_expectation_maximisation(block)


def _training_errors() -> tuple[type[Exception], ...]:
    from splink.internals.exceptions import SplinkException

    # the logarithm of no match among random records is a ValueError
    return SplinkException, ValueError


def _unlearned(name: str, error: Exception) -> DataBankError:
    reason = " ".join(str(error).split())
    if isinstance(error, ValueError):
        reason = "no two of them agree in a key of deterministic_rules, or all of them do"
    return DataBankError(
        f"identity.yml: linkage.{name}: nothing can be learned from these profiles "
        f"({reason}); let em_blocks and deterministic_rules name attributes that more share"
    )


def _blocks(keys: Iterable[Iterable[str]]) -> list[Any]:
    from splink import block_on

    return [block_on(*key_columns(key)) for key in keys]


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
