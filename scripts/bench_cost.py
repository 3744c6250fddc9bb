"""Bytes, rounds and memory of connected components: measured, fitted, predicted.

Fits the model of components_cost.py on 3, 12 and 60 million edges, with a local
budget so low that rounds are needed, and holds its prediction against a run of 120 million. Then
says what 10 billion edges would take.
"""

import json
import math
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from components_cost import KINDS, Model, Run, fit, forest_rows

from databank.identity.components.chunks import CHUNK
from databank.identity.components.rounds import SLICE

SCRIPT = str(Path(__file__).with_name("bench_components.py"))
ENGINE = "databank, rounds only"
BUDGET = 1_000_000
FITTED, HELD_OUT = (3, 12, 60), 120
# what is asked for: 50 machines of 16 cores
EDGES, MACHINES, CORES = 10_000_000_000, 50, 16
# bytes a second of one machine's network and of its disk, read or written: 10 Gbit/s, one NVMe
NETWORK, DISK = 1.0e9, 1.0e9

_LEFT = re.compile(r"leaves (\d+) links")

Measure = Callable[..., tuple[float, float, str]]


def bench_cost(measure: Measure) -> None:
    """Print the table; `measure` runs a command and returns its seconds, GB and output."""
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as folder:
        for millions in FITTED:
            run, seconds, busy = run_of(millions, Path(folder), measure)
            runs.append(run)
            tell(f"{millions} million edges", run, f"{seconds:.0f} s")
        model = fit(runs)
        run, seconds, busy = run_of(HELD_OUT, Path(folder), measure)
    tell(f"{HELD_OUT} million edges", run, f"{seconds:.0f} s")
    predicted = model.predict(run.edges, run.ids, run.chunks, run.budget)
    tell("    as predicted", predicted, "")
    off = [
        getattr(predicted, kind) / getattr(run, kind) - 1 for kind in (*KINDS, "rounds", "memory")
    ]
    print("    off by " + ", ".join(f"{share:+.0%}" for share in off))
    tell_cluster(model, run, busy)


def run_of(millions: int, folder: Path, measure: Measure) -> tuple[Run, float, float]:
    """A run on a graph of so many million edges; its seconds, and seconds that cores were busy."""
    edges, result, events = (folder / name for name in ("edges", "labels", "events"))
    measure(sys.executable, SCRIPT, "make", f"persons-{millions}", str(edges))
    events.mkdir(exist_ok=True)
    os.environ["DATABANK_BENCH_EVENTS"] = str(events)
    seconds, memory, _ = measure(sys.executable, SCRIPT, ENGINE, str(edges), str(result))
    del os.environ["DATABANK_BENCH_EVENTS"]
    shuffled = written = busy = 0.0
    stages: Counter[int] = Counter()
    for task in tasks(events):
        metrics = task["Task Metrics"]
        shuffled += metrics["Shuffle Write Metrics"]["Shuffle Bytes Written"]
        written += metrics["Output Metrics"]["Bytes Written"]
        busy += metrics["Executor Run Time"] / 1000
        if metrics["Output Metrics"]["Bytes Written"]:
            stages[task["Stage ID"]] += 1
    read = float((events / "read").read_text())
    # what is written first is the forests
    size, first = millions * 1_000_000, stages[min(stages)]
    chunks = first * -(-size // (first * CHUNK))
    lines = (events / "rounds").read_text().splitlines()
    left = tuple(float(_LEFT.findall(line)[0]) for line in lines)
    ids = sum(pq.ParquetFile(path).metadata.num_rows for path in result.glob("*.parquet"))
    for made in (edges, result, events):
        shutil.rmtree(made)
    run = Run(size, ids, chunks, BUDGET, read, shuffled, written, left, memory * 1e9)
    return run, seconds, busy


def tasks(events: Path) -> Iterator[dict[str, Any]]:
    """Spark's event for each task that ended."""
    for path in events.glob("*/events_*"):
        with path.open() as lines:
            for line in lines:
                if '"SparkListenerTaskEnd"' in line:
                    yield json.loads(line)


def tell(name: str, run: Run, seconds: str) -> None:
    amounts = ", ".join(f"{getattr(run, kind) / 1e9:6.2f} GB {kind}" for kind in KINDS)
    print(
        f"{name:<20} {amounts}, {run.rounds} rounds, {run.memory / 1e9:4.1f} GB memory  {seconds}"
    )
    print("    links after each round: " + ", ".join(f"{links:,.0f}" for links in run.left))


def tell_cluster(model: Model, largest: Run, busy: float) -> None:
    """What 10 billion edges take on a cluster, from bytes and busy seconds of a run here."""
    ids = largest.ids * EDGES // largest.edges
    predicted = model.predict(EDGES, ids, EDGES // CHUNK, 32_000_000)
    work = predicted.shuffled / largest.shuffled * busy / (MACHINES * CORES)
    moved = predicted.shuffled / (MACHINES * NETWORK)
    stored = (predicted.read + predicted.written) / (MACHINES * DISK)
    tell("10 billion edges", predicted, "")
    print(
        f"    on {MACHINES} machines of {CORES} cores: cores {work / 60:.1f} min, network "
        f"{moved / 60:.1f} min, disks {stored / 60:.1f} min, each as if it were always busy"
    )
    rows = forest_rows(EDGES, ids, EDGES // CHUNK)
    slices = math.ceil(rows / SLICE)
    size = predicted.shuffled / (predicted.rounds * slices**2)
    print(
        f"    what breaks first: each later round is {slices:,} x {slices:,} shuffle blocks of "
        f"{size / 1e3:.1f} kB, which the driver keeps track of; slices ten times as large make a "
        "hundredth of them, at 2 GB a task"
    )
