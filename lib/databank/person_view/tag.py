"""The value of a tag of one person, and the rows that it was made of."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from databank.archive.config import ArchiveConfig
from databank.errors import DataBankError, did_you_mean
from databank.identity.identifier_query import IdentifierQuery
from databank.person_view.person import find_person, memberships_of
from databank.tables.published_reader import PublishedReader
from databank.tags.base import TagBase
from databank.tags.explain import Reason, TagEvidence, value_of


@dataclass(frozen=True)
class TagView:
    """A tag of one person or entity.

    Attributes:
        tag: The tag.
        person_id: The person that was asked for.
        subject_id: The person, or the entity of the tag's kind; None = the person is in none.
        value: None = it has no value, or was not built since its definition changed.
        as_of: The day as of which tags were built.
        reasons: Rows that the value was made of.
    """

    tag: TagBase
    person_id: int
    subject_id: int | None
    value: Any = None
    as_of: date | None = None
    reasons: list[Reason] = field(default_factory=list)


def view_tag(
    root: str,
    tags: Collection[TagBase],
    archive: ArchiveConfig,
    timezone: str,
    query: IdentifierQuery,
    name: str,
) -> TagView:
    """Read the value of a tag for the owner of an identifier, and what it was made of.

    Args:
        root: The warehouse.
        tags: The library of tags.
        archive: What dimensions of events are.
        timezone: Business time zone.
        query: An identifier as people write it; its type may be person_id.
        name: The tag.

    Raises:
        DataBankError: If the identifier is unmatched, or there is no such tag, or none was built.
    """
    library = {tag.name: tag for tag in tags}
    if name not in library:
        raise DataBankError(f"--why-tag: unknown tag {name!r}; {did_you_mean(name, library)}")
    tag, reader = library[name], PublishedReader(root)
    person_id = find_person(reader, query)
    entities = {each.entity: each.entity_id for each in memberships_of(reader, person_id)}
    subject_id = person_id if tag.subject.is_person else entities.get(tag.entity)
    if subject_id is None:
        return TagView(tag, person_id, None)
    tag_value, as_of = value_of(reader, tag, subject_id)
    if as_of is None:
        raise DataBankError("no tags are built yet; run build_tags first")
    evidence = TagEvidence(reader, library, archive, timezone, tag.entity, subject_id, as_of)
    return TagView(tag, person_id, subject_id, tag_value, as_of, evidence.reasons(tag))
