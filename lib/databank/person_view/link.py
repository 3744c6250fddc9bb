"""Why two identifiers are one person, or why not."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from databank.errors import DataBankError
from databank.identity.evidence_path import Link, weakest_link
from databank.identity.explain import Explanation, explain_pair
from databank.identity.identifier_query import Identifier, IdentifierQuery, find_identifiers
from databank.person_view.settings import read_settings
from databank.tables.published_reader import PublishedReader


@dataclass(frozen=True)
class LinkView:
    """What ties two identifiers, or kept them apart.

    Attributes:
        ends: The two identifiers.
        explanation: Path of evidence, owners of both, rejections near them.
        zone: Business time zone, for times that are shown.
    """

    ends: tuple[Identifier, Identifier]
    explanation: Explanation
    zone: ZoneInfo

    @property
    def weakest(self) -> Link | None:
        """The link of the path that would break first; None where there is one link or none."""
        path = self.explanation.path or []
        return weakest_link(path) if len(path) > 1 else None

    def name(self, key: int | None) -> str | None:
        """Name an identifier of the explanation, by number where the bank has no name for it."""
        return None if key is None else str(self.explanation.names.get(key, key))


def view_link(
    root: str, conf_dir: str, query: IdentifierQuery, target: str, day: date | None
) -> LinkView:
    """Find the path of evidence between two identifiers, `target` being TYPE:VALUE.

    Raises:
        DataBankError: If one of them is not known, or the target is not written so.
    """
    target_type, colon, target_value = target.partition(":")
    if not colon or not target_type or not target_value:
        raise DataBankError("--why: write TYPE:VALUE, e.g. user_id:u42")
    reader = PublishedReader(root)
    target_query = IdentifierQuery(target_type, target_value, query.scope)
    start, end = find_identifiers(reader, [query, target_query])
    settings = read_settings(conf_dir)
    zone = settings.zone
    explanation = explain_pair(reader, start, end, settings.identity, day=day, zone=zone.key)
    return LinkView((start, end), explanation, zone)
