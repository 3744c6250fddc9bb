"""Previews and rollbacks of a job: what readers see, and what the next run goes by."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from databank.errors import DataBankError, LeaseHeldError
from tests.support.plain_store import ListLedger, PlainStore
from tests.unit.runs.world import FIRST, MADE, SECOND, THIRD, Made


@pytest.fixture
def bank(tmp_path: Path) -> Made:
    return Made(PlainStore(tmp_path), ListLedger())


def test_a_preview_has_never_been(bank: Made) -> None:
    assert bank.run(FIRST, 1, preview=True).outcome == "previewed"
    assert bank.run(THIRD, 3, preview=True).outcome == "previewed"
    assert bank.rows() == ([1], [])
    # neither of its day nor with its configuration was anything done
    assert bank.run(FIRST, 1).outcome == "unchanged"
    assert bank.run(SECOND, 3).outcome == "done"
    assert bank.rows() == ([1, 3], [3])
    assert bank.run(FIRST, 2, preview=True).outcome == "failed"


def test_the_state_of_a_day_comes_back(bank: Made) -> None:
    bank.run(SECOND, 2)
    bank.run(THIRD, 3)
    # a run that was not published is in the way
    bank.run(THIRD, 9, preview=True)
    outcome = bank.back(SECOND)
    assert outcome.summary["back to the state of"] == str(SECOND)
    assert bank.rows() == ([1, 2], [2])
    with pytest.raises(DataBankError, match=f"make is at its state of {SECOND} already"):
        bank.back(THIRD)
    # what was done on that day is done, what came after it is not
    assert bank.run(FIRST, 1).outcome == "failed"
    assert bank.run(SECOND, 2).outcome == "unchanged"
    assert bank.run(THIRD, 3).outcome == "done"
    assert bank.rows() == ([1, 2, 3], [3])
    # days that were rolled back are no state to go back to; a table of later days is empty
    bank.back(FIRST)
    assert bank.rows() == ([1], [])
    with pytest.raises(DataBankError, match="already"):
        bank.back(SECOND)
    assert bank.run(FIRST, 4).outcome == "done"
    assert bank.rows() == ([1, 4], [4])


def test_a_rollback_that_was_killed_before_its_record_is_done_again(
    bank: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.run(SECOND, 2)
    with monkeypatch.context() as broken:
        broken.setattr(bank.ledger, "append", None)
        with pytest.raises(TypeError):
            bank.back(FIRST)
    assert bank.rows() == ([1], [])
    bank.back(FIRST)
    assert bank.run(FIRST, 2).outcome == "done"


def _vacuumed(bank: Made) -> None:
    assert isinstance(bank.store, PlainStore)
    bank.store.unreadable.add((MADE.name, 0))


@pytest.mark.parametrize(
    ("spoil", "to", "error", "message"),
    [
        (None, date(2026, 1, 28), DataBankError, f"its first run was for {FIRST}"),
        (None, SECOND, DataBankError, "already"),
        (_vacuumed, FIRST, DataBankError, r"core\.made: version 0, that of 2026-01-29, cannot"),
        (Made.hold, FIRST, LeaseHeldError, "another run holds"),
    ],
)
def test_a_rollback_that_cannot_be_changes_nothing(
    bank: Made,
    spoil: Callable[[Made], None] | None,
    to: date,
    error: type[DataBankError],
    message: str,
) -> None:
    bank.run(SECOND, 2)
    if spoil is not None:
        spoil(bank)
    with pytest.raises(error, match=message):
        bank.back(to)
    assert bank.reader().published == {"core.made": 1, "core.later": 0}
