"""Persons by likeness alone, on two public sets of records with known truth.

Configured in conf/examples, with no line of code for either. Beside it closure, which links every
pair from a probability of 0.95 on, and the floor: components of the pairs that the
`deterministic_rules` find alone. FEBRL's number of social security is not used; its other two sets
are compared by the rules of the third.
"""

import os
import re
import shutil
import time
from datetime import date
from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame, functions as F

from databank.demo.agreement import Agreement, measure_agreement
from databank.identity import connected_components
from databank.identity.linkage.records import key_columns, records_of
from databank.project import Project, load_project
from databank.project.execute import execute
from databank.project.plan import Step
from databank.session import get_spark
from databank.sources.tables import PROFILES
from databank.tables import DeltaStore

HERE = Path(__file__).parents[1]
DAY = date(2026, 3, 31)
# the true person, as each set hides it in the record's number
_FEBRL = "regexp_extract(id_value, 'rec-([0-9]+)-', 1)"
TRUTHS = {"febrl": _FEBRL, "historical_50k": "split(id_value, '-')[0]"}
# other files of the same columns, by example
OTHERS = {"febrl2": ("febrl", "febrl2"), "febrl4": ("febrl", "febrl4?")}
_CLOSURE = 0.95
COLUMNS = ("precision", "recall", "F1", "B-cubed precision", "recall", "F1")


def bench_linkage(folder: Path) -> None:
    """Print agreement with the truth, and seconds."""
    os.environ.setdefault("DATABANK_DATA", str(HERE.parent / "shared" / "data"))
    spark = get_spark("bench")
    print(f"{'':<36}" + "".join(f"{name:>18}" for name in COLUMNS))
    for name in (*TRUTHS, *OTHERS):
        example = OTHERS[name][0] if name in OTHERS else name
        truth = TRUTHS[example]
        project, root = load_project(conf_of(name, folder)), str(folder / name)
        execute(project, [Step("ingest")], root=root, day=DAY)
        started = time.monotonic()
        execute(project, [Step("link_profiles")], root=root, day=DAY)
        seconds = time.monotonic() - started
        execute(project, [Step("resolve_identity")], root=root, day=DAY)
        store = DeltaStore(spark, root)
        true = store.require("identity.identifier").select("id_key", F.expr(truth).alias("true"))
        persons = store.require("identity.person").withColumnRenamed("person_id", "predicted")
        show(f"{name} ({true.count():,}, {seconds:.0f} s)", agreement(persons, true))
        show("    closure from 0.95 on", agreement(closure(store), true))
        show("    floor: deterministic rules", agreement(deterministic(store, project), true))


def conf_of(name: str, folder: Path) -> Path:
    """Find the example, or copy it with other files for its source."""
    examples = HERE / "conf" / "examples"
    if name not in OTHERS:
        return examples / name
    example, files = OTHERS[name]
    copied = folder / f"conf-{name}"
    shutil.copytree(examples / example, copied, dirs_exist_ok=True)
    [source] = (copied / "sources").glob("*.yml")
    text = source.read_text(encoding="utf-8")
    source.write_text(re.sub(r"febrl3(?=\.csv)", files, text), encoding="utf-8")
    return copied


def closure(store: DeltaStore) -> DataFrame:
    """Label each id_key by all pairs that are likely enough on their own."""
    pairs = store.require("identity.likely_pair").where(F.col("score") >= _CLOSURE)
    alone = store.require("identity.identifier").select("id_key", "id_key").toDF("a_key", "b_key")
    whole = pairs.select("a_key", "b_key").unionByName(alone)
    labels = connected_components(whole, src="a_key", dst="b_key")
    return labels.toDF("id_key", "predicted")


def agreement(labels: DataFrame, true: DataFrame) -> Agreement:
    return measure_agreement(true.join(labels, "id_key", "left"))


def deterministic(store: DeltaStore, project: Project) -> DataFrame:
    """Label each id_key by the pairs of `deterministic_rules` alone."""
    [rule] = project.identity.linkage.values()
    records = records_of(store.read(PROFILES), rule).localCheckpoint()
    edges = [records.select("id_key", F.col("id_key").alias("first_key"))]
    for rule_key in rule.deterministic_rules:
        parts = [F.expr(sql).alias(f"k{n}") for n, sql in enumerate(key_columns(rule_key))]
        keyed = records.select("id_key", *parts).dropna()
        names = [f"k{n}" for n in range(len(parts))]
        first = keyed.groupBy(*names).agg(F.min("id_key").alias("first_key"))
        edges.append(keyed.join(first, names).select("id_key", "first_key"))
    whole = reduce(DataFrame.unionByName, edges)
    labels = connected_components(whole, src="id_key", dst="first_key")
    return labels.toDF("id_key", "predicted")


def show(name: str, shares: Agreement) -> None:
    print(f"{name:<36}" + "".join(f"{value:>18.4f}" for value in shares))
