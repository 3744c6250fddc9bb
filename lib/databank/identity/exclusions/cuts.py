"""Persons that would hold too much are cut at their weakest links.

A limit on direct neighbours (see `guards`) does not see that two user ids are one person by way of
a phone, a cookie and a card. Here the whole component is looked at: where it breaks a limit, its
links are taken again, the strongest first, and a link that would make a person break a limit is
refused. That is Kruskal's spanning forest under a constraint; what is refused are the weakest links
between what belongs together, and nobody is dropped.

Stronger is what was seen than what is alike, then the link of stronger types (the weaker end's
place in conf's list), then the one with more records, then the one seen later, then the one with
the smaller keys: functions of the evidence alone, never of its order. Links made by hand come first
of all, and no limit holds for them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, functions as F

from databank.columns import require_columns
from databank.errors import DataBankError
from databank.identity.config import ANY, Limit
from databank.identity.evidence.edges import pair_of_keys
from databank.identity.exclusions.limits import held_of, since
from databank.identity.rules import MANUAL_RULE, PERSON_RULE
from databank.session import checkpoint, small_frame

# identifiers of one component; a task needs about a kilobyte for each that it meets
_LARGEST = 2_000_000
_A_TASK = 500_000  # identifiers of many components
_BROADCAST = 100_000  # identifiers, some megabytes; more of them are joined by a shuffle
_CUT = "a_key bigint, b_key bigint, component bigint, reason string"


@dataclass(frozen=True)
class Rules:
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


def cut_persons(labels: DataFrame, links: DataFrame, rules: Rules) -> tuple[DataFrame, DataFrame]:
    """Cut the components that break a limit, each in one task.

    Args:
        labels: id_key (bigint, unique), id_type (string), component (bigint).
        links: a_key, b_key (bigint), rule (string), n (bigint), last_ts (timestamp), score (double,
            null = 1): the evidence that made the components; a pair may come in several rows.
        rules: What holds for a person.

    Returns:
        id_key, component: labels as given, those of cut components anew (component = smallest id
        of the part); and rejected(a_key, b_key, rule, reason, day), one row per link between two
        parts.

    Raises:
        DataBankError: If a component that breaks a limit is too large for one task.
    """
    require_columns(labels, "id_key", "id_type", "component", where="cut_persons: labels")
    columns = ("a_key", "b_key", "rule", "n", "last_ts", "score")
    require_columns(links, *columns, where="cut_persons: links")
    suspects = checkpoint(_suspects(labels, rules))
    held = _held_in(suspects)
    inside = labels.join(suspects, "component", "left_semi")
    inside = F.broadcast(inside) if held <= _BROADCAST else inside

    def cut_task(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        # ids of one component are in no other: all of a task are cut as one
        given = list(batches)
        if given:
            yield cut_links(pd.concat(given, ignore_index=True), rules)

    tasks = max(labels.sparkSession.sparkContext.defaultParallelism, held // _A_TASK)
    # an identifier without a link is alone and breaks nothing
    grouped = _links_of(inside, links).repartition(tasks, "component")
    cut = checkpoint(grouped.mapInPandas(cut_task, _CUT))
    told = cut.where("reason IS NULL").select(F.col("a_key").alias("id_key"), "component")
    rest = labels.join(told, "id_key", "left_anti").select("id_key", "component")
    rejected = cut.where("reason IS NOT NULL").select(
        "a_key", "b_key", F.lit(PERSON_RULE).alias("rule"), "reason", F.lit(rules.day).alias("day")
    )
    return rest.unionByName(told), rejected


def _suspects(labels: DataFrame, rules: Rules) -> DataFrame:
    """Components that may break a limit; a window is looked at later, with the links."""
    tests = [held_of(kind) > limit.most for kind, limit in rules.limits.items()]
    broken = reduce(lambda one, other: one | other, tests, F.lit(False))
    size, grouped = F.count(F.lit(1)).alias("size"), labels.groupBy("component")
    if not rules.cannot_link:
        return grouped.agg(size, broken.alias("broken")).where("broken")
    pairs = small_frame(labels.sparkSession, rules.cannot_link, "a bigint, b bigint")
    met = pairs
    for end in "ab":
        whose = labels.select(F.col("id_key").alias(end), F.col("component").alias(f"in_{end}"))
        met = checkpoint(whose.join(F.broadcast(met), end))
    together = met.where("in_a = in_b").select(F.col("in_a").alias("component")).distinct()
    together = F.broadcast(together.withColumn("together", F.lit(True)))
    counted = grouped.agg(size, broken.alias("broken")).join(together, "component", "left")
    return counted.where("broken OR together").drop("together")


def _held_in(suspects: DataFrame) -> int:
    """Identifiers of all suspects; raises if one has too many."""
    row = suspects.agg(F.max("size").alias("size"), F.sum("size").alias("all")).first()
    if row is None or row["size"] is None:
        return 0
    if row["size"] > _LARGEST:
        raise DataBankError(
            f"identity.yml: {row['size']:,} identifiers hang together and break a limit of "
            f"persons; more than {_LARGEST:,} cannot be cut: set limits or junk for the type that "
            "ties them"
        )
    return int(row["all"])


def _links_of(inside: DataFrame, links: DataFrame) -> DataFrame:
    """One row per pair: component, both keys and types, manual, score, n, last (microseconds)."""
    manual = F.max(F.col("rule") == MANUAL_RULE).alias("manual")
    score = F.max(F.coalesce("score", F.lit(1.0))).alias("score")
    last = F.max(F.unix_micros("last_ts")).alias("last")
    measures = (manual, score, F.sum("n").alias("n"), last)
    a = inside.select(F.col("id_key").alias("a_key"), "component", F.col("id_type").alias("a_type"))
    b = inside.select(F.col("id_key").alias("b_key"), "component", F.col("id_type").alias("b_type"))
    mine = links.where("a_key <> b_key").select(*pair_of_keys(), "rule", "n", "last_ts", "score")
    met = mine.join(a, "a_key").join(b, ["b_key", "component"])
    return met.groupBy("component", "a_key", "b_key", "a_type", "b_type").agg(*measures)


# ---- the components of a task


def cut_links(links: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Cut components that share no id.

    Args:
        links: A row a pair: a_key < b_key, a_type, b_type, manual (bool), score, n, last
            (microseconds).
        rules: What holds for a person.

    Returns:
        a_key, b_key, component, reason: a row an id (a_key; component = smallest id of its part),
        then a row for each refused link between two parts, with the reason.
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
    refused = [(*pair, None, text) for pair, text in zip(pairs, why, strict=True) if text]
    # a link refused at first may join what a chain of others has joined since
    refused = [row for row in refused if forest.find(row[0]) != forest.find(row[1])]
    ids = [(node, None, label, None) for node, label in forest.labels().items()]
    a, b, component, reason = zip(*ids, *refused, strict=True)
    # keys fill 64 bits, and a column with gaps would go by way of floats
    whole = {"a_key": a, "b_key": b, "component": component}
    cells = {name: pd.array(values, dtype="Int64") for name, values in whole.items()}
    return pd.DataFrame({**cells, "reason": list(reason)})


class _Forest:
    """Union-find that joins two parts only if the whole keeps the limits."""

    def __init__(self, links: pd.DataFrame, rules: Rules) -> None:
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
        """What one identifier adds to each limit."""
        limits = self._rules.limits
        return {
            name: 1
            for name in (kind, ANY)
            if name in limits and _seen(limits[name], self._rules.day, last)
        }

    def find(self, node: int) -> int:
        """The smallest id of the node's part."""
        parent = self._parent
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def join(self, a: int, b: int, *, manual: bool) -> str:
        """Join the parts of two ids; why not, where that is refused."""
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
        met = any(self.find(foe) == b for foe in self._foes.get(a, ()))
        return "would join what is kept apart by hand" if met else ""

    def _over(self, a: int, b: int) -> str:
        for name, n in self._held[b].items():
            mine, limit = self._held[a].get(name, 0), self._rules.limits[name].most
            # who is over a limit by hand may still have more of other types
            if mine and n + mine > limit:
                noun = "identifiers" if name == ANY else name
                return f"would give a person {n + mine} {noun} (limit {limit})"
        return ""

    def labels(self) -> dict[int, int]:
        """The smallest id of its part, for each id."""
        return {node: self.find(node) for node in self._parent}


def _seen(limit: Limit, day: date, last: float) -> bool:
    """Whether what was last seen then (microseconds) is in the limit's window."""
    first = since(limit, day)
    return first is None or last >= pd.Timestamp(first).value // 1000
