"""What a run says of its progress in a log."""

from types import SimpleNamespace

import pytest

from databank.runs.progress import Progress


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
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "build_tags [37]: started (4 of 15, 3 s so far)",
        "build_tags [37]: reading (2.5 s)",
        # outside a plan there is no place
        "session: started",
    ]


def test_brackets_in_data_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.start("build_tags [/x]")
    progress.step("event [/pageview]")
    progress.done("done", {"tag [red]": "check its event [/pageview]", "n": 2})
    printed = capsys.readouterr().err
    for text in ("build_tags [/x]: event [/pageview]", "tag [red]", "check its event [/pageview]"):
        assert text in printed
