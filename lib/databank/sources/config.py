"""What the ingest job is given."""

from databank.config import StrictModel
from databank.sources.formats.base import SourceFormat


class SourcesConfig(StrictModel):
    """Sources of a bank, and what identity.yml says about their identifiers.

    Attributes:
        sources: In any order.
        identifier_order: Types of identifiers, strongest first (conf/identity.yml).
        entity_types: Types that are an entity's (a household's, an account's) and no person's.
    """

    sources: tuple[SourceFormat, ...]
    identifier_order: tuple[str, ...]
    entity_types: tuple[str, ...] = ()

    def rank(self, id_type: str) -> tuple[int, str]:
        """Give a sort key by strength; types that the order leaves out come last."""
        order = self.identifier_order
        return (order.index(id_type) if id_type in order else len(order), id_type)
