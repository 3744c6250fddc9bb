"""Lists of identifiers beside the tags: are they there, and how are they to be read?"""

from collections.abc import Collection, Mapping

from databank.config import ConfigReader
from databank.errors import did_you_mean, wrong_and_remedy
from databank.identity.config import IdentityConfig
from databank.sources.config import IdentifierConfig, SourceConfig
from databank.sources.forms import FORM_OF_TYPE, FORMS
from databank.tags.config import TagConfig, TagsFile
from databank.tags.list_file import ListFile, inspect_list


def find_lists(
    reader: ConfigReader,
    files: Mapping[str, TagsFile],
    sources: Collection[SourceConfig],
    identity: IdentityConfig | None,
) -> dict[str, ListFile]:
    """The list of each tag that has one; notes what is wrong with it.

    Args:
        reader: Where faults are noted.
        files: Tags by file.
        sources: Identifiers of a list are read as those of the same type are here.
        identity: For the types; None where it could not be read.
    """
    found: dict[str, ListFile] = {}
    for file, each in files.items():
        for number, tag in enumerate(each.tags):
            if tag.identifier is None or tag.table is None:
                continue
            key = "table"
            try:
                columns, digest = inspect_list((reader.folder / file).parent / tag.table)
                _refuse_columns(tag, columns)
                key = "identifier"
                if identity is not None:
                    _refuse_type(tag.identifier, identity)
                form, region, scope = _way(tag, tag.identifier, sources)
            except ValueError as error:
                reader.fault(file, f"tags[{number}].{key}", *wrong_and_remedy(error))
                continue
            path = (reader.folder / file).resolve().parent / tag.table
            found[tag.name] = ListFile(path, columns, digest, tag.identifier, form, region, scope)
    return found


def _refuse_columns(tag: TagConfig, columns: int) -> None:
    if columns == 1 and tag.type != "boolean":
        raise ValueError(
            f"{tag.table}: has one column; write `gives: boolean` for a yes/no tag, or what is "
            "said into a second column"
        )


def _refuse_type(id_type: str, identity: IdentityConfig) -> None:
    if id_type in identity.entity_types:
        raise ValueError(
            f"{id_type} is what several persons share; name a type of `identifiers` in identity.yml"
        )
    if id_type not in identity.identifiers:
        raise ValueError(
            f"unknown identifier type {id_type!r}; {did_you_mean(id_type, identity.identifiers)}"
        )


def _way(tag: TagConfig, id_type: str, sources: Collection[SourceConfig]) -> tuple[str, str, str]:
    """Form, region and scope of a list: those of the sources, where these agree."""
    theirs = {s.source: s.identifiers[id_type] for s in sources if id_type in s.identifiers}
    forms = {s.form(id_type) for s in sources if s.source in theirs} or {
        FORM_OF_TYPE.get(id_type, "text")
    }
    if len(forms) > 1:
        raise ValueError(
            f"sources read {id_type} as {_listed(forms)}; give it one `form` in all of them"
        )
    [form] = forms
    scope = _scope(tag, id_type, theirs)
    if not FORMS[form].by_region:
        if tag.region is not None:
            raise ValueError(f"{id_type} has no country; remove `region`")
        return form, "", scope
    regions = {tag.region} if tag.region else {one.region for one in theirs.values()}
    if len(regions) != 1:
        told = f"sources read {id_type} as of {_listed(regions)}" if regions else "no source has it"
        raise ValueError(f"{told}; write the country of the list, `region: CN`")
    return form, next(iter(regions)), scope


def _scope(tag: TagConfig, id_type: str, theirs: Mapping[str, IdentifierConfig]) -> str:
    by_column = {one.scope for one in theirs.values() if one.scope}
    constants = {one.scope_value or "" for one in theirs.values() if not one.scope}
    if tag.scope is not None:
        if not by_column and constants <= {""}:
            raise ValueError(f"{id_type} has no scopes in any source; remove `scope`")
        return tag.scope
    if by_column or len(constants) > 1:
        where = f"field {_listed(by_column)}" if by_column else _listed(constants)
        raise ValueError(
            f"{id_type} is unique within a scope ({where} of the sources) only; "
            "write that of the list, `scope: ...`"
        )
    return next(iter(constants), "")


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(name for name in names if name))
