"""Kinds of one configured thing: one registry reads, refuses and describes them."""

from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import BeforeValidator, Field, ValidationError

from databank.config import StrictModel
from databank.config.kinds import Computed, Entry, Kinds
from databank.errors import wrong_and_remedy


class Animal(Entry):
    note: str = ""


ANIMALS = Kinds("animal", Animal)


@ANIMALS.register
class Bird(Animal):
    """A bird.

    It flies.
    """

    kind: Literal["bird"]
    example: ClassVar[str] = "wings: 2"
    wings: int = Field(description="How many")
    glide: Annotated[float, Field(gt=0, lt=1)] = 0.5
    nest: Annotated[str | None, Computed()] = None


@ANIMALS.register
class Fish(Animal):
    kind: Literal["fish"]
    water: Literal["salt", "sweet"] = "salt"


class Zoo(StrictModel):
    animals: list[Annotated[Animal, BeforeValidator(ANIMALS.read)]]


def faults(entry: Any) -> list[tuple[tuple[int | str, ...], str, str]]:
    with pytest.raises(ValidationError) as caught:
        Zoo.model_validate({"animals": [entry]})
    return [
        (item["loc"][2:], *wrong_and_remedy(item["ctx"]["error"]))
        if "ctx" in item
        else (item["loc"][2:], item["type"], "")
        for item in caught.value.errors()
    ]


def test_an_entry_is_read_as_its_kind() -> None:
    zoo = Zoo.model_validate({"animals": [{"name": "a", "kind": "bird", "wings": 2, "note": None}]})
    assert zoo.animals == [Bird(name="a", kind="bird", wings=2)]
    assert ANIMALS.read(zoo.animals[0]) is zoo.animals[0]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"kind": "bird"}, [
            ((), "animal 'x' of kind bird lacks `name`", "write {name: x, kind: bird, wings: 2}"),
            ((), "animal 'x' of kind bird lacks `wings`", "write {name: x, kind: bird, wings: 2}"),
        ]),
        ({"name": "a", "kind": "bird", "wigs": 2, "glide": 3, "wings": 2}, [
            (("wigs",), "unknown key", "did you mean 'wings'?"), (("glide",), "less_than", ""),
        ]),
        ({"name": "a", "kind": "fish", "wings": 2}, [
            ((), "animal 'a' of kind fish has no use for `wings`",
             "remove it (it is a key of bird)"),
        ]),
        ({"name": "a", "kind": "brid"}, [
            (("kind",), "unknown kind 'brid'", "did you mean 'bird'?"),
        ]),
        ({"name": "a"}, [((), "the animal lacks `kind`", "write kind: and one of bird, fish")]),
        # what loading fills in is no key
        ({"name": "a", "kind": "bird", "wings": 2, "nest": "x"}, [
            (("nest",), "unknown key",
             "known: name, note, unit, owner, wings, description, kind, glide"),
        ]),
        (3, [((), "it is no animal", "write {name: x, kind: bird}")]),
    ],
)  # fmt: skip
def test_all_faults_of_an_entry_say_what_to_write(entry: Any, expected: list[Any]) -> None:
    assert faults(entry) == expected


def test_kinds_are_described_with_their_keys() -> None:
    bird, fish = ANIMALS.reference()
    assert (bird.kind, bird.description) == ("bird", "A bird.")
    assert bird.example == "{name: x, kind: bird, wings: 2}"
    assert [(key.name, key.type, key.required, key.default) for key in bird.keys] == [
        ("wings", "whole number", True, ""), ("glide", "number", False, "0.5"),
    ]  # fmt: skip
    assert [(key.name, key.type) for key in fish.keys] == [("water", "salt | sweet")]
    common = ["name", "kind", "description", "unit", "owner", "note"]
    assert [key.name for key in ANIMALS.common_keys()] == common


def test_a_kind_that_was_removed_is_unknown() -> None:
    class Cat(Animal):
        kind: Literal["cat"]

    ANIMALS.register(Cat)
    assert Cat in ANIMALS
    ANIMALS.unregister(Cat)
    assert faults({"name": "a", "kind": "cat"})[0][1] == "unknown kind 'cat'"
