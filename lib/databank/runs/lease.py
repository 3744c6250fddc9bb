"""One run at a time per job and warehouse: a lease file made with create-if-absent."""

import json
import os
import socket
import threading
from datetime import datetime
from types import TracebackType
from uuid import uuid4

from databank.clock import now
from databank.errors import DataBankError, LeaseHeldError
from databank.tables.files import Files

_WRITING_SECONDS = 60


class Lease:
    """Holds `<root>/_lease/<job>` for the length of a `with` block.

    A holder that is dead on this host is taken over at once; one on another host when its
    heartbeat is older than `seconds`; a living one is named and refuses.

    Raises:
        LeaseHeldError: If another run of the job is alive.
        DataBankError: If the root cannot be written.
    """

    def __init__(self, files: Files, job: str, *, run_id: str, seconds: int) -> None:
        self._files, self._job, self._seconds = files, job, seconds
        self._path = f"_lease/{job}"
        self._holder = {"host": socket.gethostname(), "pid": os.getpid(), "run_id": run_id}
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
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._heart.join()
        self._files.delete(self._path)

    def _text(self) -> str:
        return json.dumps(self._holder | {"heartbeat": now().isoformat()})

    def _beat(self) -> None:
        while not self._stop.wait(self._seconds / 4):
            self._files.write(self._path, self._text())

    def _take_over(self) -> None:
        """Take a dead holder's lease; moving it aside first makes sure only one run does."""
        held_text = self._files.read(self._path)
        try:
            held = json.loads(held_text)
        except ValueError:
            held = {}
        if self._is_alive(held):
            raise LeaseHeldError(
                f"{self._job}: another run holds {self._files.root}/{self._path} "
                f"(host {held.get('host')}, pid {held.get('pid')}, run {held.get('run_id')}); "
                "wait for it, or stop it"
            )
        parked = f"{self._path}.{uuid4().hex}"
        moved = self._files.move(self._path, parked)
        if moved and self._files.read(parked) != held_text:
            # somebody else was quicker: give the living lease back
            self._files.move(parked, self._path)
            moved = False
        if moved:
            self._files.delete(parked)
        if not moved or not self._files.create(self._path, self._text()):
            raise LeaseHeldError(f"{self._job}: another run has just taken the lease; wait for it")

    def _is_alive(self, held: dict[str, str]) -> bool:
        beat = held.get("heartbeat")
        if beat is None:
            # being written at this moment, or cut short by a full disk or a crash: time tells
            return now().timestamp() - self._files.modified(self._path) < _WRITING_SECONDS
        silent = (now() - datetime.fromisoformat(beat)).total_seconds()
        if silent > self._seconds:
            return False
        return held.get("host") != self._holder["host"] or _process_lives(int(held["pid"]))


def _process_lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
