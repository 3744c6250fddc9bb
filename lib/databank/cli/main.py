"""The command line: `databank <command>`; bad input is one line and exit code 2."""

import sys
from collections.abc import Sequence

# imported for the commands that they add
from databank.cli import reading, writing  # noqa: F401
from databank.cli.app import app
from databank.cli.ending import code_of, code_or_bug, end_when_terminated

__all__ = ["app", "exit_code", "main", "run_job"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script."""
    end_when_terminated()
    sys.exit(code_or_bug(lambda: exit_code(arguments)))


def exit_code(arguments: Sequence[str] | None = None) -> int:
    """Run a command line: 0 done, 2 the operator can fix it, 3 a gate refused; bugs raise."""
    given = list(arguments) if arguments is not None else None
    # the name that a shell completes, and that errors show, however the command was started
    return code_of(lambda: app(args=given, standalone_mode=False, prog_name=app.info.name))


def run_job(job: str) -> int:
    """Run a job from jobs/<job>.py with the options of `databank run`."""
    end_when_terminated()
    return code_or_bug(lambda: exit_code(["run", job, *sys.argv[1:]]))
