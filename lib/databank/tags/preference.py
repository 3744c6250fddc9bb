"""Preferences: what a person does more often than the others, and than chance explains."""

from collections.abc import Iterable
from datetime import date

import pandas as pd
from pyspark.sql import Column, DataFrame, Window, functions as F
from pyspark.sql.pandas.functions import pandas_udf
from scipy.stats import binom

from databank.archive.row_filters import any_window, row_matches, with_dimensions
from databank.expressions import Macro
from databank.session import checkpoint
from databank.tags.config import TagConfig
from databank.tags.values import score_column

_MINIMUM = 5  # events below which nothing is asked: whatever they are, they could be chance
_LIFT = 1.25  # of many events even a tiny difference is no chance, and of no use to anybody
_RATE = 0.05  # of the preferences found, so many may be chance


def preferred_values(
    archive: DataFrame, tags: Iterable[TagConfig], *, as_of: date, dimensions: Iterable[str]
) -> DataFrame:
    """How many times the population's share of a value is a person's, where that is no chance.

    For each person and value the exact binomial test, one-sided: were the person like everybody,
    how likely would so many of the person's events have the value? What is unlikely happens often
    to many persons, so the rate of false discoveries is held at 5 % over the tests of all persons
    and all values that are met, not of those alone that are tags (Benjamini and Hochberg 1995,
    Controlling the False Discovery Rate, J. R. Stat. Soc. B 57). Persons with few events are left
    out by their number alone, which leaves that rate as it is (Bourgon et al. 2010, Independent
    filtering increases detection power, PNAS 107).

    Cost: one scan of the archive, pruned to the events and days that any tag looks at, a shuffle
    by person and value and one by person; what follows is done on rows that are unlikely.

    Args:
        archive: archive.person_day.
        tags: Tags of kind preference.
        as_of: The day on which windows end.
        dimensions: Declared dimensions.

    Returns:
        person_id (unique), and per tag its `score_column` (double, at least the tag's `lift`;
        null = no preference).
    """
    families: dict[tuple[Macro, int], list[TagConfig]] = {}
    for tag in tags:
        [macro] = tag.expressions[0].macros
        families.setdefault((macro, tag.minimum or _MINIMUM), []).append(tag)
    macros = [macro for macro, _ in families]
    entries = F.array_compact(
        F.array(*(_entry(n, *family, as_of) for n, family in enumerate(families)))
    )
    days = with_dimensions(archive, dimensions).where(any_window(macros, as_of))
    rows = days.select("person_id", "n", F.inline(entries))
    had = rows.groupBy("person_id", "family", "least", "value").agg(F.sum("n").alias("having"))
    every = F.sum("having").over(Window.partitionBy("person_id", "family"))
    had = checkpoint(had.withColumn("every", every))
    unlikely = checkpoint(_tested(had).where(F.col("chance") <= _RATE))
    found = _discoveries(unlikely)
    wanted = [(n, tag) for n, of_one in enumerate(families.values()) for tag in of_one]
    return found.groupBy("person_id").agg(*(_lift(n, tag) for n, tag in wanted))


def _entry(n: int, macro: Macro, least: int, as_of: date) -> Column:
    value = F.nullif(F.col(str(macro.by)), F.lit(""))
    family = F.struct(F.lit(n).alias("family"), F.lit(least).alias("least"), value.alias("value"))
    return F.when(row_matches(macro, as_of) & value.isNotNull(), family)


def _tested(had: DataFrame) -> DataFrame:
    """Rows of persons with enough events, and: chance, lift, tests (of the family, all in all)."""
    values = had.groupBy("family", "value").agg(F.sum("having").alias("all"))
    shares = values.select(
        "family",
        "value",
        (F.col("all") / F.sum("all").over(Window.partitionBy("family"))).alias("share"),
        F.count("*").over(Window.partitionBy("family")).alias("values"),
    )
    enough = had.where(F.col("every") >= F.col("least"))
    # a value that a person never had is a test, too: one that finds nothing
    persons = enough.groupBy("family").agg(F.count_distinct("person_id").alias("persons"))
    known = F.broadcast(shares.join(persons, "family"))
    joined = enough.join(known, ["family", "value"])
    # what is deterministic would be computed for the filter, and again for the rows it leaves
    likely = pandas_udf(_chance, "double").asNondeterministic()  # type: ignore[call-overload]
    return joined.select(
        "person_id",
        "family",
        "value",
        likely("having", "every", "share").alias("chance"),
        (F.col("having") / F.col("every") / F.col("share")).alias("lift"),
        (F.col("persons") * F.col("values")).alias("tests"),
    )


def _chance(having: pd.Series, every: pd.Series, share: pd.Series) -> pd.Series:
    """How likely at least `having` of `every` events are."""
    return pd.Series(binom.sf(having - 1, every, share))


def _discoveries(unlikely: DataFrame) -> DataFrame:
    """The rows of the largest chance that its rank allows, and of all smaller ones."""
    alike = unlikely.groupBy("family", "tests", "chance").agg(F.count("*").alias("n"))
    rank = F.sum("n").over(Window.partitionBy("family").orderBy("chance"))
    allowed = F.col("chance") <= _RATE * rank / F.col("tests")
    cuts = alike.select("family", "chance", allowed.alias("allowed")).where("allowed")
    cuts = cuts.groupBy("family").agg(F.max("chance").alias("cut"))
    return unlikely.join(F.broadcast(cuts), "family").where("chance <= cut")


def _lift(n: int, tag: TagConfig) -> Column:
    least = tag.lift or _LIFT
    is_it = (F.col("family") == n) & (F.col("value") == tag.value) & (F.col("lift") >= least)
    return F.max(F.when(is_it, F.col("lift"))).alias(score_column(tag))
