"""conf/tags/*.yml: the library of tags, and the one registry of their kinds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from databank.archive.config import ArchiveConfig, TagType
from databank.config import ConfigReader, StrictModel
from databank.config.kinds import Kinds
from databank.errors import wrong_and_remedy
from databank.tags.base import Surroundings, TagBase, TagFaultError
from databank.tags.kinds.attribute import AttributeTag
from databank.tags.kinds.lookup import LookupTag
from databank.tags.kinds.measure import MeasureTag
from databank.tags.kinds.model import ModelTag
from databank.tags.kinds.national_id import NationalIdTag
from databank.tags.kinds.percentile import PercentileTag
from databank.tags.kinds.person_list import PersonListTag
from databank.tags.kinds.preference import PreferenceTag
from databank.tags.kinds.probability import ProbabilityTag
from databank.tags.kinds.rule import RuleTag
from databank.tags.kinds.sql import SqlTag
from databank.tags.kinds.top import TopTag

TAG_KINDS = Kinds[TagBase]("tag", TagBase)  # type: ignore[type-abstract]
TAG_KINDS.register(AttributeTag)
TAG_KINDS.register(LookupTag)
TAG_KINDS.register(MeasureTag)
TAG_KINDS.register(ModelTag)
TAG_KINDS.register(NationalIdTag)
TAG_KINDS.register(PercentileTag)
TAG_KINDS.register(PersonListTag)
TAG_KINDS.register(PreferenceTag)
TAG_KINDS.register(ProbabilityTag)
TAG_KINDS.register(RuleTag)
TAG_KINDS.register(SqlTag)
TAG_KINDS.register(TopTag)


def read_tag(value: Any) -> TagBase:
    """Read one tag, by its kind.

    Raises:
        ValueError: With all that is wrong with it.
    """
    return TAG_KINDS.read(value)


class TagsFile(StrictModel):
    """One file of conf/tags."""

    tags: list[Annotated[TagBase, PlainValidator(read_tag)]] = Field(min_length=1)

    def each(self) -> list[tuple[int, TagBase]]:
        """List every tag with its place in the file; one entry may stand for several."""
        return [(at, tag) for at, entry in enumerate(self.tags) for tag in entry.expanded()]


@dataclass(frozen=True)
class TagsConfig:
    """What the job needs: the tags of all files, and the archive's dimensions."""

    tags: tuple[TagBase, ...]
    archive: ArchiveConfig = field(default_factory=ArchiveConfig)

    @property
    def types(self) -> dict[str, TagType]:
        """Type of each tag by name."""
        return {tag.name: tag.type for tag in self.tags}


def complete_tags(
    reader: ConfigReader, files: Mapping[str, TagsFile], around: Surroundings
) -> dict[str, TagsFile]:
    """Fill in what tags take from elsewhere: tables, lists, words; note what is wrong with it.

    Args:
        reader: Where faults are noted.
        files: Tags by file.
        around: The rest of the configuration; types of tags are not needed.
    """
    completed: dict[str, TagsFile] = {}
    for file, content in files.items():
        tags = list(content.tags)
        for number, tag in enumerate(tags):
            try:
                tags[number] = tag.completed((reader.folder / file).parent, around)
            except TagFaultError as fault:
                reader.fault(file, f"tags[{number}].{fault.key}", *wrong_and_remedy(fault))
        completed[file] = content.model_copy(update={"tags": tags})
    return completed


def check_tags(reader: ConfigReader, files: Mapping[str, TagsFile], around: Surroundings) -> None:
    """Note what is wrong with tags beside other tags and tables."""
    types = {tag.name: tag.type for content in files.values() for _, tag in content.each()}
    around = replace(around, types=types)
    for file, content in files.items():
        for number, tag in content.each():
            for fault in tag.check(around):
                reader.fault(file, f"tags[{number}].{fault.key}", *wrong_and_remedy(fault))
