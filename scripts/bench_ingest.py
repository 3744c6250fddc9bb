"""A delivery loaded by databank, by plain Spark and by DuckDB: seconds, cores, bytes, memory.

The delivery is that of the demo: packed JSON lines, CSV and Parquet of seven sources. Plain Spark
and DuckDB read it with the schema given and write a table a source, and do nothing else: no
received text kept, no identifier normalised, nothing checked, nothing loaded once only.
"""

import shutil
import statistics
import sys
from pathlib import Path

import duckdb
from bench_measure import Measured, measured

DAY = "2026-03-31"
# source -> pattern of its files and their fields; Parquet files know theirs
SOURCES = {
    "ads": ("*.parquet", ""),
    "app": (
        "*.json.gz",
        "id ts name platform user_id mobile idfa gaid imei oaid screen item_id category quantity "
        "amount",
    ),
    "crm": (
        "*.csv.gz",
        "record_id card_no user_id full_name mobile email gender birthday address city "
        "registered_on opted_out updated_at",
    ),
    "items": ("*.csv", "sku name category list_price"),
    "miniprogram": (
        "*.json.gz",
        "id ts name app_id openid unionid mobile item_id category quantity amount",
    ),
    "pos": (
        "*.csv.gz",
        "receipt_no line_no sold_at store card_no mobile sku category quantity amount",
    ),
    "web": (
        "*.json.gz",
        "id ts name user_id mobile mail cookie_id url referrer item_id category quantity price "
        "utm_source utm_campaign session screen",
    ),
}


def bench_ingest(world: Path, runs: int) -> None:
    """Print a line for each of the three, the median of some runs with their spread.

    Args:
        world: A generated world; its bank is made in copies.
        runs: How often each is measured, in turns.
    """
    ends = ("bank", "spark", "duck")
    bank, spark, duck = (world.with_name(f"{world.name}-{end}") for end in ends)
    databank = str(Path(sys.executable).parent / "databank")
    commands = {
        "duckdb": [sys.executable, __file__, "duckdb", str(world), str(duck)],
        "plain Spark": [sys.executable, __file__, "spark", str(world), str(spark)],
        "databank": [databank, "run", "ingest", "--root", str(bank), "--date", DAY],
    }
    taken: dict[str, list[Measured]] = {name: [] for name in commands}
    for _ in range(runs):
        for folder in (bank, spark, duck):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(world / "landing", bank / "landing")
        for name, command in commands.items():
            taken[name].append(measured(*command))
    records = count_records(duck)
    sizes = {"duckdb": size_of(duck), "plain Spark": size_of(spark)}
    sizes["databank"] = size_of(bank) - size_of(bank / "landing")
    base = statistics.median(each.cores for each in taken["plain Spark"])
    print(f"{records:,} records; median of {runs} runs (smallest to largest)")
    print_row("", "core seconds", "x Spark", "wall seconds", "GB", "bytes/record")
    for name, figures in taken.items():
        cores = statistics.median(each.cores for each in figures)
        print_row(
            name,
            spread([each.cores for each in figures]),
            f"{cores / base:.1f}",
            spread([each.wall for each in figures]),
            f"{max(each.memory for each in figures):.1f}",
            f"{sizes[name] / records:.0f}",
        )
    for folder in (bank, spark, duck):
        shutil.rmtree(folder)


def print_row(name: str, *cells: str) -> None:
    """Print a line of the table."""
    widths = (26, 9, 26, 6, 14)
    line = "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    print(f"{name:<12}{line}")


def spread(seconds: list[float]) -> str:
    """Give the median, and the smallest and the largest."""
    return f"{statistics.median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})"


def size_of(folder: Path) -> int:
    """Give the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


# ---- the peers, each in a process of its own


def count_records(folder: Path) -> int:
    """Count the rows that DuckDB has written."""
    [[n]] = duckdb.sql(f"SELECT count(*) FROM '{folder}/*.parquet'").fetchall()
    return int(n)


def load_by_duckdb(world: Path, folder: Path) -> None:
    """Read each source with its schema given, and write a Parquet file of it."""
    folder.mkdir()
    for source, (pattern, fields) in SOURCES.items():
        files = f"'{world}/landing/{source}/{pattern}'"
        schema = ", ".join(f"{name}: 'VARCHAR'" for name in fields.split())
        if not fields:
            read = f"read_parquet({files})"
        elif "json" in pattern:
            options = "format='newline_delimited', ignore_errors=true"
            read = f"read_json({files}, columns={{{schema}}}, {options})"
        else:
            options = "header=true, null_padding=true, ignore_errors=true, strict_mode=false"
            read = f"read_csv({files}, columns={{{schema}}}, {options})"
        duckdb.sql(f"COPY (FROM {read}) TO '{folder}/{source}.parquet'")


def load_by_spark(world: Path, folder: Path) -> None:
    """Read each source with its schema given, and write a Delta table of it."""
    from databank.session import get_spark

    spark = get_spark()
    for source, (pattern, fields) in SOURCES.items():
        files = f"{world}/landing/{source}/{pattern}"
        schema = ", ".join(f"{name} string" for name in fields.split())
        if not fields:
            rows = spark.read.parquet(files)
        elif "json" in pattern:
            rows = spark.read.schema(schema).json(files)
        else:
            rows = spark.read.schema(schema).csv(files, header=True)
        rows.write.format("delta").save(f"{folder}/{source}")


if __name__ == "__main__":
    loaders = {"duckdb": load_by_duckdb, "spark": load_by_spark}
    loaders[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
