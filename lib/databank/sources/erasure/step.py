"""What ingest does about erasures: complete the pending ones, and load no erased identifier."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pyspark.sql import DataFrame, functions as F

from databank.runs import Context, Summary
from databank.sources.config import SourcesConfig
from databank.sources.erasure.core import MARK, all_keys, erase_from_core, without_erased
from databank.sources.erasure.records import remove_records
from databank.sources.erasure.request import (
    Erasure,
    Hashed,
    completed,
    find_erased,
    note_completed,
    requested,
)
from databank.sources.erasure.tables import ERASED_IDENTIFIER
from databank.sources.keys import key_collisions, with_corrected_keys
from databank.sources.tables import IDENTIFIER, RAW_RECORD


@dataclass
class Erasures:
    """All completed erasures, as a run of ingest applies them to what it loads.

    Attributes:
        summary: Lines of the short table about erasures that this run completed.
        of_load: Those that identifiers of the rows which `apply` was given last are meant by.
    """

    context: Context
    config: SourcesConfig
    summary: Summary
    of_load: Sequence[Erasure] = ()

    @cached_property
    def completed(self) -> Sequence[Hashed]:
        """List all completed erasures, those of this run included."""
        return completed(self.context)

    def apply(self, staged: DataFrame) -> DataFrame:
        """Take erased identifiers out of staged rows; most loads name none, and are left alone."""
        if not self.completed:
            return staged
        collisions = key_collisions(self.context.store.read(IDENTIFIER))
        corrected = with_corrected_keys(staged, collisions)
        keys = corrected.select(F.explode(all_keys()).alias("id_key"))
        self.of_load = find_erased(self.context, keys, self.completed)
        return without_erased(corrected, self.of_load) if self.of_load else staged

    def remove_received(self, records: DataFrame, staged: DataFrame) -> None:
        """Remove the received text of records of a load that named an erased identifier.

        Args:
            records: The load's part of raw.record.
            staged: The rows that `apply` gave.
        """
        if self.of_load and not staged.where(F.array_contains("warned", MARK)).isEmpty():
            remove_records(self.context, self.config, records, self.of_load)


def complete_erasures(context: Context, config: SourcesConfig) -> Erasures:
    """Complete the pending erasures, and publish that before anything is loaded.

    What was erased stays erased, whatever becomes of the units that are loaded afterwards.
    """
    store, asked_for = context.store, requested(context)
    erasures_before = Erasures(context, config, {})
    pending = sorted(asked_for.difference(erasures_before.completed), key=repr) if asked_for else []
    if not pending:
        return erasures_before
    context.progress.step(f"erasing {len(pending)} identifiers")
    # one that no record names any more was erased for another period
    erasures = find_erased(context, store.read(IDENTIFIER).select("id_key"), pending)
    removed = remove_records(context, config, store.read(RAW_RECORD), erasures)
    counts = erase_from_core(context, erasures)
    note_completed(context, pending)
    context.metric("identifiers_erased", len(pending))
    store.publish(ERASED_IDENTIFIER.owner, context.day)
    reduced = {f"{name} that lost an identifier": count for name, count in counts.items()}
    summary: Summary = {"identifiers erased": len(pending), **reduced, **removed}
    return Erasures(context, config, summary)
