"""Find identifiers of the bank by the way people write them, without Spark."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from databank.errors import DataBankError
from databank.sources.forms import FORM_OF_TYPE, FORMS, IdentifierForm
from databank.tables.published_reader import PublishedReader

_COLUMNS = ("id_key", "id_type", "scope", "id_value")
_REGION = "CN"  # only spells an international prefix; a national number is searched by its end
_INTERNATIONAL = ("+", "00")
_FEWEST_DIGITS = 8  # fewer are no phone number


class Identifier(NamedTuple):
    """An identifier of the bank."""

    id_key: int
    id_type: str
    scope: str
    id_value: str

    def __str__(self) -> str:
        place = f" ({self.scope})" if self.scope else ""
        return f"{self.id_type} {self.id_value}{place}"


class IdentifierQuery(NamedTuple):
    """An identifier as people write it; the scope chooses among identifiers with one spelling."""

    id_type: str
    value: str
    scope: str | None = None

    @property
    def form(self) -> IdentifierForm:
        """The form by which ingest normalises identifiers of the type."""
        return FORMS[FORM_OF_TYPE.get(self.id_type, "text")]

    def spellings(self) -> list[str]:
        """List the spellings to look for: as given, without blanks around, and canonical."""
        text = self.value.strip()
        spellings = {self.value, text}
        if not self.form.by_region:
            spellings.add(self.form.canonical(text, "") or text)
        elif text.startswith(_INTERNATIONAL):
            spellings.add(self.form.canonical(text, _REGION) or text)
        return sorted(spellings)

    def national_digits(self) -> str:
        """Return the digits of a phone number without its country; '' for any other text."""
        text = self.value.strip()
        if not self.form.by_region or text.startswith(_INTERNATIONAL):
            return ""
        digits = "".join(letter for letter in text if letter.isdigit()).lstrip("0")
        return digits if len(digits) >= _FEWEST_DIGITS else ""

    def matches(self, identifier: Identifier) -> bool:
        """Tell whether people may mean this identifier by the query."""
        end = self.national_digits()
        same = identifier.id_value in self.spellings()
        same = same or bool(end and identifier.id_value.endswith(end))
        return same and identifier.id_type == self.id_type


def find_identifiers(
    reader: PublishedReader, queries: Sequence[IdentifierQuery]
) -> list[Identifier]:
    """Find the identifier of each query, in one scan; a national phone number by its last digits.

    Args:
        reader: The bank.
        queries: At least one.

    Raises:
        DataBankError: If a query matches none (with the reason where ingest refused it) or several.
    """
    conditions, values = zip(*(_condition(query) for query in queries), strict=True)
    where, given = " OR ".join(conditions), [value for part in values for value in part]
    rows = reader.find("identity.identifier", _COLUMNS, where, given)
    identifiers = [Identifier(*row) for row in rows]
    return [_pick(reader, identifiers, query) for query in queries]


def identifiers_by_key(reader: PublishedReader, keys: Collection[int]) -> dict[int, Identifier]:
    """Read the identifiers with some keys, by key."""
    rows = reader.by_keys("identity.identifier", _COLUMNS, "id_key", sorted(keys))
    return {row[0]: Identifier(*row) for row in rows}


def _condition(query: IdentifierQuery) -> tuple[str, list[str]]:
    """Write the query as DuckDB's SQL, with the values of its question marks."""
    spellings = query.spellings()
    same = f"id_value IN ({', '.join('?' * len(spellings))})"
    ends = [end] if (end := query.national_digits()) else []
    if ends:
        same = f"({same} OR ends_with(id_value, ?))"
    return f"(id_type = ? AND {same})", [query.id_type, *spellings, *ends]


def _pick(
    reader: PublishedReader, identifiers: Sequence[Identifier], query: IdentifierQuery
) -> Identifier:
    """Choose the identifier that a query means; an exact spelling goes first."""
    id_type = query.id_type
    matching = [identifier for identifier in identifiers if query.matches(identifier)]
    if len(matching) > 1 and query.scope is not None:
        matching = [identifier for identifier in matching if identifier.scope == query.scope]
    exact = [identifier for identifier in matching if identifier.id_value == query.value]
    if len(exact or matching) > 1:
        scopes = sorted({identifier.scope for identifier in matching})
        remedy = f"give --scope, one of {scopes}" if len(scopes) > 1 else "write it out in full"
        raise DataBankError(
            f"{id_type}: {len(matching)} identifiers are written like that; {remedy}"
        )
    if matching:
        return (exact or matching)[0]
    where, text = "id_type = ? AND id_value = ?", query.value.strip()
    refused = reader.find("identity.refused", ["why"], where, [id_type, text])
    if refused:
        raise DataBankError(f"{id_type}: ingest refused this value: {refused[0][0]}")
    count = reader.find("identity.identifier", ["count(*)"], "id_type = ?", [id_type])
    if not count or not count[0][0]:
        raise DataBankError(
            f"{id_type}: the bank has no identifier of this type; look how identity.yml calls it, "
            "and whether ingest has run (`databank runs`)"
        )
    raise DataBankError(f"{id_type}: the bank has not met this value; look how it is spelled")
