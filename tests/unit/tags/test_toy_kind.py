"""A new kind of tag: one class, one line of registration, and it works everywhere."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import pytest
import yaml
from pyspark.sql import Column, SparkSession, functions as F

from databank.archive.config import ArchiveConfig, TagType
from databank.config import ConfigReader
from databank.errors import ConfigFaultsError
from databank.session import small_frame
from databank.tables.published_reader import PublishedReader
from databank.tags.base import Surroundings, TagBase
from databank.tags.explain import TagEvidence
from databank.tags.library import TAG_KINDS, TagsFile, check_tags, complete_tags
from databank.tags.values import tag_rows, with_tags


class LengthTag(TagBase):
    """How long the text of another tag is."""

    example: ClassVar[str] = "text_of: city"
    if_empty: ClassVar[str] = "nobody has the text"

    kind: Literal["length"]
    text_of: str
    least: int = 0

    @property
    def type(self) -> TagType:
        return "number"

    @property
    def references(self) -> frozenset[str]:
        return frozenset({self.text_of})

    @property
    def definition(self) -> str:
        return f"the length of {self.text_of}"

    def column(self, aggregates: Sequence[Any] = ()) -> Column:
        length = F.length(self.text_of).cast("double")
        return F.when(length >= self.least, length)


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    TAG_KINDS.register(LengthTag)
    yield
    TAG_KINDS.unregister(LengthTag)


def read(folder: Path, tag: str) -> list[TagBase]:
    """Read a file with the tag and a city, as loading a configuration does."""
    (folder / "tags").mkdir()
    city = "{name: city, kind: lookup, of: zip, values: {a: York, b: Rio}}"
    (folder / "tags" / "toy.yml").write_text(f"tags: [{city}, {tag}]\n")
    reader, around = ConfigReader(folder), Surroundings()
    files = complete_tags(reader, reader.read_folder("tags", TagsFile), around)
    check_tags(reader, files, around)
    reader.finish()
    return [tag for file in files.values() for _, tag in file.each()]


@pytest.mark.parametrize(
    ("tag", "fault"),
    [
        ("{name: x, kind: length, txt_of: city}", "tags[1].txt_of: unknown key; did you mean 'tex"),
        (
            "{name: x, kind: length}",
            "lacks `text_of`; write {name: x, kind: length, text_of: city}",
        ),
        ("{name: x, kind: lenght, text_of: city}", "unknown kind 'lenght'; did you mean 'length'?"),
        ("{name: x, kind: length, text_of: city, share: 1}", "has no use for `share`; remove it"),
    ],
)
def test_faults_of_its_keys_say_what_to_write(tmp_path: Path, tag: str, fault: str) -> None:
    with pytest.raises(ConfigFaultsError) as caught:
        read(tmp_path, tag)
    assert fault in str(caught.value)


def test_it_is_built_after_the_tags_that_it_is_made_of(
    spark_session: SparkSession, tmp_path: Path
) -> None:
    tags = read(tmp_path, "{name: size, kind: length, text_of: city, least: 4}")
    frame = small_frame(spark_session, [(1, "a"), (2, "b")], "person_id bigint, zip string")
    rows = tag_rows(with_tags(frame, tags), tags).where("tag = 'size'")
    assert [tuple(row) for row in rows.select("person_id", "value_double").collect()] == [(1, 4.0)]


class OneCity:
    """A bank in which every text is York and there is nothing else."""

    def find(self, *question: object) -> list[tuple[Any, ...]]:
        return [("York", None, None, date(2026, 1, 31))]


def test_it_is_described_and_explained(tmp_path: Path) -> None:
    city, size = read(tmp_path, "{name: size, kind: length, text_of: city}")
    assert list(size.reads(date(2026, 1, 31))) == [("tags", "city")]
    bank = cast(PublishedReader, OneCity())
    tags = {city.name: city, size.name: size}
    evidence = TagEvidence(bank, tags, ArchiveConfig(), "UTC", "person", 1, date(2026, 1, 31))
    first, *_ = evidence.reasons(size)
    assert first.title == "size: the length of city"
    assert first.rows == [{"tag": "city", "value": "York"}]


def test_the_reference_lists_it_with_its_keys() -> None:
    [entry] = [each for each in TAG_KINDS.reference() if each.kind == "length"]
    assert entry.description == "How long the text of another tag is."
    assert entry.example == "{name: x, kind: length, text_of: city}"
    assert [(key.name, key.type, key.required, key.default) for key in entry.keys] == [
        ("text_of", "text", True, ""), ("least", "whole number", False, "0"),
    ]  # fmt: skip


def test_every_kind_has_an_example_that_is_valid_and_a_description() -> None:
    for entry in TAG_KINDS.reference():
        assert entry.description
        assert all(key.description for key in entry.keys) or entry.kind == "length"
        assert TAG_KINDS.read(yaml.safe_load(entry.example)).kind == entry.kind
