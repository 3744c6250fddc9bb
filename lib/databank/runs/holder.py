"""Who holds a lease: what the file says, and whether that process of this machine lives."""

import json
import os
import socket
from datetime import datetime
from typing import Any


def this_process() -> dict[str, Any]:
    """Describe this process, as a lease of it says."""
    pid = os.getpid()
    return {
        "host": socket.gethostname(),
        "machine": machine(),
        "pid": pid,
        "started": start_of(pid),
    }


def parse_lease(text: str) -> dict[str, Any]:
    """Read a lease; an empty one if its content is not what a run writes."""
    try:
        held = json.loads(text)
        beat = datetime.fromisoformat(held["heartbeat"])
        known = {key: held[key] for key in ("host", "machine", "pid", "started", "run_id")}
        sound = isinstance(known["pid"], int) and isinstance(known["run_id"], str)
        return {**known, "heartbeat": beat} if sound and beat.tzinfo is not None else {}
    except (ValueError, TypeError, KeyError):
        return {}


def lives_here(held: dict[str, Any]) -> bool | None:
    """Tell whether the holder of a lease lives on this machine; None if it is of another one."""
    own = this_process()
    if (held["machine"], held["host"]) != (own["machine"], own["host"]):
        return None
    started = start_of(held["pid"])
    return started is not None and started == held["started"]


def machine() -> str:
    """Name the boot of this machine and the space of its process ids; '' where they are unknown."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:
            return f"{boot.read().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def start_of(pid: int) -> int | None:
    """Tell when a process was started, in ticks since the boot; None if it is dead.

    0 for a living one on a machine that does not tell.
    """
    if not machine():
        return 0 if _process_lives(pid) else None
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as status:
            # the name of the program, which may hold anything, stands in parentheses
            state, *numbers = status.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else int(numbers[18])


def _process_lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
