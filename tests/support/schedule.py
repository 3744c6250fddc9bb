"""Which worker runs which tests, in what order, and how long one of them may take.

Tests that share something made (a bank, a loop, a model) run on one worker, which makes it once;
the longest groups come first. tests/durations.json, from `scripts/test --durations-write`, tells
how long each took. A test that takes longer than DATABANK_TEST_LIMIT seconds (unset = any time)
and is not marked `slow` fails the session.
"""

import json
import os
import re
from collections import defaultdict
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

HERE = Path(__file__).parents[2]
DURATIONS = HERE / "tests" / "durations.json"
LIMIT, WRITE = "DATABANK_TEST_LIMIT", "DATABANK_WRITE_DURATIONS"
_LOOP = "loop"  # the bank of a whole loop: whatever stands on it shares it
_GROUP = re.compile(rf"@({_LOOP}|tests/[\w/.]*)$")
_SHORTEST = 0.5  # seconds; the order of shorter tests does not matter


class Schedule:
    """Notes how long tests take, and those that take too long."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.too_long: dict[str, float] = {}
        self.limit = float(os.environ.get(LIMIT) or "inf")

    @pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        known = json.loads(DURATIONS.read_text()) if DURATIONS.exists() else {}
        groups = {item.nodeid: group_of(item) for item in items}
        totals: dict[str, float] = defaultdict(float)
        for item in items:
            group = groups[item.nodeid]
            totals[group or item.nodeid] += known.get(item.nodeid, 0.0)
            if group:
                item.add_marker(pytest.mark.xdist_group(group))
        # stable: tests of one group keep their order, and groups of unknown length theirs
        items.sort(key=lambda item: -totals[groups[item.nodeid] or item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = _GROUP.sub("", report.nodeid)
        self.seconds[test] += report.duration
        # what is set up is shared: the first test must not pay for all
        if report.when == "call" and report.duration > self.limit and "slow" not in report.keywords:
            self.too_long[test] = report.duration

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workerinput"):
            return  # the controller hears of all
        if os.environ.get(WRITE):
            known = json.loads(DURATIONS.read_text()) if DURATIONS.exists() else {}
            known |= {test: round(seconds, 1) for test, seconds in self.seconds.items()}
            # a test that has gone must not be waited for; one of another run may not have run now
            here = [test for test in sorted(known) if (HERE / test.split("::")[0]).exists()]
            long = {test: known[test] for test in here if known[test] >= _SHORTEST}
            DURATIONS.write_text(json.dumps(long, indent=1) + "\n")
        if self.too_long and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        if not self.too_long:
            return
        terminalreporter.section(f"longer than {self.limit:g} s and not marked slow")
        for test, seconds in sorted(self.too_long.items(), key=lambda entry: -entry[1]):
            terminalreporter.line(f"{seconds:6.1f} s  {test}")
        terminalreporter.line(
            "make them shorter (a small frame instead of a whole job), or mark them "
            f"`@pytest.mark.slow`; on a slow machine set {LIMIT}"
        )


def group_of(item: pytest.Item) -> str | None:
    """Name what a test shares with others; None where it shares nothing but the session."""
    if _LOOP in getattr(item, "fixturenames", ()):
        return _LOOP
    places = set()
    for definitions in getattr(item, "_fixtureinfo").name2fixturedefs.values():  # noqa: B009
        made = definitions[-1]
        if made.scope != "function" and made.baseid not in ("", "tests"):
            # a fixture of a conftest belongs to the folder, one of a module to the file
            places.add(made.baseid)
    return min(places, key=len) if places else None


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Schedule(), "databank-schedule")
