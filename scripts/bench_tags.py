"""200 measure tags beside one count by person, and beside a query a tag.

An archive of a year: 5 events, days and terminals at random, some persons far busier than others.
The tags are 5 events x 8 windows x 5 measures. The floor is `groupBy("person_id").count()` over
the same rows, in the same process; the profile leaves off one part of the work after the other.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import yaml
from pyspark.sql import Column, DataFrame, functions as F

from databank.archive.frame import ROWS_OF_PARTITION
from databank.archive.row_filters import row_matches
from databank.archive.tables import PERSON_DAY
from databank.archive.window_values import macro_columns, matching_rows
from databank.expressions import Macro
from databank.identity.tables import PERSON
from databank.project.load import load_project
from databank.session import get_spark
from databank.tables import DeltaStore, TableSpec

DAY, NEXT = "2026-03-31", "2026-04-01"
EVENTS = ("login", "view", "read", "cart", "purchase")
WINDOWS = (
    *("last 7 days", "last 14 days", "last 30 days", "last 60 days", "last 90 days"),
    *("last 180 days", "this year", "ever"),
)
MEASURES = ("count", "sum(amount)", "max(amount)", "days", "last")
_TIMES = 3
_QUERIES = 8  # of the 200, asked one by one

Measure = Callable[..., tuple[float, float, str]]


def bench_tags(folder: Path, events: int, persons: int, measure: Measure) -> None:
    """Print the seconds of both; `measure` runs a command and gives them, GB and its output."""
    root, conf = folder / f"tags-{events}-{persons}", folder / "conf"
    write_conf(conf)
    if not root.exists():
        part = root.with_suffix(".part")
        measure(sys.executable, __file__, "make", str(part), str(events), str(persons))
        part.rename(root)
    _, memory, output = measure(sys.executable, __file__, "values", str(root), str(conf))
    times = json.loads(output.splitlines()[-1])
    floor, values, query = times.pop("floor"), times.pop("values"), times.pop("query")
    tags = len(EVENTS) * len(WINDOWS) * len(MEASURES)
    print(f"{times.pop('rows'):,} rows of the archive, {persons:,} persons, {tags} tags")
    print(f"{'count by person':<34} {floor:7.1f} s   (floor)")
    print(f"{'values of all tags':<34} {values:7.1f} s = {values / floor:.1f} x, {memory:.1f} GB")
    every = query * tags
    times_of = f"{every / values:.0f} x the values, {query:.1f} s each"
    print(f"{'a query a tag':<34} {every:7.1f} s = {times_of}")
    before = 0.0
    for part, seconds in [*times.items(), ("arrays, and their way back", values)]:
        print(f"    {part:<30} {seconds - before:7.1f} s  {(seconds - before) / values:5.0%}")
        before = seconds
    databank = str(Path(sys.executable).parent / "databank")
    given = ("run", "build_tags", "--conf-dir", str(conf), "--root", str(root), "--date")
    first = 0.0
    for day in (DAY, NEXT):
        seconds, memory, _ = measure(databank, *given, day)
        first = first or seconds
        print(f"build_tags of {day:<21} {seconds:7.1f} s = {seconds / first:.0%}, {memory:.1f} GB")


def write_conf(conf: Path) -> None:
    """A bank's configuration with nothing but the tags."""
    (conf / "tags").mkdir(parents=True, exist_ok=True)
    (conf / "sources").mkdir(exist_ok=True)
    (conf / "identity.yml").write_text("identifiers: [user_id]\n", encoding="utf-8")
    tags = [
        {
            "name": f"tag_{n}",
            "kind": "measure",
            "event": event,
            "window": window,
            "measure": of_what,
        }
        for n, (event, window, of_what) in enumerate(
            (event, window, of_what)
            for event in EVENTS
            for window in WINDOWS
            for of_what in MEASURES
        )
    ]
    (conf / "tags/measures.yml").write_text(yaml.safe_dump({"tags": tags}), encoding="utf-8")


