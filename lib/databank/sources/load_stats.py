"""Count a load: what was read, taken, refused, and the gate that may stop it all."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from pyspark.sql import DataFrame, functions as F

from databank.errors import GateRefusedError
from databank.quality.rules import STOP
from databank.runs import Context, Summary

Counts = dict[str, int]


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

    def write_metrics(self, context: Context) -> None:
        """Write the counts to ops.metric."""
        plain = {
            "rows_read": self.read,
            "rows_loaded": self.loaded,
            "rows_late": self.late,
            "rows_without_identifier": self.anonymous,
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
        """Give the lines of the short table."""
        sound, loaded = sum(self.sound.values()), sum(self.loaded.values())
        return {
            "records": sum(self.read.values()),
            "loaded": loaded,
            "repeated or not newer": sound - loaded,
            "quarantined": sum(self.quarantined.values()),
            "late": sum(self.late.values()),
            "without identifier": sum(self.anonymous.values()),
            **{f"warning {source}.{rule}": n for (source, rule), n in self.warned.items()},
        }


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
