"""Requests to erase: written down at once, completed by the next ingest.

What is kept of an erased identifier is a keyed hash: without it, old records that arrive once more
would bring the identifier back.
"""

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

from pyspark.sql import DataFrame, functions as F

from databank.runs import Context, Job, StepResult
from databank.session import small_frame
from databank.sources.erasure.secret import newest_secret, require_secrets, with_digests
from databank.sources.erasure.tables import ERASED_IDENTIFIER, ERASURE_REQUEST
from databank.tables import TableSpec

_WHAT = ("digest", "valid_from", "until", "entire_person")
_SHAPE = "digest string, valid_from date, until date, entire_person boolean"


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


class Hashed(NamedTuple):
    """An erasure as it is kept: the identifier is a keyed hash."""

    digest: str
    valid_from: date | None
    until: date
    entire_person: bool


def request_erasure(context: Context, config: ErasureRequest) -> StepResult:
    """Write down what is to be erased."""
    secret = newest_secret(context.store.files, context.settings)
    rows = [
        (secret.digest(each.id_key), *each[1:], context.day, context.run_id)
        for each in config.erasures
    ]
    _add(context, ERASURE_REQUEST, context.store.small(ERASURE_REQUEST, rows))
    return StepResult({"identifiers": len({erasure.id_key for erasure in config.erasures})})


REQUEST_JOB = Job(
    name="request_erasure",
    step=request_erasure,
    tables=(ERASURE_REQUEST,),
    latest_only=False,
    outside=lambda *_: True,  # each request is new
)


def requested(context: Context) -> set[Hashed]:
    """List the erasures that were requested, the completed ones among them.

    Requests are made by hand, so all of them come to the driver.
    """
    if not context.store.is_published(ERASURE_REQUEST):
        # read all the same: the first request is something new to the next run
        context.store.versions_read[ERASURE_REQUEST.name] = -1
        return set()
    return _listed(context, ERASURE_REQUEST)


def completed(context: Context) -> list[Hashed]:
    """List the erasures that were completed; their identifiers are not loaded again."""
    return sorted(_listed(context, ERASED_IDENTIFIER), key=repr)


def note_completed(context: Context, erasures: Collection[Hashed]) -> None:
    """Write to identity.erased_identifier what this run completed."""
    rows = [(*erasure, context.run_id) for erasure in erasures]
    _add(context, ERASED_IDENTIFIER, context.store.small(ERASED_IDENTIFIER, rows))


def find_erased(context: Context, keys: DataFrame, erasures: Collection[Hashed]) -> list[Erasure]:
    """Find which of some identifiers erasures mean; a row per match comes to the driver.

    Args:
        context: The run.
        keys: id_key; repeated ones are looked at once.
        erasures: As they are kept.

    Raises:
        DataBankError: If a secret is missing.
    """
    rows = small_frame(context.spark, erasures, _SHAPE)
    secrets = {each.digest.partition(":")[0] for each in erasures}
    matches = _matching(context, keys, rows, secrets).collect()
    return sorted((Erasure(*row) for row in matches), key=repr)


def erased_keys(context: Context, keys: DataFrame, rows: DataFrame) -> DataFrame:
    """Give erasures the identifiers that they mean, among some.

    Args:
        context: The run.
        keys: id_key.
        rows: Of identity.erased_identifier.

    Returns:
        id_key, valid_from, until, entire_person; none of identifiers that are not among `keys`.

    Raises:
        DataBankError: If a secret is missing.
    """
    # one or two
    names = rows.select(F.substring_index("digest", ":", 1).alias("name")).distinct().collect()
    return _matching(context, keys, rows, {row["name"] for row in names})


def _matching(context: Context, keys: DataFrame, rows: DataFrame, secrets: set[str]) -> DataFrame:
    """Join identifiers with erasures by what the secrets of these names make of them."""
    used = require_secrets(context.store.files, context.settings, secrets)
    hashed = with_digests(keys.distinct(), used)
    return hashed.join(F.broadcast(rows), "digest").select("id_key", *_WHAT[1:])


def hashed_rows(context: Context, rows: DataFrame) -> DataFrame:
    """Hash the keys of rows that an older databank wrote; other rows are given as they are."""
    if "id_key" not in rows.columns:
        return rows
    secret = newest_secret(context.store.files, context.settings)
    return (
        with_digests(rows.select("id_key").distinct(), [secret]).join(rows, "id_key").drop("id_key")
    )


def _add(context: Context, spec: TableSpec, rows: DataFrame) -> None:
    store = context.store
    known = store.read(spec)
    if "id_key" in known.columns:
        store.replace(spec, hashed_rows(context, known).unionByName(rows))
    else:
        store.append(spec, rows)


def _listed(context: Context, table: TableSpec) -> set[Hashed]:
    rows = hashed_rows(context, context.store.read(table))
    return {Hashed(*row) for row in rows.select(*_WHAT).collect()}
