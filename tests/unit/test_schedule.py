"""Which tests share a worker, and which take too long."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.schedule import LIMIT, Schedule, group_of


@pytest.fixture(scope="module")
def made() -> int:
    return 1


@pytest.fixture
def alone() -> int:
    return 1


def report(test: str, seconds: float, *, when: str = "call", marks: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(
        nodeid=test, duration=seconds, when=when, keywords=dict.fromkeys(marks, 1)
    )


def test_tests_that_share_something_made_are_a_group(
    request: pytest.FixtureRequest, made: int
) -> None:
    assert group_of(request.node) == "tests/unit/test_schedule.py"


def test_a_test_that_shares_nothing_goes_anywhere(
    request: pytest.FixtureRequest, alone: int, tmp_path: Path
) -> None:
    assert group_of(request.node) is None


SHARING = """
import os
import pytest

@pytest.fixture(scope="module")
def maker():
    return os.getpid()

@pytest.mark.parametrize("n", range(8))
def test_one_worker_makes_it(maker, n):
    with open("makers", "a") as file:
        print(maker, file=file)
"""


def test_what_is_shared_is_made_by_one_worker(tmp_path: Path) -> None:
    (tmp_path / "test_sharing.py").write_text(SHARING)
    options = ("-p", "tests.support.schedule", "--numprocesses", "2", "--dist", "loadgroup")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(
        [sys.executable, "-m", "pytest", *options], cwd=tmp_path, env=environment, check=True
    )
    makers = (tmp_path / "makers").read_text().split()
    assert (len(makers), len(set(makers))) == (8, 1)


def test_all_on_the_loop_are_one_group() -> None:
    item: Any = SimpleNamespace(fixturenames=["made", "loop"])
    assert group_of(item) == "loop"


def test_a_long_test_must_say_that_it_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT, "10")
    schedule = Schedule()
    for each in (
        report("tests/a.py::one@tests/a.py", 11),
        report("tests/a.py::two", 11, marks=("slow",)),
        report("tests/a.py::three", 60, when="setup"),
        report("tests/a.py::four[x@y.com]@loop", 9),
    ):
        schedule.pytest_runtest_logreport(each)
    assert schedule.too_long == {"tests/a.py::one": 11}
    assert schedule.seconds["tests/a.py::four[x@y.com]"] == 9
    session: Any = SimpleNamespace(config=SimpleNamespace(), exitstatus=pytest.ExitCode.OK)
    schedule.pytest_sessionfinish(session)
    assert session.exitstatus == pytest.ExitCode.TESTS_FAILED


def test_without_a_limit_a_test_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LIMIT, raising=False)
    schedule = Schedule()
    schedule.pytest_runtest_logreport(report("tests/a.py::one", 1000))
    assert schedule.too_long == {}
