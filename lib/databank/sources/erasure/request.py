"""Requests to erase: written down at once, completed by the next ingest.

What is kept of an erased identifier is the key, a hash: without it, old records that arrive once
more would bring the identifier back.
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from databank.runs import Context, Job, StepResult
from databank.sources.erasure.tables import ERASED_IDENTIFIER, ERASURE_REQUEST
from databank.tables import Store, TableSpec


class Erasure(NamedTuple):
    """An identifier that leaves the records of a period of days.

    Attributes:
        id_key: The identifier.
        valid_from: First day of the period; None = from the beginning.
        until: Last day.
        entire_person: Whether all of its person is meant: a record whose strongest identifier this
            is then loses the other identifiers that it names, too.
    """

    id_key: int
    valid_from: date | None
    until: date
    entire_person: bool = False


class ErasureRequest(NamedTuple):
    """What the job request_erasure is given."""

    erasures: tuple[Erasure, ...]


def request_erasure(context: Context, config: ErasureRequest) -> StepResult:
    """Write down what is to be erased."""
    rows = [(*erasure, context.day, context.run_id) for erasure in config.erasures]
    context.store.append(ERASURE_REQUEST, context.store.small(ERASURE_REQUEST, rows))
    return StepResult({"identifiers": len({erasure.id_key for erasure in config.erasures})})


REQUEST_JOB = Job(
    name="request_erasure",
    step=request_erasure,
    tables=(ERASURE_REQUEST,),
    latest_only=False,
    always=True,
)


def pending(store: Store) -> list[Erasure]:
    """List the erasures that were requested and not completed.

    Requests are made by hand, so all of them come to the driver.
    """
    return sorted(_listed(store, ERASURE_REQUEST) - _listed(store, ERASED_IDENTIFIER), key=repr)


def completed(store: Store) -> list[Erasure]:
    """List the erasures that were completed; their identifiers are not loaded again."""
    return sorted(_listed(store, ERASED_IDENTIFIER), key=repr)


def note_completed(context: Context, erasures: Iterable[Erasure]) -> None:
    """Write to identity.erased_identifier what this run completed."""
    rows = [(*erasure, context.run_id) for erasure in erasures]
    context.store.append(ERASED_IDENTIFIER, context.store.small(ERASED_IDENTIFIER, rows))


def _listed(store: Store, table: TableSpec) -> set[Erasure]:
    return {Erasure(*row) for row in store.read(table).select(*Erasure._fields).collect()}
