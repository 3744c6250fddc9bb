"""What ingest does about erasures: complete the pending ones, and load no erased identifier."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pyspark.sql import DataFrame, functions as F

from databank.runs import Context, Summary
from databank.sources.config import SourcesConfig
from databank.sources.erasure.core import MARK, erase_from_core, without_erased
from databank.sources.erasure.records import remove_records
from databank.sources.erasure.request import Erasure, completed, note_completed, pending
from databank.sources.erasure.tables import ERASED_IDENTIFIER
from databank.sources.keys import key_collisions, with_corrected_keys
from databank.sources.tables import IDENTIFIER, RAW_RECORD


@dataclass(frozen=True)
class Erasures:
    """All completed erasures, as a run of ingest applies them to what it loads.

    Attributes:
        summary: Lines of the short table about erasures that this run completed.
    """

    context: Context
    config: SourcesConfig
    summary: Summary

    @cached_property
    def completed(self) -> Sequence[Erasure]:
        """List all completed erasures, those of this run included."""
        return completed(self.context.store)

    def apply(self, parsed: DataFrame) -> DataFrame:
        """Take erased identifiers out of parsed rows."""
        if not self.completed:
            return parsed
        collisions = key_collisions(self.context.store.read(IDENTIFIER))
        return without_erased(with_corrected_keys(parsed, collisions), self.completed)

    def remove_received(self, records: DataFrame, staged: DataFrame) -> None:
        """Remove the received text of records of a load that named an erased identifier.

        Args:
            records: The load's part of raw.record.
            staged: The rows that `apply` gave.
        """
        if self.completed and not staged.where(F.array_contains("warned", MARK)).isEmpty():
            remove_records(self.context, self.config, records, self.completed)


def complete_erasures(context: Context, config: SourcesConfig) -> Erasures:
    """Complete the pending erasures, and publish that before anything is loaded.

    What was erased stays erased, whatever becomes of the units that are loaded afterwards.
    """
    store, erasures = context.store, pending(context.store)
    if not erasures:
        return Erasures(context, config, {})
    context.progress.step(f"erasing {len(erasures)} identifiers")
    removed = remove_records(context, config, store.read(RAW_RECORD), erasures)
    counts = erase_from_core(context, erasures)
    note_completed(context, erasures)
    context.metric("identifiers_erased", len(erasures))
    store.publish(ERASED_IDENTIFIER.owner, context.day)
    reduced = {f"{name} that lost an identifier": count for name, count in counts.items()}
    summary: Summary = {"identifiers erased": len(erasures), **reduced, **removed}
    return Erasures(context, config, summary)
