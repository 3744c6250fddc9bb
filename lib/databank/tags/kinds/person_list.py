"""Lists: files beside the configuration that name persons by an identifier."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from databank.archive.config import TagType
from databank.config import Name
from databank.config.kinds import Computed
from databank.errors import did_you_mean
from databank.identity.config import IdentityConfig
from databank.sources.formats.base import SourceFormat
from databank.sources.forms import FORM_OF_TYPE, FORMS
from databank.sources.mapping import IdentifierConfig, Region
from databank.tags.base import InputRequest, Surroundings, TagBase, TagFaultError
from databank.tags.columns import F, input_column, never_null
from databank.tags.kinds.lookup import CsvFile, GivenType
from databank.tags.list_file import ListFile, inspect_list
from databank.tags.tables import LISTED

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from databank.tags.explain import Reason, TagEvidence


class PersonListTag(TagBase):
    """What a file says of the persons whose identifiers it lists."""

    example: ClassVar[str] = "identifier: phone, table: vip.csv"
    if_empty: ClassVar[str] = "none of whom its list names is known, or has it"
    persons_only: ClassVar[bool] = True

    kind: Literal["person_list"]
    identifier: Name = Field(description="Type of identity.yml by which the file names persons")
    table: CsvFile = Field(
        description="File beside this one with a column of identifiers, and one of values; "
        "without the second its persons have `yes` (gives: boolean)"
    )
    gives: GivenType = "text"
    region: Region | None = Field(
        default=None,
        description="Country of phones without a prefix; default: that of the sources",
    )
    scope: str | None = Field(
        default=None,
        min_length=1,
        description="Where the identifiers are unique; default: that of the sources",
    )
    file: Annotated[ListFile | None, Computed()] = None

    @property
    def noun(self) -> str:
        """A list."""
        return "list of its own"

    @property
    def type(self) -> TagType:
        """As `gives` says."""
        return self.gives

    @property
    def full_description(self) -> str:
        """Add the list to the description."""
        listed = f"{self.table}, by {self.identifier}"
        return f"{self.description} ({listed})" if self.description else listed

    def completed(self, folder: Path, around: Surroundings) -> Self:
        """Look into the file, and find out how its identifiers are to be read."""
        key = "table"
        try:
            columns, digest = inspect_list(folder / self.table)
            if columns == 1 and self.gives != "boolean":
                raise ValueError(
                    f"{self.table}: has one column; write `gives: boolean` for a yes/no tag, or "
                    "the values into a second column"
                )
            key = "identifier"
            if around.identity is not None:
                _refuse_type(self.identifier, around.identity)
            form, region, scope = _reading(self, around.sources)
        except ValueError as error:
            raise TagFaultError(key, error) from None
        path = folder.resolve() / self.table
        file = ListFile(path, columns, digest, self.identifier, form, region, scope)
        return self.model_copy(update={"file": file})

    @classmethod
    def read_inputs(
        cls, tags: Sequence[PersonListTag], request: InputRequest
    ) -> Sequence[DataFrame]:
        """Read the lists, and write which line gave each value."""
        if not request.subject.is_person:
            return ()
        from databank.tags.list_tags import (
            listed_persons,
            listed_values,
            remove_provenance,
            write_provenance,
        )

        every = [tag.name for tag in request.library if isinstance(tag, PersonListTag)]
        if not tags:
            remove_provenance(request.context, every)
            return ()
        files = {tag.name: tag.file for tag in tags if tag.file is not None}
        types = {tag.name: tag.type for tag in tags}
        persons, notes = listed_persons(request.context, files, types)
        write_provenance(request.context, persons, files, every)
        request.notes.update(notes)
        return [listed_values(persons, types)]

    def column(self, aggregates: Sequence[Any] = ()) -> Column:
        """Take the value."""
        return never_null(F.col(input_column(self.name)), self.type)

    @property
    def definition(self) -> str:
        """Name the list and the type of its identifiers."""
        return f"what {self.table} says of who has the {self.identifier}"

    def reads(self, as_of: date) -> Iterator[tuple[str, str]]:
        """Name the list, and where its persons are found."""
        yield self.table, f"list by {self.identifier}"
        yield "identity.person", f"who has the {self.identifier}"

    def explain(self, evidence: TagEvidence) -> Iterator[Reason]:
        """Show the line of the list, and by what it names the person."""
        where, given = "person_id = ? AND tag = ?", [evidence.subject, self.name]
        rows = evidence.lookup.find(LISTED.name, ("file", "line", "id_type"), where, given)
        yield evidence.reason(f"{self.name}: {self.definition}", ("list", "line", "by"), rows)


def _refuse_type(id_type: str, identity: IdentityConfig) -> None:
    if id_type in identity.entity_types:
        raise ValueError(
            f"{id_type} is what several persons share; name a type of `identifiers` in identity.yml"
        )
    if id_type not in identity.identifiers:
        raise ValueError(
            f"unknown identifier type {id_type!r}; {did_you_mean(id_type, identity.identifiers)}"
        )


def _reading(tag: PersonListTag, sources: Collection[SourceFormat]) -> tuple[str, str, str]:
    """Find form, region and scope of a list: those of the sources, where these agree."""
    id_type = tag.identifier
    having = {s.source: s.identifiers[id_type] for s in sources if id_type in s.identifiers}
    forms = {s.form(id_type) for s in sources if s.source in having} or {
        FORM_OF_TYPE.get(id_type, "text")
    }
    if len(forms) > 1:
        raise ValueError(
            f"sources read {id_type} as {_joined(forms)}; give it one `form` in all of them"
        )
    [form] = forms
    scope = _scope(tag, having)
    if not FORMS[form].by_region:
        if tag.region is not None:
            raise ValueError(f"{id_type} has no country; remove `region`")
        return form, "", scope
    # a country that differs from record to record is none for a whole list
    of_sources = {each.region for each in having.values() if isinstance(each.region, str)}
    regions = {tag.region} if tag.region else of_sources
    if len(regions) != 1:
        fact = f"sources read {id_type} as of {_joined(regions)}" if regions else "no source has it"
        raise ValueError(f"{fact}; write the country of the list, `region: CN`")
    return form, next(iter(regions)), scope


def _scope(tag: PersonListTag, having: Mapping[str, IdentifierConfig]) -> str:
    by_column = {each.scope for each in having.values() if each.scope}
    constants = {each.scope_value or "" for each in having.values() if not each.scope}
    if tag.scope is not None:
        if not by_column and constants <= {""}:
            raise ValueError(f"{tag.identifier} has no scopes in any source; remove `scope`")
        return tag.scope
    if by_column or len(constants) > 1:
        where = f"field {_joined(by_column)}" if by_column else _joined(constants)
        raise ValueError(
            f"{tag.identifier} is unique within a scope ({where} of the sources) only; "
            "write that of the list, `scope: ...`"
        )
    return next(iter(constants), "")


def _joined(names: Collection[str]) -> str:
    return ", ".join(sorted(name for name in names if name))
