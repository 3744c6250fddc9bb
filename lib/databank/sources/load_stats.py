"""Count a load: what was read, taken, refused, and the gate that may stop it all."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, functions as F

from databank.errors import GateRefusedError
from databank.quality.quarantine import WAITING
from databank.quality.rules import STOP
from databank.runs import Context, Summary

Counts = dict[str, int]
_FEWEST = 20  # records of a source by whose share a load is refused; of fewer, one is many
_SHOWN = 5  # causes in the short table, the most frequent ones


def _counts() -> Counts:
    return defaultdict(int)


@dataclass
class LoadStats:
    """Counts of rows by source, and by source and cause."""

    read: Counts = field(default_factory=_counts)
    sound: Counts = field(default_factory=_counts)
    loaded: Counts = field(default_factory=_counts)
    late: Counts = field(default_factory=_counts)
    anonymous: Counts = field(default_factory=_counts)
    conflicts: Counts = field(default_factory=_counts)
    quarantined: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    warned: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    refused: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def refuse_if_stopped(self) -> None:
        """Refuse the load if rows break a rule that stops it.

        Raises:
            GateRefusedError: Naming source, rule and number of rows.
        """
        stopping = [
            f"source {source}: rule {rule.removeprefix(STOP)} is broken by {n:,} rows"
            for (source, rule), n in sorted(self.warned.items())
            if rule.startswith(STOP)
        ]
        if stopping:
            broken = "; ".join(stopping)
            raise GateRefusedError(f"{broken}; nothing was loaded: fix the files, or the rule")

    def refuse_above_limits(self, limits: Mapping[str, float]) -> None:
        """Refuse the load if more of a source's records go to quarantine than its limit allows.

        Rows that wait for their day have no fault, and a source of a few records is not judged.

        Args:
            limits: Largest share of each source, 0 to 1.

        Raises:
            GateRefusedError: Naming source, share and the most frequent rules.
        """
        refused = []
        for source, limit in limits.items():
            read = self.read.get(source, 0)
            faults = {
                rule: n
                for (name, rule), n in self.quarantined.items()
                if name == source and rule != WAITING
            }
            n = sum(faults.values())
            if read >= _FEWEST and n > limit * read:
                rules = ", ".join(f"{rule} {count:,}" for rule, count in _most_frequent(faults))
                refused.append(
                    f"source {source}: {n:,} of {read:,} records ({n / read:.1%}) would go to "
                    f"quarantine, more than its quarantine_limit of {limit:.1%}: {rules}"
                )
        if refused:
            raise GateRefusedError(
                f"{'; '.join(refused)}; nothing was loaded: correct the source or its files, or "
                "raise `quarantine_limit`"
            )

    def write_metrics(self, context: Context) -> None:
        """Write the counts to ops.metric."""
        plain = {
            "rows_read": self.read,
            "rows_loaded": self.loaded,
            "rows_late": self.late,
            "rows_without_identifier": self.anonymous,
            "rows_with_known_id": self.conflicts,
        }
        for name, counts in plain.items():
            for source, n in sorted(counts.items()):
                context.metric(name, n, source=source)
        for source, n in sorted(self.sound.items()):
            context.metric("rows_repeated", n - self.loaded[source], source=source)
        for (source, rule), n in sorted(self.quarantined.items()):
            context.metric("rows_quarantined", n, source=source, rule=rule)
        for (source, rule), n in sorted(self.warned.items()):
            context.metric("rows_warned", n, source=source, rule=rule)
        for (source, cause), n in sorted(self.refused.items()):
            id_type, _, reason = cause.partition(":")
            context.metric("identifiers_refused", n, source=source, id_type=id_type, reason=reason)

    def summary(self) -> Summary:
        """Give the lines of the short table, the most frequent causes among them."""
        sound, loaded = sum(self.sound.values()), sum(self.loaded.values())
        return {
            "records": sum(self.read.values()),
            "loaded": loaded,
            "repeated or not newer": sound - loaded,
            "quarantined": sum(self.quarantined.values()),
            **_lines("quarantined", self.quarantined),
            "late": sum(self.late.values()),
            "without identifier": sum(self.anonymous.values()),
            **_lines("refused", self.refused),
            **{f"warning {source}.{rule}": n for (source, rule), n in self.warned.items()},
            **{f"warning {name}: ids of other events": n for name, n in self.conflicts.items()},
        }


def _most_frequent(counts: Mapping[Any, int]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:_SHOWN]


def _lines(title: str, causes: Mapping[tuple[str, str], int]) -> Summary:
    """Give a line for each of the most frequent causes of a source."""
    shown = _most_frequent(causes)
    lines: Summary = {
        f"{title} {source}.{cause.replace(':', ' ')}": n for (source, cause), n in shown
    }
    if len(causes) > _SHOWN:
        lines[f"{title}, other causes"] = sum(causes.values()) - sum(n for _, n in shown)
    return lines


def count_staged(staged: DataFrame, *, closed: date | None) -> LoadStats:
    """Count staged rows by source and cause in one pass; a handful of rows reach the driver.

    Args:
        staged: As parse_records gives them.
        closed: The last day that an earlier load was run for: what belongs to it or to a day
            before is late. None = this is the first load, and nothing is.
    """
    sound = F.col("rule").isNull()
    late = sound & (F.col("kind") == "events") & (F.col("day") <= F.lit(closed))
    anonymous = sound & (F.col("kind") != "items") & (F.size("ids") == 0)
    refused = F.transform("refused", lambda each: F.concat_ws(":", each["id_type"], each["why"]))
    causes = [
        F.concat_ws(",", refused).alias("refused"),
        F.concat_ws(",", "warned").alias("warned"),
    ]
    rows = (
        staged.groupBy("source", "rule", *causes)
        .agg(
            F.count("*").alias("n"),
            F.count_if(late).alias("late"),
            F.count_if(anonymous).alias("anonymous"),
        )
        .collect()
    )
    stats = LoadStats()
    for row in rows:
        source, n = row["source"], row["n"]
        stats.read[source] += n
        if row["rule"] is not None:
            stats.quarantined[source, row["rule"]] += n
            continue
        stats.sound[source] += n
        stats.late[source] += row["late"]
        stats.anonymous[source] += row["anonymous"]
        for causes_of, target in (("refused", stats.refused), ("warned", stats.warned)):
            for cause in filter(None, row[causes_of].split(",")):
                target[source, cause] += n
    return stats


def count_loaded(stats: LoadStats, rows: DataFrame) -> None:
    """Add what reached a table: rows of this load, by source."""
    for row in rows.groupBy("source").count().collect():
        stats.loaded[row["source"]] += row["count"]
