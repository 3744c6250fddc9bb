"""One run at a time per job and warehouse: a lease file made with create-if-absent."""

import json
import threading
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from uuid import uuid4

from databank.clock import now
from databank.errors import DataBankError, LeaseHeldError
from databank.runs.holder import lives_here, parse_lease, this_process
from databank.tables import Store
from databank.tables.state import LEASES

_WRITING_SECONDS = 60


class Lease:
    """Holds `<root>/_lease/<job>` for the length of a `with` block.

    A holder that is dead on this machine is taken over at once, and a living one never, however
    long it was silent. One on another machine is taken over when its heartbeat is older than
    `seconds`. Machines are told apart by their boot and by the space of their process ids, for two
    containers may have one name. Within the block the store writes only while the lease is held.

    Raises:
        LeaseHeldError: If another run of the job is alive.
        DataBankError: If the root cannot be written.
    """

    def __init__(self, store: Store, job: str, *, run_id: str, seconds: int) -> None:
        self._store, self._files = store, store.files
        self._job, self._seconds = job, seconds
        self._path = f"{LEASES}/{job}"
        self._holder = {**this_process(), "run_id": run_id}
        # a heartbeat is no single step: the guard must not meet one that is half written
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True, name=f"lease-{job}")

    def __enter__(self) -> "Lease":
        try:
            taken = self._files.create(self._path, self._text())
            if not taken:
                self._take_over()
        except PermissionError as error:
            raise DataBankError(
                f"--root {self._files.root}: cannot write there ({error}); "
                "give a folder that this user may write"
            ) from None
        self._heart.start()
        self._store.guard = self.refuse_if_lost
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        del self._store.guard
        self._stop.set()
        self._heart.join()
        if self._is_own(self._read()):
            self._files.delete(self._path)

    def refuse_if_lost(self) -> None:
        """Refuse to go on where the lease is another run's, or nobody's.

        Raises:
            LeaseHeldError: Naming the run that took it.
        """
        with self._lock:
            held = self._read()
        if not self._is_own(held):
            by = f"run {held['run_id']} took" if "run_id" in held else "somebody removed"
            raise LeaseHeldError(
                f"{self._job}: {by} the lease {self._files.root}/{self._path} while this run was "
                "paused; it ends and publishes nothing: run the job again"
            )

    def _text(self) -> str:
        return json.dumps(self._holder | {"heartbeat": now().isoformat()})

    def _beat(self) -> None:
        while not self._stop.wait(self._seconds / 4):
            with self._lock:
                if self._is_own(self._read()):
                    # a full disk ends the run at its next write, and no heartbeat before
                    with suppress(OSError):
                        self._files.write(self._path, self._text())

    def _read(self) -> dict[str, Any]:
        """Read what the file says; nothing if there is none, or it cannot be understood."""
        return parse_lease(self._content(self._path))

    def _is_own(self, held: dict[str, Any]) -> bool:
        return bool(held.get("run_id") == self._holder["run_id"])

    def _take_over(self) -> None:
        """Take a dead holder's lease; moving it aside first makes sure only one run does."""
        held_text = self._content(self._path)
        held = parse_lease(held_text)
        if self._is_alive(held):
            host, pid, run = (str(held.get(key))[:60] for key in ("host", "pid", "run_id"))
            raise LeaseHeldError(
                f"{self._job}: another run holds {self._files.root}/{self._path} "
                f"(host {host!r}, pid {pid}, run {run!r}, {_last_sign(held)}); wait for it, or "
                "stop it"
            )
        parked = f"{self._path}.{uuid4().hex}"
        moved = self._files.move(self._path, parked)
        if moved and self._content(parked) != held_text:
            # somebody else was quicker: give the living lease back
            self._files.move(parked, self._path)
            moved = False
        if moved:
            self._files.delete(parked)
        if not moved or not self._files.create(self._path, self._text()):
            raise LeaseHeldError(f"{self._job}: another run has just taken the lease; wait for it")

    def _content(self, path: str) -> str:
        """Read a lease file; '' where there is none any more, or something that is no file."""
        try:
            return self._files.read(path)
        except Exception:  # each file system has its own
            return ""

    def _is_alive(self, held: dict[str, Any]) -> bool:
        beat: datetime | None = held.get("heartbeat")
        if beat is None:
            # being written at this moment, or cut short by a full disk or a crash: time tells
            return self._silent() < _WRITING_SECONDS
        if (lives := lives_here(held)) is not None:
            return lives
        silent = (now() - beat).total_seconds()
        if silent < 0:
            # the clock there, or this one, is wrong: what the storage says of the file is left
            silent = self._silent()
        return silent <= self._seconds

    def _silent(self) -> float:
        """Tell how many seconds ago the file was written; 0 where it was given back just now."""
        try:
            return now().timestamp() - self._files.modified(self._path)
        except Exception:  # each file system has its own
            return 0


def _last_sign(held: dict[str, Any]) -> str:
    """Tell when a holder gave its last sign of life, and where clocks differ, that they do."""
    beat = held.get("heartbeat")
    if beat is None:
        return "the file says no time"
    ahead = f"; the clock here says {now():%Y-%m-%d %H:%M:%S}" if beat > now() else ""
    return f"last sign of life {beat.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC{ahead}"
