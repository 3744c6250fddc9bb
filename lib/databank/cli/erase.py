"""`databank erase`: an identifier, or all of its person, leaves the bank on the next run."""

from datetime import date, timedelta

from databank.cli.show import TextSection
from databank.clock import refuse_future
from databank.errors import DataBankError
from databank.hashing import fingerprint
from databank.identity.explain import OwnershipPeriod, identifiers_of, owners_of
from databank.identity.identifier_query import IdentifierQuery, find_identifiers
from databank.project.load import load_project
from databank.runs import open_runner
from databank.sources.erasure.request import REQUEST_JOB, Erasure, ErasureRequest
from databank.tables.published_reader import PublishedReader


def request(
    root: str,
    conf_dir: str,
    id_type: str,
    value: str,
    *,
    scope: str | None,
    day: date,
    person: bool,
) -> list[TextSection]:
    """Write down what is to be erased, in records up to and with a day.

    Raises:
        DataBankError: If the identifier is not known, or has no person that could be erased, or the
            day has not begun.
    """
    project = load_project(conf_dir)
    refuse_future(day, timezone=project.settings.timezone)
    lookup = PublishedReader(root)
    [identifier] = find_identifiers(lookup, [IdentifierQuery(id_type, value, scope)])
    holders = owners_of(lookup, [identifier.id_key])[identifier.id_key]
    if person:
        erasures = _of_person(lookup, str(identifier), holders, day)
    else:
        erasures = [Erasure(identifier.id_key, None, day)]
    runner = open_runner(project.settings, root)
    # ops.run keeps the hash: it is not of identifiers
    outcome = runner.run(
        REQUEST_JOB, ErasureRequest(tuple(erasures)), day=day, config_hash=fingerprint(str(day))
    )
    if outcome.error is not None:
        raise outcome.error
    keys = {erasure.id_key for erasure in erasures}
    return [TextSection(_title(len(keys), person=person), [], "erasure")]


def _of_person(
    lookup: PublishedReader, identifier: str, holders: list[OwnershipPeriod], day: date
) -> list[Erasure]:
    """Erase all that the person holds, in the days in which the person holds it."""
    today = [holding for holding in holders if holding.covers(None)]
    if not today:
        raise DataBankError(
            f"{identifier}: belongs to no person today, so there is none to erase; leave out "
            "--person"
        )
    [holder] = today
    return [
        Erasure(held.id_key, held.valid_from, _last_day(held, day), entire_person=True)
        for held in identifiers_of(lookup, holder.person_id)
    ]


def _last_day(held: OwnershipPeriod, day: date) -> date:
    return day if held.valid_to is None else min(day, held.valid_to - timedelta(days=1))


def _title(identifiers: int, *, person: bool) -> str:
    what = f"a person with {identifiers} identifiers" if person else "an identifier"
    return (
        f"{what} will be erased by the next `databank run all`; what Delta keeps of old versions "
        "goes by VACUUM, and the files that were loaded are yours to remove"
    )
