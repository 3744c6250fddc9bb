"""What lists beside the configuration say of the persons whose identifiers they name."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import pyarrow as pa
from pyspark.sql import Column, DataFrame, functions as F

from databank.columns import is_one_of
from databank.identity.forgotten import without_erased
from databank.identity.ownership.periods import holds_on
from databank.runs import Context
from databank.session import checkpoint, hinted
from databank.sources.identifiers import IdentifierField, given_column, with_keys
from databank.sources.keys import key_collisions
from databank.sources.tables import ERASED, IDENTIFIER
from databank.tags.config import TagConfig
from databank.tags.list_file import ListFile, rows_of
from databank.tags.tables import LISTED
from databank.tags.values import SPARK_TYPES, input_column

Lists = Mapping[str, ListFile]
_BATCH = 100_000  # rows that are Python's own at a time
# what becomes of a row
_NO_IDENTIFIER, _NO_VALUE = "without a valid {}", "without a value"
_ERASED, _NOBODYS, _MET = "erased, to be taken out", "nobody's yet", "somebody's"
_SHAPE = pa.schema(
    [
        ("tag", pa.string()),
        ("slot", pa.int32()),
        ("scope", pa.string()),
        ("line", pa.int64()),
        ("text", pa.string()),
        ("value", pa.string()),
    ]
)


def listed_persons(
    context: Context, tags: Sequence[TagConfig], lists: Lists
) -> tuple[DataFrame, dict[str, str]]:
    """Who has the identifiers of some lists on the run day, and what is said of them.

    Identifiers are keyed as ingest keys them. A row has no date, and is taken for an old one, as
    ingest takes a record without a day: what was erased from its first holder gives nothing, even
    if it is met again; of one that passed to another person afterwards, this one has the value.
    Of several rows of a person that in the last line counts: corrections are appended.

    Cost: each file is read once, by the driver, which holds its rows (some 50 bytes each); one
    join of all of them with identity.person, which is scanned once.

    Args:
        context: The run.
        tags: Those by a list.
        lists: The list of each.

    Returns:
        person_id, tag (unique together), line, value (string); and, by tag and file, how many
        rows came to nothing.

    Raises:
        DataBankError: If a file has a row that cannot be read, with its line.
    """
    slots = sorted({_slot(lists[tag.name]) for tag in tags}, key=repr)
    rows = _keyed(context, _rows(context, tags, lists, slots), slots)
    erased = context.store.read(ERASED)
    gone = F.broadcast(erased.select("id_key").distinct().withColumn("erased", F.lit(True)))
    rows = checkpoint(rows.join(gone, "id_key", "left"))
    usable = rows.where(F.col("id_key").isNotNull() & F.col("value").isNotNull())
    held = context.store.require("identity.person").where(holds_on(F.lit(context.day)))
    found = checkpoint(without_erased(held.join(hinted(usable), "id_key"), erased))
    newest = found.groupBy("person_id", "tag").agg(
        F.max("line").alias("line"), F.max_by("value", "line").alias("value")
    )
    return newest, _told(rows, found, tags, lists)


def listed_values(found: DataFrame, tags: Iterable[TagConfig]) -> DataFrame:
    """What lists say as columns.

    Args:
        found: Of `listed_persons`.
        tags: Those by a list.

    Returns:
        person_id (unique), and per tag its `input_column`, of the tag's type; null = nothing.
    """
    return found.groupBy("person_id").agg(
        *(
            F.max(F.when(F.col("tag") == tag.name, F.col("value")))
            .cast(SPARK_TYPES[tag.type])
            .alias(input_column(tag))
            for tag in tags
        )
    )


def write_provenance(
    context: Context,
    found: DataFrame | None,
    tags: Sequence[TagConfig],
    every: Iterable[TagConfig],
    lists: Lists,
) -> None:
    """Write which line gave each value of some tags; lines of tags without a list go.

    Args:
        context: The run.
        found: Of `listed_persons`; None where no tag is by a list.
        tags: Tags that are built, by a list.
        every: All tags of the configuration that are by a list.
        lists: The list of each.
    """
    store, gone = context.store, f"NOT {is_one_of('tag', (tag.name for tag in every))}"
    if found is None:
        if store.is_published(LISTED) and not store.read(LISTED).where(gone).isEmpty():
            store.replace(LISTED, store.small(LISTED, []), where=gone, checked=True)
        return
    names = [tag.name for tag in tags]
    lines = found.withColumns(
        {
            "file": _by_tag({name: lists[name].name for name in names}),
            "id_type": _by_tag({name: lists[name].id_type for name in names}),
            "as_of": F.lit(context.day),
        }
    )
    # one row per person and tag, as built
    store.replace(LISTED, lines, where=f"{is_one_of('tag', names)} OR {gone}", checked=True)


def _slot(file: ListFile) -> IdentifierField:
    return IdentifierField(file.id_type, file.form, file.region)


def _rows(
    context: Context, tags: Sequence[TagConfig], lists: Lists, slots: Sequence[IdentifierField]
) -> DataFrame:
    """All rows of all lists, in the columns of _SHAPE."""
    batches = []
    for tag in tags:
        file = lists[tag.name]
        rows = rows_of(file, tag=tag.name, gives=tag.type)
        whose = (tag.name, slots.index(_slot(file)), file.scope)
        while some := [(*whose, *row) for row in islice(rows, _BATCH)]:
            columns = dict(zip(_SHAPE.names, zip(*some, strict=True), strict=True))
            batches.append(pa.RecordBatch.from_pydict(columns, schema=_SHAPE))
    return context.spark.createDataFrame(pa.Table.from_batches(batches, _SHAPE))


def _keyed(context: Context, rows: DataFrame, slots: Sequence[IdentifierField]) -> DataFrame:
    """tag, line, value, id_key (null = no valid identifier)."""
    given = {
        given_column(n, part): F.when(F.col("slot") == n, F.col(part))
        for n in range(len(slots))
        for part in ("text", "scope")
    }
    collisions = key_collisions(context.store.read(IDENTIFIER))
    return with_keys(rows.withColumns(given).drop("slot", "text", "scope"), slots, collisions)


def _told(
    rows: DataFrame, found: DataFrame, tags: Sequence[TagConfig], lists: Lists
) -> dict[str, str]:
    """By tag and file, how many rows came to nothing, why and where; one job."""
    met = found.select("tag", "line", F.lit(True).alias("met"))
    why = (
        F.when(F.col("id_key").isNull(), _NO_IDENTIFIER)
        .when(F.col("value").isNull(), _NO_VALUE)
        .when(F.col("met"), _MET)
        .when(F.col("erased"), _ERASED)
        .otherwise(_NOBODYS)
    )
    states = rows.join(met, ["tag", "line"], "left").groupBy("tag", why.alias("why"))
    counts: dict[str, dict[str, tuple[int, int]]] = {tag.name: {} for tag in tags}
    # a few rows a tag
    for row in states.agg(F.count("*").alias("n"), F.min("line").alias("first")).collect():
        counts[row["tag"]][row["why"]] = (row["n"], row["first"])
    return {
        f"{name}, {lists[name].name}": _sentence(counts[name], lists[name].id_type)
        for name in counts
    }


def _sentence(counts: Mapping[str, tuple[int, int]], id_type: str) -> str:
    """`of 120 rows 3 without a valid phone (the first in line 7), 17 nobody's yet`."""
    n = sum(number for number, _ in counts.values())
    told = []
    for why in (_NO_IDENTIFIER, _NO_VALUE, _ERASED, _NOBODYS):
        number, line = counts.get(why, (0, 0))
        # nothing is wrong with who may still come
        place = f" (the first in line {line})" if why != _NOBODYS else ""
        told += [f"{number:,} {why.format(id_type)}{place}"] if number else []
    return f"of {n:,} rows {', '.join(told)}" if told else f"all {n:,} rows are somebody's"


def _by_tag(texts: Mapping[str, str]) -> Column:
    return F.create_map(*(F.lit(each) for pair in texts.items() for each in pair))[F.col("tag")]
