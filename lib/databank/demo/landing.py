"""Write staged tables the way six systems would: JSON lines, CSV and Parquet, a file a day."""

import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession, functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from databank.demo.catalogue import REFERRERS, UTM
from databank.demo.config import WorldSettings

# About 100 MB of gzip in the widest source.
_ROWS_A_FILE = 1_500_000
_ROWS_A_TASK = 250_000
_SUFFIX = {"pos": "csv.gz", "crm": "csv.gz", "ads": "parquet"}


def _event_id(letter: str) -> Column:
    return F.concat(F.lit(letter), F.lpad(F.lower(F.hex("eid")), 16, "0")).alias("id")


def _yuan() -> Column:
    return (F.col("cents") / F.lit(100)).cast("decimal(12,2)")


def _amount(name: str, quoted: Column) -> list[Column]:
    """Three fields of one name, at most one of them not null: number, text, wrong text."""
    text = F.when(F.col("bad_amount"), "abc").when(quoted, _yuan().cast("string"))
    number = F.when(~F.col("bad_amount") & ~quoted, _yuan())
    return [number.alias(name), text.alias(name)]


def _number_ts() -> list[Column]:
    return [
        F.when(~F.col("bad_ts"), F.col("ts")).alias("ts"),
        F.when(F.col("bad_ts"), "yesterday").alias("ts"),
    ]


def _web() -> list[Column]:
    page = F.concat_ws("/", F.lit("https://shop.example.com"), "name", "item_id")
    medium, before = (
        F.create_map(*(F.lit(text) for name, values in UTM.items() for text in (name, values[n])))[
            F.col("utm_source")
        ]
        for n in (0, 1)
    )
    utm = F.concat(
        *(F.lit("?utm_source="), "utm_source", F.lit("&utm_medium="), medium),
        *(F.lit("&utm_campaign="), "utm_campaign"),
    )
    # by the number of the visit: all its events say the same
    unasked = F.get(
        F.array(*map(F.lit, REFERRERS)), F.pmod(F.xxhash64("session"), F.lit(10)).cast("int")
    )
    return [
        _event_id("w"),
        F.when(F.col("bad_ts"), "yesterday").otherwise(F.col("ts")).alias("ts"),
        F.col("name"),
        F.col("cookie").alias("cookie_id"),
        *map(F.col, ("user_id", "mobile", "mail")),
        F.concat(page, F.coalesce(utm, F.lit(""))).alias("url"),
        F.when(F.col("utm_source").isNull(), unasked).otherwise(before).alias("referrer"),
        *map(F.col, ("item_id", "category", "quantity")),
        *_amount("price", F.col("quoted")),
        *map(F.col, ("utm_source", "utm_campaign")),
        F.lower(F.hex("session")).alias("session"),
        F.col("screen"),
    ]


def _app() -> list[Column]:
    ids = ("name", "platform", "idfa", "gaid", "imei", "oaid", "user_id", "mobile")
    screen = F.concat(F.initcap(F.replace("name", F.lit("_"), F.lit(" "))), F.lit(" screen"))
    return [
        _event_id("a"),
        *_number_ts(),
        *map(F.col, ids),
        screen.alias("screen"),
        *map(F.col, ("item_id", "category", "quantity")),
        *_amount("amount", F.lit(False)),
    ]


def _miniprogram() -> list[Column]:
    ids = ("name", "app_id", "openid", "unionid", "mobile", "item_id", "category", "quantity")
    return [_event_id("m"), *_number_ts(), *map(F.col, ids), *_amount("amount", F.lit(False))]


def _pos() -> list[Column]:
    amount = F.when(F.col("bad_amount"), "abc").otherwise(_yuan().cast("string"))
    columns = ("store", "card_no", "mobile", "sku", "category", "quantity")
    sold_at = F.when(F.col("bad_ts"), "yesterday").otherwise(F.col("sold_at"))
    return [
        *map(F.col, ("receipt_no", "line_no")),
        sold_at.alias("sold_at"),
        *map(F.col, columns),
        amount.alias("amount"),
    ]


