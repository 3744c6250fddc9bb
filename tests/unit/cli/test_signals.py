"""A command that is interrupted or terminated says so by its exit code, after it has cleaned up."""

import signal
import subprocess
import sys

import pytest

from databank.cli import main

WAITING = """
import time
from databank.cli import main

@main.app.command()
def wait() -> None:
    try:
        print("waiting", flush=True)
        time.sleep(60)
    finally:
        print("cleaned up", flush=True)

main.main(["wait"])
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_exit_code_names_the_signal(number: signal.Signals, code: int) -> None:
    command = [sys.executable, "-c", WAITING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(number)
        rest, _ = process.communicate(timeout=30)
    assert (process.returncode, "cleaned up" in rest) == (code, True)


def test_a_full_disk_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("typer.echo", fail)
    assert main.exit_code(["--version"]) == 2
    assert capsys.readouterr().err == (
        "error: no space is left on a disk; free some, and run it again\n"
    )
