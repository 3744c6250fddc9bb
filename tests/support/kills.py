"""Steps of a bank in processes of their own, which die at a named point or at any moment."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from databank.project.plan import Step
from databank.session import get_spark
from databank.tables import DeltaStore
from tests.support.compare import content

HERE = Path(__file__).parents[2]
KILLED = -signal.SIGKILL

# with the exit codes of `databank run`; a file and not `python -c`, where pyspark takes an import
# of its connect package for a doctest and exits with 0
ONE_STEP = """
import sys
from databank.clock import parse_day
from databank.project.load import load_project
from databank.project.execute import execute, exit_error
from databank.project.plan import Step
conf, job, root, day, *nodes = sys.argv[1:]
done = execute(load_project(conf), [Step(job, tuple(nodes))], root=root, day=parse_day(day))
sys.exit(3 if exit_error(done) else 0)
"""


@dataclass(frozen=True)
class Process:
    """How a process ended: its code, 3 where a gate refused, -9 where it was killed; seconds."""

    code: int
    seconds: float


@dataclass(frozen=True)
class Kill:
    """A step that was killed, when, and what the next run made of it ('' = equal tables)."""

    job: str
    after: float
    whole: float
    was_killed: bool
    verdict: str


class Killer:
    """Runs steps of a project on copies of a bank.

    Args:
        conf: Folder of the configuration.
        day: Run day.
        folder: For copies of the bank.
    """

    def __init__(self, conf: Path, day: str, folder: Path) -> None:
        self._conf, self._day, self._folder = conf, day, folder

    def run(
        self, step: Step, root: Path, *, fault: str = "", after: float | None = None
    ) -> Process:
        """Run a step; it dies at a fault point, or after so many seconds, its JVM with it."""
        script = self._folder / "step.py"
        script.write_text(ONE_STEP)
        arguments = [str(self._conf), step.job, str(root), self._day, *step.nodes]
        given = {
            "DATABANK_FAULT": fault,
            "PYTHONPATH": f"{HERE}/lib:{HERE}",
            # a process that ends soon compiles little, and that at once
            "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1",
        }
        begun, log = time.monotonic(), self._folder / "log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, str(script), *arguments],
                cwd=HERE,
                env=os.environ | given,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                code = process.wait(after)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                code = process.wait()
        if code not in (0, 3, KILLED):
            print(log.read_text()[-3000:], file=sys.stderr)
        return Process(code, time.monotonic() - begun)

    def at_point(self, step: Step, point: str, before: Path, wanted: object) -> str:
        """Kill a step at a fault point, run it again; '' = equal tables."""
        root = self._copy(before)
        killed = self.run(step, root, fault=point)
        if killed.code != KILLED:
            return f"left with {killed.code} instead of being killed"
        return self._verdict(step, root, wanted)

    def at_random(
        self, steps: Sequence[Step], bank: Path, *, kills: int, seed: int
    ) -> Iterator[Kill]:
        """Run steps one after the other; copies of the bank before each die at random moments.

        The moments are spread over the time that the step takes undisturbed.

        Args:
            steps: All that make the bank.
            bank: Before the first of them; altered.
            kills: How many, over all steps.
            seed: Of the moments.
        """
        random = Random(seed)
        for number, step in enumerate(steps):
            before = Path(shutil.copytree(bank, self._folder / "before"))
            whole = self.run(step, bank)
            if whole.code not in (0, 3):
                raise RuntimeError(f"{step.job}: undisturbed it left with {whole.code}")
            wanted = content(DeltaStore(get_spark(), str(bank)))
            share = kills * (number + 1) // len(steps) - kills * number // len(steps)
            for _ in range(share):
                after, root = random.random() * whole.seconds, self._copy(before)
                ended = self.run(step, root, after=after)
                verdict = self._verdict(step, root, wanted)
                killed = ended.code == KILLED
                yield Kill(step.job, after, whole.seconds, killed, verdict)
            shutil.rmtree(before)

    def _copy(self, bank: Path) -> Path:
        root = self._folder / "killed"
        shutil.rmtree(root, ignore_errors=True)
        return Path(shutil.copytree(bank, root))

    def _verdict(self, step: Step, root: Path, wanted: object) -> str:
        again = self.run(step, root)
        if again.code not in (0, 3):
            return f"the run after it left with {again.code}"
        contents = content(DeltaStore(get_spark(), str(root)))
        assert isinstance(wanted, dict)
        apart = sorted(name for name in wanted if wanted[name] != contents.get(name))
        left = [name for name in ("_lease", "_scratch", "_begun") if any(root.glob(f"{name}/*"))]
        if apart:
            return f"different: {', '.join(apart)}"
        return f"left behind: {', '.join(left)}" if left else ""