def _crm() -> list[Column]:
    names = (
        "record_id", "card_no", "user_id", "full_name", "mobile", "email", "gender",
        "birthday", "address", "city", "registered_on", "opted_out", "updated_at",
    )  # fmt: skip
    return [F.col(name) for name in names]


def _ads() -> list[Column]:
    names = ("ts", "action", "campaign", "channel", "cookie", "idfa", "gaid", "imei", "oaid")
    renamed = [F.col(n).alias("cookie_id") if n == "cookie" else F.col(n) for n in names]
    return [_event_id("i").alias("impression_id"), *renamed, F.col("cost")]


def _json_line(columns: list[Column]) -> list[Column]:
    line = F.to_json(F.struct(*columns))
    short = F.substring(line, F.lit(1), (F.length(line) * 0.6).cast("int"))
    return [F.when(F.col("cut"), short).otherwise(line).alias("value")]


def write_source(
    spark: SparkSession, staging: Path, root: Path, settings: WorldSettings, source: str, rows: int
) -> None:
    """Write one source's files of the history to landing, those of the next day to arrivals.

    Files are named by source, day of arrival and part. A row's place in its file follows its
    time, so that the files do not depend on the number of cores.
    """
    columns = {
        "web": lambda: _json_line(_web()),
        "app": lambda: _json_line(_app()),
        "miniprogram": lambda: _json_line(_miniprogram()),
        "pos": _pos,
        "crm": _crm,
        "ads": _ads,
    }[source]()
    staged = _staged(spark, staging / source)
    tie = {"pos": "receipt_no", "crm": "record_id"}.get(source, "eid")
    lesser = {"pos": "line_no", "ads": "action"}.get(source, tie)
    tasks = max(2 * spark.sparkContext.defaultParallelism, rows // _ROWS_A_TASK)
    day = F.date_add(F.lit(settings.first_day), F.col("day")).cast("string")
    ordered = staged.repartition(tasks, "day").sortWithinPartitions("day", "at", tie, lesser)
    out = staging / "out" / source
    _write(ordered.select(day.alias("file"), *columns), out, source)
    _deliver(out, root, source, settings)


def _write(frame: DataFrame, out: Path, source: str) -> None:
    writer = frame.write.partitionBy("file").option("maxRecordsPerFile", _ROWS_A_FILE)
    if source == "ads":
        writer.parquet(str(out))
    elif source in _SUFFIX:
        writer.csv(str(out), header=True, compression="gzip", emptyValue="")
    else:
        writer.text(str(out), compression="gzip")


def _deliver(out: Path, root: Path, source: str, settings: WorldSettings) -> None:
    for folder in sorted(out.glob("file=*")):
        day = folder.name.removeprefix("file=")
        zone = "arrivals" if day == settings.next_day.isoformat() else "landing"
        suffix = _SUFFIX.get(source, "json.gz")
        target = root / zone / source
        target.mkdir(parents=True, exist_ok=True)
        for part, path in enumerate(sorted(folder.glob("part-*"))):
            os.replace(path, target / f"{source}-{day}-part-{part:05d}.{suffix}")
    shutil.rmtree(out)


def keep_truth(staging: Path, root: Path, table: str) -> None:
    """Move a staged truth table to `<root>/truth/<table>.parquet/`; it needs no reshaping."""
    target = root / "truth" / f"{table}.parquet"
    target.mkdir(parents=True, exist_ok=True)
    for part, path in enumerate(sorted((staging / table).glob("*.parquet"))):
        os.replace(path, target / f"part-{part:05d}.parquet")


def _staged(spark: SparkSession, folder: Path) -> DataFrame:
    """Read a staged table; its schema is known, so that Spark need not look into the files."""
    schema = from_arrow_schema(pq.read_schema(next(folder.glob("*.parquet"))))
    return spark.read.schema(schema).parquet(str(folder))
