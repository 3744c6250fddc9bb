"""The ingest job: new units of all sources, to raw, core and quarantine, in one run."""

from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import DataFrame

from databank.hashing import fingerprint
from databank.quality.quarantine import quarantine_rows
from databank.quality.tables import QUARANTINE
from databank.runs import Context, Job, StepResult, Summary
from databank.sources.config import SourcesConfig
from databank.sources.erasure.step import Erasures, complete_erasures
from databank.sources.fields import make_groups
from databank.sources.find import Sources, find_units, has_units, known_units
from databank.sources.load import write_core
from databank.sources.load_stats import LoadStats, count_staged
from databank.sources.opening import union
from databank.sources.raw import append_records, append_units, received
from databank.sources.replay import load_waiting
from databank.sources.staging import stage_records
from databank.sources.tables import RAW_FILE, TABLES
from databank.sources.units import SourceUnit


def ingest(context: Context, config: SourcesConfig) -> StepResult:
    """Complete pending erasures, then load the units that are new, each once.

    Raises:
        DataBankError: If a source has nothing to load, and never had.
        GateRefusedError: If rows break a rule that stops the load.
    """
    sources = {each.source: each for each in config.sources if context.wants(each.source)}
    erasures = complete_erasures(context, config)
    summary = dict(erasures.summary)
    known = known_units(context.store.read(RAW_FILE).toArrow())
    new, altered, tries = find_units(sources, context.store.files, known)
    if altered:
        names = ", ".join(unit.name for unit in altered[:3])
        more = f" and {len(altered) - 3} more" if len(altered) > 3 else ""
        summary["warning"] = f"changed after loading: {names}{more}; give them new names"
    load_id = _load_id(context, new, tries)
    loaded = _load(context, sources, new, erasures, load_id) if new else {"new files": 0}
    return StepResult({**loaded, **load_waiting(context, config, erasures), **summary})


JOB = Job(
    name="ingest",
    step=ingest,
    tables=TABLES,
    logic_version=4,
    latest_only=False,
    outside=has_units,
)


def _load(
    context: Context,
    sources: Sources,
    new: Sequence[SourceUnit],
    erasures: Erasures,
    load_id: str,
) -> Summary:
    units, counts = append_records(context, sources, new, load_id)
    append_units(context, units, counts, load_id)
    refused = [unit for unit in units if unit.status != "ok"]
    # an empty unit is done as soon as it is listed
    full = [unit for unit in units if unit.status == "ok" and (unit.source, unit.name) in counts]
    stats, staged = LoadStats(), None
    if full:
        groups = make_groups(full, sources)
        staged = stage_records(context, received(context, load_id), groups, erasures)
        stats = count_staged(staged, closed=_closed_day(context))
        stats.refuse_if_stopped()
        stats.refuse_above_limits({name: each.quarantine_limit for name, each in sources.items()})
        context.progress.step("writing")
        loaded = [sources[name] for name in sorted({unit.source for unit in full})]
        write_core(context, staged, loaded, stats, load_id)
    _quarantine(context, staged if stats.quarantined else None, refused, load_id)
    if staged is not None:
        erasures.remove_received(received(context, load_id), staged)
    stats.write_metrics(context)
    summary: Summary = {"new files": len(units) - len(refused)}
    for unit in refused[:5]:
        summary[f"refused {unit.name}"] = f"{unit.status}: {unit.reason}"
    return summary | stats.summary()


def _load_id(context: Context, units: Sequence[SourceUnit], tries: Sequence[str]) -> str:
    """Name a load by its day and units; a second try of a unit that was refused is another load."""
    listed = sorted((unit.source, unit.name, str(unit.state)) for unit in units)
    return f"{context.day:%Y%m%d}-{fingerprint([listed, sorted(tries)])}"


def _closed_day(context: Context) -> date | None:
    """Tell the last day that an earlier load has closed; the run day itself is still open."""
    if context.last is None:
        return None
    return min(context.last.day, context.day - timedelta(days=1))


def _quarantine(
    context: Context, staged: DataFrame | None, refused: Sequence[SourceUnit], load_id: str
) -> None:
    """Write the staged rows that are not sound, and a row for each refused unit."""
    frames = [] if staged is None else [quarantine_rows(staged, load_id=load_id)]
    if refused:
        rows = [
            (load_id, u.source, u.name, 1 if u.first_line else None, "file", u.reason, u.first_line,
             None)
            for u in refused
        ]  # fmt: skip
        frames.append(context.store.small(QUARANTINE, rows))
    if frames:
        context.store.append(QUARANTINE, union(frames))
