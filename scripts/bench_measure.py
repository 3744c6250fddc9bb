"""What a command takes: seconds, seconds of all cores, memory, all of its processes together."""

import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

HERE = Path(__file__).parents[1]
_PAUSE = 0.2  # seconds between two looks; what a process does after the last one is lost


@dataclass(frozen=True)
class Measured:
    """Wall seconds, seconds of all cores, GB of memory at the peak, and what was printed."""

    wall: float
    cores: float
    memory: float
    output: str


def measured(*command: str, limit: float | None = None) -> Measured:
    """Run a command and watch its processes until they end.

    Raises:
        SystemExit: If it fails.
        TimeoutExpired: After `limit` seconds.
    """
    begun = time.monotonic()
    process = subprocess.Popen(
        command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    watch = _Watch(process.pid)
    watch.start()
    try:
        output, faults = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    wall = time.monotonic() - begun
    watch.join()
    if process.returncode != 0:
        sys.exit(f"{command[0]} left with {process.returncode}:\n{faults[-2000:]}")
    return Measured(wall, sum(watch.cores.values()), watch.peak, output)


class _Watch(threading.Thread):
    """Looks at a process and all below it until it ends.

    Attributes:
        cores: Seconds of cores by process.
        peak: Of the memory of all, in GB.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.cores: dict[int, float] = {}
        self.peak = 0.0

    def run(self) -> None:
        """Look again and again."""
        try:
            parent = psutil.Process(self._pid)
            while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE:
                present = [parent, *parent.children(recursive=True)]
                self.peak = max(self.peak, sum(map(self._look_at, present)) / 1e9)
                time.sleep(_PAUSE)
        except psutil.Error:
            return

    def _look_at(self, process: psutil.Process) -> float:
        """Note the seconds of a process; gives the bytes of its memory, 0 once it has ended."""
        try:
            times = process.cpu_times()
            self.cores[process.pid] = times.user + times.system
            return float(process.memory_full_info().pss)
        except psutil.Error:
            return 0.0
