"""What is damaged, missing or left over in a bank, and what to do about it; read without Spark."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from databank.clock import now
from databank.errors import DamagedTableError
from databank.project.catalog import all_tables
from databank.runs.holder import lives_here, parse_lease
from databank.tables.health import (
    BankFolder,
    Finding,
    alteration,
    commits_of,
    examine,
    restore,
    unpublished,
)
from databank.tables.ops import METRIC, PUBLISH, RUN
from databank.tables.outside import published_versions, read_small, require_root

_LEDGERS = (PUBLISH.name, RUN.name, METRIC.name)


def find_damage(root: str) -> list[Finding]:
    """Look into all that a bank consists of; damage first, then what is worth knowing.

    Cost: a listing of each table's folder, and the footer of each published file.

    Raises:
        DataBankError: If the root does not exist.
    """
    require_root(root)
    bank = BankFolder(root)
    present = set(bank.tables())
    findings = [each for ledger in _LEDGERS for each in _ledger(bank, ledger, present)]
    # what is published is known where its ledger can be read
    if not any(each.subject in (PUBLISH.name, RUN.name) and each.damage for each in findings):
        findings += _lost_publications(root)
        findings += _published(bank, present)
    looks: tuple[Callable[[BankFolder], Iterator[Finding]], ...] = (_leases, _leftovers, _models)
    findings += [each for look in looks for each in look(bank)]
    return sorted(findings, key=lambda each: (not each.damage, each.subject))


def _ledger(bank: BankFolder, ledger: str, present: set[str]) -> Iterator[Finding]:
    if ledger not in present:
        if present & set(all_tables()):
            # without ops.metric a report shows no past, and without ops.run jobs do all again
            damage = ledger == PUBLISH.name and _has_published(bank)
            yield Finding(ledger, damage, f"nothing lies at {bank.table(ledger)}", _lost(ledger))
        return
    findings = list(examine(bank, ledger, None))
    yield from findings
    if not findings:
        try:
            read_small(bank.root, ledger)
        except DamagedTableError as error:
            yield Finding(ledger, True, str(error), restore(bank.table(ledger)))
            return
        if (altered := alteration(bank, ledger)) is not None:
            yield altered


def _lost(ledger: str) -> str:
    remedies = {
        PUBLISH.name: "restore it from a backup: without it no table is known to be published",
        RUN.name: "restore it from a backup, or go on: each job does all of its work again",
        METRIC.name: "restore it from a backup, or go on: figures of past days are gone",
    }
    return remedies[ledger]


def _has_published(bank: BankFolder) -> bool:
    """Tell whether anything was published, where ops.publish itself does not tell any more."""
    try:
        runs = read_small(bank.root, RUN.name)
    except DamagedTableError:
        return True
    if runs is None:
        return True
    return any(row["written"] for row in runs.to_pylist())


def _lost_publications(root: str) -> Iterator[Finding]:
    """Compare what runs say that they published with what ops.publish says."""
    runs, publications = read_small(root, RUN.name), read_small(root, PUBLISH.name)
    if runs is None or publications is None:
        return
    published = {(row["run_id"], row["table"]) for row in publications.to_pylist()}
    for row in runs.to_pylist():
        for table in sorted(dict(row["written"])):
            # a rollback publishes for the run that it goes back to
            if (row["run_id"], table) not in published:
                fact = f"has no row of {table} and run {row['run_id']}, which published it"
                yield Finding(PUBLISH.name, True, fact, restore(f"{root}/ops/publish"))


def _published(bank: BankFolder, present: set[str]) -> Iterator[Finding]:
    specs, versions = all_tables(), published_versions(bank.root)
    for table, version in sorted(versions.items()):
        yield from examine(bank, table, version)
        job = specs[table].owner if table in specs else None
        for commit in unpublished(commits_of(bank, table), version):
            what = f"version {commit.version} ({commit.operation}) is not published"
            if commit.run is None:
                remedy = f"bring version {version} back by Delta's RESTORE: the next run refuses"
                yield Finding(table, True, f"{what}, and not databank's", remedy)
            else:
                remedy = f"nothing: the next run of {job} takes it back"
                yield Finding(table, False, f"{what}, of run {commit.run}", remedy)
        if job is None:
            yield Finding(table, False, "is published, and no job writes it", "nothing")
    for table in sorted(present - set(versions) - set(_LEDGERS)):
        if table in specs:
            fact = "was never published: a killed or refused run left it"
            yield Finding(table, False, fact, f"nothing: the next run of {specs[table].owner} does")
        elif table.partition(".")[0] in {name.partition(".")[0] for name in specs}:
            remedy = "move it out of the folders of the bank's tables"
            yield Finding(table, False, "is no table of databank", remedy)


def _leases(bank: BankFolder) -> Iterator[Finding]:
    for name in bank.names("_lease"):
        held = parse_lease(_text(bank, f"_lease/{name}"))
        subject, path = f"lease of {name}", f"{bank.root}/_lease/{name}"
        if not held:
            fact = "says nothing that can be read"
            yield Finding(subject, False, fact, f"nothing, or remove {path} if no run is alive")
            continue
        who = f"run {held['run_id'][:60]!r}, host {str(held['host'])[:60]!r}, pid {held['pid']}"
        lives = lives_here(held)
        seconds = (now() - held["heartbeat"]).total_seconds()
        if lives:
            yield Finding(subject, False, f"{who} is running", "nothing")
        elif lives is False:
            yield Finding(subject, False, f"{who} is dead", "nothing: the next run takes it over")
        elif seconds < 0:
            fact = f"{who} gave a sign of life {-seconds:.0f} s ahead of the clock here"
            yield Finding(subject, False, fact, f"compare the clocks; remove {path} if it is dead")
        else:
            fact = f"{who} gave its last sign of life {seconds:.0f} s ago"
            remedy = f"nothing, or remove {path} if that machine is no more"
            yield Finding(subject, False, fact, remedy)


def _leftovers(bank: BankFolder) -> Iterator[Finding]:
    living = {
        held["run_id"]
        for held in (parse_lease(_text(bank, f"_lease/{name}")) for name in bank.names("_lease"))
        if held and lives_here(held) is not False
    }
    for run in sorted({*bank.names("_scratch"), *bank.names("_begun")} - living):
        size = sum(info.size or 0 for info in bank.entries(f"_scratch/{run}", deep=True))
        fact = f"was killed; it left {size:,} bytes in _scratch, maybe personal data"
        yield Finding(f"run {run}", False, fact, "nothing: the next run of its job removes it")


def _models(bank: BankFolder) -> Iterator[Finding]:
    database = Path(bank.inner, "mlflow", "mlflow.db")
    if "://" in bank.root or not database.exists():
        return
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=5)) as db:
            [(verdict,)] = db.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.Error as error:
        verdict = str(error)
    if verdict != "ok":
        fact = f"{database} is damaged: {verdict}"
        remedy = "restore it from a backup, or move it away: models are then trained anew"
        yield Finding("mlflow", True, fact, remedy)


def _text(bank: BankFolder, path: str) -> str:
    try:
        with bank.system.open_input_stream(f"{bank.inner}/{path}") as file:
            content: Any = file.read()
    except OSError:
        return ""  # given back at this moment, or a folder
    return bytes(content).decode(errors="replace")
