"""Persons that would hold too much are cut at their weakest links.

A limit on direct neighbours (see `limits`) does not see that two user ids are one person by way of
a phone, a cookie and a card. Here the whole component is examined: where it breaks a limit, its
links are taken again, the strongest first, and a link that would make a person break a limit is
rejected. That is Kruskal's spanning forest under a constraint; what is rejected are the weakest
links between groups of identifiers, and no identifier is dropped.

Stronger is a link that was seen than one by likeness, then the link of stronger types (the weaker
end's place in conf's list), then the one with more records, then the one seen later, then the one
with the smaller keys: functions of the evidence alone, never of its order. Links by hand come first
of all, and no limit holds for them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, Observation, functions as F

from databank.columns import require_columns
from databank.errors import DataBankError
from databank.identity.config import ANY, Limit
from databank.identity.evidence.edges import pair_of_keys
from databank.identity.exclusions.limits import count_of, window_start
from databank.identity.exclusions.verdict import REJECTED_LINK
from databank.identity.rules import MANUAL_RULE, PERSON_RULE
from databank.session import checkpoint, small_frame

# identifiers of one component; a task needs about a kilobyte for each that it meets
_LARGEST = 2_000_000
_A_TASK = 500_000  # identifiers of many components
_BROADCAST = 100_000  # identifiers, some megabytes; more of them are joined by a shuffle
_CUT = "a_key bigint, b_key bigint, component bigint, reason string"


@dataclass(frozen=True)
class CutRules:
    """What one person may hold, and who must not be one person.

    Attributes:
        limits: By type, and of all types together under "any"; what is not named has no limit. A
            limit with days counts the identifiers seen in the last so many days.
        cannot_link: Pairs of keys that are never one person.
        strongest: Types, the strongest first.
        day: Run day: windows end with it.
    """

    limits: Mapping[str, Limit]
    cannot_link: Collection[tuple[int, int]]
    strongest: Sequence[str]
    day: date


def cut_persons(
    labels: DataFrame, links: DataFrame, rules: CutRules
) -> tuple[DataFrame, DataFrame]:
    """Cut the components that break a limit, each in one task.

    Args:
        labels: id_key (bigint, unique), id_type (string), component (bigint).
        links: a_key, b_key (bigint), rule (string), n (bigint), last_ts (timestamp), score (double,
            null = 1): the evidence that made the components; a pair may come in several rows.
        rules: What holds for a person.

    Returns:
        id_key, component: labels as given, but of cut components the smallest id of the part; and
        a_key, b_key, rule, reason: one row per rejected link between two parts.

    Raises:
        DataBankError: If a component that breaks a limit is too large for one task.
    """
    require_columns(labels, "id_key", "id_type", "component", where="cut_persons: labels")
    columns = ("a_key", "b_key", "rule", "n", "last_ts", "score")
    require_columns(links, *columns, where="cut_persons: links")
    observed = Observation()
    sizes = F.max("size").alias("largest"), F.sum("size").alias("all")
    suspects = checkpoint(_suspects(labels, rules).observe(observed, *sizes))
    size = _size_of(observed.get)
    if not size:
        nothing = small_frame(labels.sparkSession, [], REJECTED_LINK)
        return labels.select("id_key", "component"), nothing
    inside = labels.join(suspects, "component", "left_semi")
    inside = F.broadcast(inside) if size <= _BROADCAST else inside

    def cut_task(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        # ids of one component are in no other: all of a task are cut as one
        given = list(batches)
        if given:
            yield cut_links(pd.concat(given, ignore_index=True), rules)

    tasks = max(labels.sparkSession.sparkContext.defaultParallelism, size // _A_TASK)
    # an identifier without a link is alone and breaks nothing
    grouped = _links_of(inside, links).repartition(tasks, "component")
    cut = checkpoint(grouped.mapInPandas(cut_task, _CUT))
    parts = cut.where("reason IS NULL").select(F.col("a_key").alias("id_key"), "component")
    rest = labels.join(parts, "id_key", "left_anti").select("id_key", "component")
    rejected = cut.where("reason IS NOT NULL").select(
        "a_key", "b_key", F.lit(PERSON_RULE).alias("rule"), "reason"
    )
    return rest.unionByName(parts), rejected


def _suspects(labels: DataFrame, rules: CutRules) -> DataFrame:
    """Find components that may break a limit; a window is examined later, with the links."""
    tests = [count_of(kind) > limit.most for kind, limit in rules.limits.items()]
    broken = reduce(lambda a, b: a | b, tests, F.lit(False))
    size, grouped = F.count(F.lit(1)).alias("size"), labels.groupBy("component")
    if not rules.cannot_link:
        return grouped.agg(size, broken.alias("broken")).where("broken")
    pairs = small_frame(labels.sparkSession, rules.cannot_link, "a bigint, b bigint")
    located = pairs
    for end in "ab":
        place = labels.select(F.col("id_key").alias(end), F.col("component").alias(f"in_{end}"))
        located = checkpoint(place.join(F.broadcast(located), end))
    together = located.where("in_a = in_b").select(F.col("in_a").alias("component")).distinct()
    together = F.broadcast(together.withColumn("together", F.lit(True)))
    counted = grouped.agg(size, broken.alias("broken")).join(together, "component", "left")
    return counted.where("broken OR together").drop("together")


def _size_of(sizes: Mapping[str, int | None]) -> int:
    """Count the identifiers of all suspects; raises if one component has too many."""
    if (largest := sizes["largest"] or 0) > _LARGEST:
        raise DataBankError(
            f"identity.yml: {largest:,} identifiers hang together and break a limit of "
            f"persons; more than {_LARGEST:,} cannot be cut: set limits or hub_factor for the type "
            "that ties them"
        )
    return sizes["all"] or 0


def _links_of(inside: DataFrame, links: DataFrame) -> DataFrame:
    """Merge the evidence of each pair: component, keys, types, manual, score, n, last (micros)."""
    manual = F.max(F.col("rule") == MANUAL_RULE).alias("manual")
    score = F.max(F.coalesce("score", F.lit(1.0))).alias("score")
    last = F.max(F.unix_micros("last_ts")).alias("last")
    measures = (manual, score, F.sum("n").alias("n"), last)
    a = inside.select(F.col("id_key").alias("a_key"), "component", F.col("id_type").alias("a_type"))
    b = inside.select(F.col("id_key").alias("b_key"), "component", F.col("id_type").alias("b_type"))
    pairs = links.where("a_key <> b_key").select(*pair_of_keys(), "rule", "n", "last_ts", "score")
    inner = pairs.join(a, "a_key").join(b, ["b_key", "component"])
    return inner.groupBy("component", "a_key", "b_key", "a_type", "b_type").agg(*measures)


# ---- the components of a task


def cut_links(links: pd.DataFrame, rules: CutRules) -> pd.DataFrame:
    """Cut components that share no id.

    Args:
        links: A row a pair: a_key < b_key, a_type, b_type, manual (bool), score, n, last
            (microseconds).
        rules: What holds for a person.

    Returns:
        a_key, b_key, component, reason: a row an id (a_key; component = smallest id of its part),
        then a row for each rejected link between two parts, with the reason.
    """
    ranks = {kind: number for number, kind in enumerate(rules.strongest)}
    weakest = np.maximum(links["a_type"].map(ranks), links["b_type"].map(ranks))
    keys = [links["b_key"], links["a_key"], -links["last"], -links["n"], weakest]
    keys += [-links["score"], ~links["manual"]]
    links = links.iloc[np.lexsort(keys)]
    forest = _Forest(links, rules)
    pairs = list(zip(links["a_key"].tolist(), links["b_key"].tolist(), strict=True))
    why = [
        forest.join(*pair, manual=manual)
        for pair, manual in zip(pairs, links["manual"], strict=True)
    ]
    rejected = [(*pair, None, text) for pair, text in zip(pairs, why, strict=True) if text]
    # a link rejected at first may join what a chain of others has joined since
    rejected = [row for row in rejected if forest.find(row[0]) != forest.find(row[1])]
    ids = [(node, None, label, None) for node, label in forest.labels().items()]
    a, b, component, reason = zip(*ids, *rejected, strict=True)
    # keys fill 64 bits, and a column with gaps would go by way of floats
    whole = {"a_key": a, "b_key": b, "component": component}
    cells = {name: pd.array(values, dtype="Int64") for name, values in whole.items()}
    return pd.DataFrame({**cells, "reason": list(reason)})


class _Forest:
    """Union-find that joins two parts only if the whole keeps the limits."""

    def __init__(self, links: pd.DataFrame, rules: CutRules) -> None:
        self._rules = rules
        columns = ["key", "type", "last"]
        ends = [
            links[[f"{end}_key", f"{end}_type", "last"]].set_axis(columns, axis=1) for end in "ab"
        ]
        nodes = pd.concat(ends).groupby("key").agg({"type": "first", "last": "max"})
        self._parent = {key: key for key in nodes.index.tolist()}
        self._held = {
            key: self._counted(kind, last)
            for key, kind, last in zip(
                nodes.index.tolist(), *(nodes[c] for c in nodes), strict=True
            )
        }
        self._foes: dict[int, set[int]] = {}
        for a, b in rules.cannot_link:
            if a in self._parent and b in self._parent:
                self._foes.setdefault(a, set()).add(b)
                self._foes.setdefault(b, set()).add(a)

    def _counted(self, kind: str, last: float) -> dict[str, int]:
        """Count what one identifier adds to each limit."""
        limits = self._rules.limits
        return {
            name: 1
            for name in (kind, ANY)
            if name in limits and _seen(limits[name], self._rules.day, last)
        }

    def find(self, node: int) -> int:
        """Find the smallest id of the node's part."""
        parent = self._parent
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def join(self, a: int, b: int, *, manual: bool) -> str:
        """Join the parts of two ids; gives the reason where that is rejected, else ""."""
        a, b = sorted((self.find(a), self.find(b)))
        if a == b:
            return ""
        why = self._apart(a, b) or ("" if manual else self._over(a, b))
        if why:
            return why
        self._parent[b] = a
        held = self._held[a]
        for name, n in self._held.pop(b).items():
            held[name] = held.get(name, 0) + n
        if b in self._foes:
            self._foes.setdefault(a, set()).update(self._foes.pop(b))
        return ""

    def _apart(self, a: int, b: int) -> str:
        foes = any(self.find(foe) == b for foe in self._foes.get(a, ()))
        return "would join what is kept apart by hand" if foes else ""

    def _over(self, a: int, b: int) -> str:
        for name, n in self._held[b].items():
            held, limit = self._held[a].get(name, 0), self._rules.limits[name].most
            # who is over a limit by hand may still have more of other types
            if held and n + held > limit:
                noun = "identifiers" if name == ANY else name
                return f"would give a person {n + held} {noun} (limit {limit})"
        return ""

    def labels(self) -> dict[int, int]:
        """Give each id the smallest id of its part."""
        return {node: self.find(node) for node in self._parent}


def _seen(limit: Limit, day: date, last: float) -> bool:
    """Say whether an instant (microseconds) is in the limit's window."""
    first = window_start(limit, day)
    return first is None or last >= pd.Timestamp(first).value // 1000
