"""`databank erase`: an identifier, or all that is its person's, leaves the bank on the next run."""

from datetime import date, timedelta

from databank.cli.show import Section
from databank.clock import refuse_future
from databank.errors import DataBankError
from databank.hashing import fingerprint
from databank.identity.explain import OwnershipPeriod, identifiers_of, owners_of
from databank.identity.identifier_query import IdentifierQuery, find_identifiers
from databank.project.load import load_project
from databank.runs import Progress, Runner
from databank.session import get_spark
from databank.sources.erasure import REQUEST_JOB, Erasure, Requests
from databank.tables import DeltaStore
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
) -> list[Section]:
    """Take down what is to be erased, in records up to and with a day.

    Raises:
        DataBankError: If the identifier is not known, or nobody's and its person was asked for, or
            the day has not begun.
    """
    project = load_project(conf_dir)
    refuse_future(day, timezone=project.settings.timezone)
    lookup = PublishedReader(root)
    [asked] = find_identifiers(lookup, [IdentifierQuery(id_type, value, scope)])
    holders = owners_of(lookup, [asked.id_key])[asked.id_key]
    if person:
        erasures = _of_person(lookup, str(asked), holders, day)
    else:
        erasures = [Erasure(asked.id_key, None, day)]
    spark = get_spark("databank", **project.settings.spark)
    runner = Runner(DeltaStore(spark, root), project.settings, progress=Progress(quiet=True))
    hashed = fingerprint(erasures)
    outcome = runner.run(REQUEST_JOB, Requests(tuple(erasures)), day=day, config_hash=hashed)
    if outcome.error is not None:
        raise outcome.error
    return [Section(_told({one.id_key for one in erasures}, person=person), [])]


def _of_person(
    lookup: PublishedReader, asked: str, holders: list[OwnershipPeriod], day: date
) -> list[Erasure]:
    """All that the person holds, in the days in which it is the person's."""
    whose = [one for one in holders if one.covers(None)]
    if not whose:
        raise DataBankError(
            f"{asked}: nobody's today, so that there is no person to erase; leave out --person"
        )
    [holder] = whose
    return [
        Erasure(h.id_key, h.valid_from, _last_day(h, day), whole=True)
        for h in identifiers_of(lookup, holder.person_id)
    ]


def _last_day(held: OwnershipPeriod, day: date) -> date:
    return day if held.valid_to is None else min(day, held.valid_to - timedelta(days=1))


def _told(keys: set[int], *, person: bool) -> str:
    what = f"a person with {len(keys)} identifiers" if person else "an identifier"
    return (
        f"{what} will be erased by the next `databank run all`; what Delta keeps of old versions "
        "goes by VACUUM, and the files that were loaded are yours to remove"
    )