def make(root: str, events: int, persons: int) -> None:
    """Publish an archive, and identifiers of its persons."""

    spark = get_spark()

    def share(salt: int) -> Column:
        return F.pmod(F.xxhash64("id", F.lit(salt)), F.lit(1_000_003)) / F.lit(1_000_003.0)

    def one_of(values: Iterable[str], place: Column) -> Column:
        listed = [F.lit(value) for value in values]
        return F.element_at(F.array(*listed), (place * len(listed)).cast("int") + 1)

    event = one_of(EVENTS, F.pow(share(4), 2))
    paid = F.col("event").isin("cart", "purchase")
    rows = spark.range(0, events, 1, 8).select(
        (F.pow(share(1), 1.5) * persons).cast("bigint").alias("person_id"),
        F.date_sub(F.lit(DAY).cast("date"), (share(2) * 365).cast("int")).alias("day"),
        one_of(("app", "web", "store"), share(3)).alias("terminal"),
        event.alias("event"),
        F.lit("").alias("dims_json"),
        (share(5) * 100).cast("decimal(18,2)").alias("price"),
    )
    price = F.when(paid, F.col("price"))
    days = rows.groupBy("person_id", "day", "terminal", "event", "dims_json").agg(
        F.count("*").alias("n"),
        *(
            each(price).cast("decimal(28,8)").alias(name)
            for name, each in (("amount", F.sum), ("amount_max", F.max), ("amount_min", F.min))
        ),
    )
    # as it comes to lie: by event and day
    archive = days.withColumns(_nulls(PERSON_DAY, days.columns)).orderBy("event", "day")
    ids = spark.range(persons).select(F.col("id").alias("id_key"), F.col("id").alias("person_id"))
    store = DeltaStore(spark, root)
    store.start_run("given", (PERSON, PERSON_DAY))
    store.replace(PERSON, ids.withColumns(_nulls(PERSON, ids.columns)), checked=True)
    store.replace(PERSON_DAY, archive, checked=True)
    store.publish("given", date.fromisoformat(DAY))


def _nulls(spec: TableSpec, given: Iterable[str]) -> dict[str, Column]:
    return {c.name: F.lit(None).cast(c.type) for c in spec.columns if c.name not in set(given)}


def values(root: str, conf: str) -> None:
    """Print the seconds of the floor, of all values, of a tag alone, and of parts of the work."""
    spark = get_spark()
    store = DeltaStore(spark, root)
    archive, day = store.read(PERSON_DAY), date.fromisoformat(DAY)
    persons = store.require("identity.person").select("person_id")
    macros = [m for tag in load_project(conf).tags for each in tag.expressions for m in each.macros]
    rows = archive.count()

    def seconds(frame: DataFrame) -> float:
        started = time.monotonic()
        frame.write.format("noop").mode("overwrite").save()
        return time.monotonic() - started

    def least(frame: DataFrame) -> float:
        return min(seconds(frame) for _ in range(_TIMES))

    def alone(rows: DataFrame, macro: Macro, day: date) -> DataFrame:
        value = {
            "events": F.sum("n"), "amount": F.sum("amount"), "largest_amount": F.max("amount_max"),
            "days_active": F.count_distinct("day"), "last_on": F.max("day"),
        }[macro.name]  # fmt: skip
        return rows.where(row_matches(macro, day)).groupBy("person_id").agg(value)

    def stopping(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch.slice(0, 0)

    partitions = rows // ROWS_OF_PARTITION + 1
    given = {"as_of": day, "dimensions": ()}
    matching = matching_rows(archive, macros, **given)
    laid = matching.repartition(partitions, "person_id")
    columns = macro_columns(archive, persons, macros, partitions=partitions, **given)
    some = macros[:: len(macros) // _QUERIES - 1]
    figures = {
        "rows": rows,
        "floor": least(archive.groupBy("person_id").count()),
        "values": least(columns),
        "query": sum(seconds(alone(archive, macro, day)) for macro in some) / len(some),
        "reading and matching": least(matching),
        "shuffle by person": least(laid),
        "from Spark to arrays": least(laid.mapInArrow(stopping, laid.schema)),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "make":
        make(arguments[0], int(arguments[1]), int(arguments[2]))
    else:
        values(*arguments)
