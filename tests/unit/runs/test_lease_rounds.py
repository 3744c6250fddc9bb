"""Two runs of one job, paused, killed and on different hosts at random: no row is ever doubled.

Each round is a bank of its own in plain files. A run loads the numbers that the table lacks; a run
that was paused goes on as if nothing had happened, and it is the lease, and what the store asks
before it publishes, that hold it back. DeltaStore's own part in it is proved in tables.
"""

import json
import multiprocessing
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from databank.errors import DataBankError, LeaseHeldError
from databank.runs.lease import Lease
from databank.tables import Column, TableSpec
from databank.tables.ops import Publication
from tests.support.plain_store import PlainStore

ROUNDS, AT_ONCE = 200, 25
SECONDS = 1  # of the lease
DAY = date(2026, 1, 31)
MADE = TableSpec("core.made", "one row per number", (Column("id", "bigint", "number"),), "make")
_fork = multiprocessing.get_context("fork")


class SharedStore(PlainStore):
    """A store whose commits are files that are made once, as those of Delta's log are."""

    def _log(self, name: str) -> list[dict[str, Any]]:
        folder = Path(self.root, name)
        names = sorted(folder.glob("*.json")) if folder.is_dir() else []
        return [json.loads(path.read_text()) for path in names]

    def _commit_to(self, name: str, version: int, entry: dict[str, Any]) -> bool:
        whole = Path(self.root, f".{name}-{self.run_id}-{time.monotonic_ns()}")
        whole.write_text(json.dumps(entry))
        Path(self.root, name).mkdir(exist_ok=True)
        try:
            os.link(whole, Path(self.root, name, f"{version:05d}.json"))
        except FileExistsError:
            return False
        return True

    def refresh(self) -> None:
        publications = self._log("ops")
        self._attempt = len(publications)
        self.published = {MADE.name: publications[-1]["version"]} if publications else {}

    def start_run(self, run_id: str, owned: Iterable[TableSpec]) -> None:
        self.run_id, self.versions_written, self.rows_written = run_id, {}, {}
        self.guard()
        log, wanted = self._log(MADE.name), self.published.get(MADE.name)
        rows = [] if wanted is None else log[wanted]["rows"]
        if log and log[-1]["rows"] != rows:
            assert self._commit_to(MADE.name, len(log), {"run": run_id, "rows": rows})
        self._begun = len(self._log(MADE.name))

    def rows(self) -> list[int]:
        log = self._log(MADE.name)
        return log[-1]["rows"] if log else []

    def add(self, rows: list[int]) -> None:
        self.guard()
        log = self._log(MADE.name)
        if not self._commit_to(MADE.name, len(log), {"run": self.run_id, "rows": rows}):
            raise DataBankError("somebody else committed at this moment")
        self.versions_written[MADE.name] = len(log)

    def _record(self, publications: Iterable[Publication]) -> None:
        [row] = publications
        pause(self.random)
        log = self._log(MADE.name)
        others = [entry for entry in log[self._begun :] if entry["run"] != self.run_id]
        if len(log) - 1 != row.version or others:
            raise DataBankError("another run wrote to it")
        pause(self.random)
        if not self._commit_to("ops", self._attempt, {"version": row.version}):
            raise DataBankError("another run published")

    random: Random
    _attempt = 0
    _begun = 0


def pause(random: Random) -> None:
    time.sleep(random.random() * 0.2)


def load(root: Path, host: str, seed: int) -> None:
    """A run: load what the table lacks, slowly; how it ended goes to a file."""
    socket.gethostname = lambda: host
    run_id = f"{host}-{seed}-{os.getpid()}"
    store = SharedStore(root)
    store.random = Random(seed)
    ended = "done"
    try:
        with Lease(store, "make", run_id=run_id, seconds=SECONDS):
            store.refresh()
            store.start_run(run_id, [MADE])
            pause(store.random)
            rows = store.rows()
            new = [int(path.name) for path in (root / "landing").iterdir()]
            pause(store.random)
            store.add(sorted([*rows, *(number for number in new if number not in rows)]))
            pause(store.random)
            store.publish("make", DAY)
    except LeaseHeldError as error:
        ended = "held" if "another run" in str(error) else "lost"
    except DataBankError:
        ended = "beaten"
    (root / f"ended-{run_id}").write_text(ended)


def send(process: Any, what: signal.Signals) -> None:
    if process.is_alive():
        with suppress(ProcessLookupError):  # it ended at this moment
            os.kill(process.pid, what)


def play(folder: Path, number: int) -> Counter[str]:
    """One round; counts how its runs ended."""
    random, root = Random(number), folder / str(number)
    (root / "landing").mkdir(parents=True)
    hosts = ["here", random.choice(["here", "there"])]
    runs = []
    for seed, host in enumerate(hosts):
        (root / "landing" / str(seed)).touch()
        runs.append(_fork.Process(target=load, args=(root, host, 10 * number + seed)))
        runs[-1].start()
        time.sleep(random.random() * 0.6)
        victim = random.choice(runs)
        what = random.choice([signal.SIGSTOP, signal.SIGSTOP, signal.SIGSTOP, signal.SIGKILL])
        send(victim, what)
        if seed == 0 and random.random() < 0.8:
            # longer than a lease lives
            time.sleep(SECONDS * 1.3)
    time.sleep(random.random() * 0.5)
    for process in runs:
        send(process, signal.SIGCONT)
    for process in runs:
        process.join(timeout=20)
    killed = sum(process.exitcode == -signal.SIGKILL for process in runs)
    ended = Counter(path.read_text() for path in root.glob("ended-*"))
    for _ in range(20):  # the lease of a killed run of the other host lives on for a while
        last = _fork.Process(target=load, args=(root, "here", 7))
        last.start()
        last.join(timeout=20)
        if (root / f"ended-here-7-{last.pid}").read_text() == "done":
            break
        time.sleep(0.2)
    store = SharedStore(root)
    store.refresh()
    published = store._log(MADE.name)[store.published[MADE.name]]["rows"]
    assert published == [0, 1], f"round {number}"
    assert not (root / "_lease" / "make").exists(), f"round {number}"
    return ended + Counter(killed=killed)


@pytest.mark.nightly
def test_no_row_is_doubled_whatever_becomes_of_two_runs(tmp_path: Path) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ended = sum(pool.map(lambda n: play(tmp_path, n), range(ROUNDS)), Counter[str]())
    # each of it has happened, so that the rounds have met what they are for
    assert all(ended[what] > 5 for what in ("done", "held", "lost", "killed")), ended
