"""What a run says of its progress: never nothing for long, and no sign of data acts."""

import io
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from databank.runs.progress import Progress
from tests.unit.test_terminal import is_harmless


def test_a_job_of_a_plan_tells_its_place_and_the_seconds_so_far(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 103.0, 105.5, 110.0])
    stub = SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr("databank.runs.progress.time", stub)
    progress = Progress()
    progress.place(4, 15)
    progress.start("build_tags [37]")
    progress.step("reading")
    progress.start("session")
    progress.stop()
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "build_tags [37]: started (4 of 15, 3 s so far)",
        "build_tags [37]: reading (2.5 s)",
        # outside a plan there is no place
        "session: started",
    ]


def lines_until(capsys: pytest.CaptureFixture[str], wanted: str) -> list[str]:
    """What is printed until a line holds a text; a beat comes when it comes."""
    printed = ""
    for _ in range(500):
        printed += capsys.readouterr().err
        if wanted in printed:
            break
        time.sleep(0.01)
    return printed.splitlines()


def test_a_log_is_told_what_still_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(silent_seconds=0.05)
    progress.start("ingest")
    assert "ingest: still running (0 s)" in lines_until(capsys, "still running")
    progress.step("parsing")
    written = [1000]
    progress.count(lambda: sum(written))
    shown = lines_until(capsys, "parsing, still")
    assert "ingest: parsing, still running (0 s, 1,000 rows written)" in shown
    written.append(11_345)
    progress.done("done", {})
    [ended] = [line for line in lines_until(capsys, "done") if "done" in line]
    assert ended.endswith(" s, 12,345 rows written")
    time.sleep(0.2)
    assert capsys.readouterr().err == ""


def test_who_says_something_is_not_reminded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = Progress(silent_seconds=3)
    progress.start("ingest")
    for number in range(30):
        progress.step(f"step {number}")
        time.sleep(0.01)
    progress.stop()
    assert "still running" not in capsys.readouterr().err


def test_what_fails_is_silent_from_then_on(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(silent_seconds=0.05)

    def fail() -> None:
        with progress.wait("session"):
            raise OSError("no Java")

    with pytest.raises(OSError, match="no Java"):
        fail()
    capsys.readouterr()
    time.sleep(0.2)
    assert capsys.readouterr().err == ""


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal of 100 columns that keeps what it was sent."""
    sent = io.StringIO()

    def console(**settings: bool) -> Console:
        kept = {name: on for name, on in settings.items() if name != "stderr"}
        return Console(file=sent, force_terminal=True, width=100, **kept)  # type: ignore[arg-type]

    monkeypatch.setattr("databank.runs.progress.Console", console)
    return sent


def test_a_terminal_shows_the_step_and_the_seconds(terminal: io.StringIO) -> None:
    progress = Progress()
    progress.place(2, 3)
    progress.start("build_tags")
    progress.step("reading [/x]")
    assert progress.line.plain == "build_tags (2 of 3, 0 s so far)  reading [/x] (0 s)"
    for _ in range(300):
        if "reading [/x] (0 s)" in terminal.getvalue():
            break
        time.sleep(0.01)
    progress.done("done", {})
    assert "reading [/x] (0 s)" in terminal.getvalue()


def test_brackets_in_data_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.start("build_tags [/x]")
    progress.step("event [/pageview]")
    progress.done("done", {"tag [red]": "check its event [/pageview]", "n": 2})
    printed = capsys.readouterr().err
    for text in ("build_tags [/x]: event [/pageview]", "tag [red]", "check its event [/pageview]"):
        assert text in printed


def test_signs_that_act_are_escaped_and_long_values_cut(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hostile = "\x1b[2J\r\nerror: forged \u202egnp\x9b31m" + "x" * 100_000
    progress = Progress()
    progress.start(hostile)
    progress.step(hostile)
    progress.done(hostile, {hostile: hostile})
    printed = capsys.readouterr().err
    assert is_harmless(printed.replace("\n", ""))
    assert not any(line.startswith("error: forged") for line in printed.splitlines())
    assert len(printed) < 20_000
