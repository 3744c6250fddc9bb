"""The ingest job: new files of all sources, to raw, quarantine and core, in one run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import reduce

from pyspark.sql import DataFrame, functions as F
from pyspark.storagelevel import StorageLevel

from databank.hashing import fingerprint
from databank.quality.quarantine import quarantine_rows
from databank.quality.tables import QUARANTINE
from databank.runs import Context, Job, StepResult
from databank.sources.config import SourceConfig, SourcesConfig
from databank.sources.erasure import (
    MARK,
    Erasure,
    carried_out,
    due,
    erase_from_core,
    note_erased,
    without_erased,
)
from databank.sources.files import (
    KnownFile,
    SourceFile,
    absolute,
    delta_version,
    inspect_files,
    list_files,
    refuse_unmatched,
    refused_before,
    split_new,
)
from databank.sources.keys import key_collisions, unknown_identifiers, with_corrected_keys
from databank.sources.lines import BROKEN_OFF
from databank.sources.load import (
    drop_duplicates_by_key,
    event_rows,
    latest_states,
    possible_duplicates,
    refused_identifiers,
)
from databank.sources.load_stats import LoadStats, count_loaded, count_staged
from databank.sources.parse import STAGED, make_groups, parse_records, parsing_settings
from databank.sources.raw import read_records
from databank.sources.shredding import shred_records
from databank.sources.tables import (
    EVENTS,
    IDENTIFIER,
    ITEMS,
    PROFILES,
    RAW_FILE,
    RAW_RECORD,
    REFUSED,
    TABLES,
)
from databank.tables import Store

Sources = Mapping[str, SourceConfig]


def ingest(context: Context, config: SourcesConfig) -> StepResult:
    """Load the files that are new, each once.

    Raises:
        DataBankError: If a source has no file.
        GateRefusedError: If rows break a rule that stops the load.
    """
    sources = {s.source: s for s in config.sources if context.wants(s.source)}
    summary: dict[str, int | float | str] = {**_erase(context, config)}
    new, altered = _find(context, sources)
    if altered:
        shown = ", ".join(file.name for file in altered[:3])
        more = f" and {len(altered) - 3} more" if len(altered) > 3 else ""
        summary["warning"] = f"changed after loading: {shown}{more}; give them new names"
    if not new:
        return StepResult({"new files": 0, **summary})
    return StepResult({**_load(context, config, sources, new), **summary})


JOB = Job(
    name="ingest", step=ingest, tables=TABLES, logic_version=1, latest_only=False, always=True
)


def _erase(context: Context, config: SourcesConfig) -> dict[str, int | float | str]:
    """Carry out what somebody asked to erase."""
    asked = due(context.store)
    if not asked:
        return {}
    context.progress.step(f"erasing {len(asked)} identifiers")
    shredded = shred_records(context, config, context.store.read(RAW_RECORD), asked)
    counts = erase_from_core(context, asked)
    note_erased(context, asked)
    context.metric("identifiers_erased", len(asked))
    # whatever becomes of the files that have come
    context.store.publish(JOB.name, context.day)
    told = {f"{name} that lost an identifier": count for name, count in counts.items()}
    return {"identifiers erased": len(asked), **told, **shredded}


# ---- files


def _known_files(context: Context) -> dict[tuple[str, str], KnownFile]:
    """What raw.file says last of each file; a row a file, so small enough for the driver."""
    state = F.struct("bytes", F.unix_timestamp("modified").alias("modified"), "status")
    # a refused file may be loaded later, never the other way round
    order = F.struct(F.col("status") == "ok", "modified", "load_id")
    rows = context.store.read(RAW_FILE).groupBy("source", "file")
    return {
        (row["source"], row["file"]): KnownFile(
            row["last"]["bytes"],
            datetime.fromtimestamp(row["last"]["modified"], UTC),
            row["last"]["status"],
        )
        for row in rows.agg(F.max_by(state, order).alias("last")).collect()
    }


def _find(context: Context, sources: Sources) -> tuple[list[SourceFile], list[SourceFile]]:
    """Files to load, and loaded ones that were altered since."""
    known = _known_files(context)
    new: list[SourceFile] = []
    altered: list[SourceFile] = []
    for name, source in sources.items():
        files = _list(context, source)
        refuse_unmatched(source, files, known=any(key[0] == name for key in known))
        fresh, changed = split_new(files, known)
        looked = inspect_files(fresh, source)
        new += [file for file in looked if not refused_before(file, known)]
        altered += changed
    return new, altered


def _list(context: Context, source: SourceConfig) -> list[SourceFile]:
    if source.format != "delta":
        return list_files(source, context.store.root)
    path = absolute(source.path, context.store.root)
    version = context.store.files.last_version(path)
    return [] if version is None else [delta_version(source, path, version)]


# ---- one load


def _load(
    context: Context, config: SourcesConfig, sources: Sources, files: Sequence[SourceFile]
) -> dict[str, int | float | str]:
    load_id = _load_id(context, files)
    met, counts = _to_raw(context, sources, files, load_id)
    # an empty file is done as soon as it is listed
    full = [file for file in met if file.status == "ok" and (file.source, file.name) in counts]
    erased = carried_out(context.store) if full else []
    stats = LoadStats()
    if full:
        _stage(context, config, sources, full, load_id, erased)
        stats = count_staged(_staged(context), closed=_closed(context))
        stats.stop_if_told()
        context.progress.step("writing")
        _to_core(context, {sources[file.source].becomes for file in full}, stats, load_id)
    refused = [file for file in met if file.status != "ok"]
    _to_quarantine(context, stats, refused, load_id)
    context.store.append(RAW_FILE, _file_rows(context.store, met, counts, load_id))
    if erased:
        _shred_arrivals(context, config, erased, load_id)
    stats.note(context)
    summary: dict[str, int | float | str] = {"new files": len(met) - len(refused)}
    for file in refused[:5]:
        summary[f"refused {file.name}"] = f"{file.status}: {file.reason}"
    return summary | stats.summary()


def _shred_arrivals(
    context: Context, config: SourcesConfig, erased: Sequence[Erasure], load_id: str
) -> None:
    """Remove the received text of records that named an identifier that was erased before."""
    if not _staged(context).where(F.array_contains("warned", MARK)).isEmpty():
        shred_records(context, config, _records(context, load_id), erased)


def _load_id(context: Context, files: Sequence[SourceFile]) -> str:
    """The same files on the same day make the same load, whatever became of an earlier try."""
    listed = sorted((file.source, file.name, file.bytes) for file in files)
    return f"{context.day:%Y%m%d}-{fingerprint(listed)}"


def _to_raw(
    context: Context, sources: Sources, files: Sequence[SourceFile], load_id: str
) -> tuple[list[SourceFile], dict[tuple[str, str], int]]:
    """Append all records; gives the files with what became of them, and records a file."""
    readable = [file for file in files if file.status == "ok"]
    if not readable:
        return list(files), {}
    context.progress.step(f"reading {len(readable)} files")
    raw = read_records(context.spark, sources, readable, root=context.store.root)
    context.store.append(RAW_RECORD, raw.withColumn("load_id", F.lit(load_id)))
    broken = F.when(F.startswith(F.col("fault"), F.lit(BROKEN_OFF)), F.col("fault"))
    # a row a file
    rows = (
        _records(context, load_id)
        .groupBy("source", "file")
        .agg(F.count("*").alias("n"), F.max(broken).alias("fault"))
        .collect()
    )
    counts = {(row["source"], row["file"]): row["n"] for row in rows}
    faults = {(row["source"], row["file"]): row["fault"] for row in rows if row["fault"]}
    return [_with_fault(file, faults.get((file.source, file.name))) for file in files], counts


def _with_fault(file: SourceFile, fault: str | None) -> SourceFile:
    if fault is None:
        return file
    return replace(file, status="truncated", reason=fault.removeprefix(BROKEN_OFF))


def _closed(context: Context) -> date | None:
    """The last day that an earlier load has closed; the run day itself is still open."""
    if context.last is None:
        return None
    return min(context.last.day, context.day - timedelta(days=1))


def _records(context: Context, load_id: str) -> DataFrame:
    return context.store.read(RAW_RECORD).where(F.col("load_id") == load_id)


def _stage(
    context: Context,
    config: SourcesConfig,
    sources: Sources,
    files: Sequence[SourceFile],
    load_id: str,
    erased: Sequence[Erasure],
) -> None:
    """Parse the records of the sound files once, and keep the rows until the run ends."""
    context.progress.step("parsing")
    with parsing_settings(context.spark):
        parsed = parse_records(
            _records(context, load_id),
            make_groups(files, sources),
            config,
            day=context.day,
            timezone=context.settings.timezone,
        )
        if erased:
            known = key_collisions(context.store.read(IDENTIFIER))
            parsed = without_erased(with_corrected_keys(parsed, known), erased)
        parsed.write.partitionBy("kind").parquet(context.store.scratch("parsed"))


def _staged(context: Context) -> DataFrame:
    # told, not inferred: a load of nothing but header lines leaves no file to infer it from
    schema = ", ".join(f"{name} {type_}" for name, type_ in STAGED.items())
    return context.spark.read.schema(schema).parquet(context.store.scratch("parsed"))


# ---- tables


def _to_core(context: Context, kinds: set[str], stats: LoadStats, load_id: str) -> None:
    store, known = context.store, context.store.read(IDENTIFIER)
    staged = with_corrected_keys(_staged(context), key_collisions(known))
    fresh, collisions = unknown_identifiers(staged, known, load_id=load_id)
    store.append(IDENTIFIER, fresh, checked=not collisions)
    staged = with_corrected_keys(staged, collisions)
    if stats.refused:
        store.append(REFUSED, refused_identifiers(staged, load_id=load_id), checked=True)
    if "events" in kinds:
        existing = store.read(EVENTS).where(F.col("source").isin(sorted(stats.sound)))
        events = event_rows(staged, load_id=load_id)
        keys = possible_duplicates(events, existing).persist(StorageLevel.MEMORY_AND_DISK)
        fresh_events = drop_duplicates_by_key(events, existing, keys, n=keys.count())
        store.append(EVENTS, fresh_events, checked=True)
        keys.unpersist()
        count_loaded(stats, store.read(EVENTS).where(F.col("load_id") == load_id))
    for spec, kind in ((PROFILES, "profiles"), (ITEMS, "items")):
        if kind in kinds:
            news = latest_states(staged, store.read(spec), spec, day=context.day, load_id=load_id)
            store.upsert(spec, news)
            count_loaded(stats, store.read(spec).where(F.col("load_id") == load_id))


def _to_quarantine(
    context: Context, stats: LoadStats, refused: Sequence[SourceFile], load_id: str
) -> None:
    frames = []
    if stats.quarantined:
        frames.append(quarantine_rows(_staged(context), load_id=load_id))
    if refused:
        rows = [
            (load_id, f.source, f.name, 1 if f.first_line else None, "file", f.reason, f.first_line)
            for f in refused
        ]
        frames.append(context.store.small(QUARANTINE, rows))
    if frames:
        context.store.append(QUARANTINE, reduce(DataFrame.unionByName, frames))


def _file_rows(
    store: Store,
    files: Sequence[SourceFile],
    counts: Mapping[tuple[str, str], int],
    load_id: str,
) -> DataFrame:
    rows = []
    for file in files:
        n = counts.get((file.source, file.name), 0)
        # neither the header nor the row that marks the broken end is a record
        n -= bool(file.header and n) + (file.status == "truncated" and n > 0)
        outcome = (load_id, n, file.status, file.reason)
        rows.append((file.source, file.name, file.bytes, file.modified, *outcome))
    return store.small(RAW_FILE, rows)
