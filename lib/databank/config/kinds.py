"""A registry of the kinds that one configured thing may have, each with a model of its own."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, ClassVar, Generic, Literal, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

from databank.config.model import Name, Note, StrictModel
from databank.errors import did_you_mean


class Entry(StrictModel):
    """One entry of a list whose entries are of several kinds; a kind extends it by its keys."""

    # the kind's own keys, as YAML writes them between braces
    example: ClassVar[str] = ""

    name: Name
    kind: str
    description: Note = ""
    unit: Note = ""
    owner: Note = ""


M = TypeVar("M", bound=Entry)


@dataclass(frozen=True)
class Computed:
    """Marks a field that loading fills in; nobody can write it into a file."""


@dataclass(frozen=True)
class KeyReference:
    """One key of a kind, as documentation shows it."""

    name: str
    type: str
    required: bool
    default: str
    description: str


@dataclass(frozen=True)
class KindReference:
    """One kind, as documentation shows it.

    Attributes:
        kind: What `kind:` says in a file.
        description: First paragraph of the model's docstring.
        model: Its model, with the keys that all kinds have.
        keys: Keys of the kind alone.
        example: A whole entry, as YAML writes it in one line.
    """

    kind: str
    model: type[StrictModel]
    description: str
    keys: tuple[KeyReference, ...]
    example: str


class Kinds(Generic[M]):
    """Models by what `kind:` says; all of them extend one base, whose keys each kind has.

    Args:
        what: What is configured, for errors: `tag`.
        base: The model that all kinds extend. A kind sets `kind: Literal["its_name"]` and
            `example`.
    """

    def __init__(self, what: str, base: type[M]) -> None:
        self.what, self._base = what, base
        self._models: dict[str, type[M]] = {}

    def register(self, model: type[M]) -> type[M]:
        """Add a kind; it can be used from YAML from now on."""
        [name] = get_args(model.model_fields["kind"].annotation)
        self._models[name] = model
        return model

    def unregister(self, model: type[M]) -> None:
        """Remove a kind again."""
        self._models = {name: each for name, each in self._models.items() if each is not model}

    def __iter__(self) -> Iterator[type[M]]:
        return iter(tuple(self._models.values()))

    def read(self, value: Any) -> M:
        """Validate an entry as a model of its kind; a key without a value counts as not given.

        Raises:
            ValueError: If it has no kind, or an unknown one.
            ValidationError: With all that is wrong with its keys.
        """
        if isinstance(value, self._base):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"it is no {self.what}; write {{name: x, kind: {min(self._models)}}}")
        given = {str(key): content for key, content in value.items() if content is not None}
        kind = given.get("kind")
        if kind is None:
            names = ", ".join(sorted(self._models))
            raise ValueError(f"the {self.what} lacks `kind`; write kind: and one of {names}")
        model = self._models.get(kind) if isinstance(kind, str) else None
        if model is None:
            message = f"unknown kind {kind!r}; {did_you_mean(str(kind), self._models)}"
            fault = _error(("kind",), kind, message)
            raise ValidationError.from_exception_data(self.what, [fault])
        keys = keys_of(model)
        errors = [*self._missing(model, keys, given), *self._unknown(model, keys, given)]
        if not errors:
            return model.model_validate(given)
        try:
            model.model_validate({key: content for key, content in given.items() if key in keys})
        except ValidationError as error:
            errors += [_repeated(item) for item in error.errors() if item["type"] != "missing"]
        raise ValidationError.from_exception_data(model.__name__, errors)

    def reference(self) -> list[KindReference]:
        """Describe all kinds by their names."""
        common = keys_of(self._base)
        return [
            KindReference(
                kind=name,
                model=model,
                description=" ".join((model.__doc__ or "").split("\n\n")[0].split()),
                keys=tuple(
                    describe_key(key, field)
                    for key, field in keys_of(model).items()
                    if key not in common and key != "kind"
                ),
                example=_example("x", name, model),
            )
            for name, model in sorted(self._models.items())
        ]

    def common_keys(self) -> tuple[KeyReference, ...]:
        """Describe the keys that every kind has."""
        return tuple(describe_key(key, field) for key, field in keys_of(self._base).items())

    def _missing(
        self, model: type[M], keys: Mapping[str, FieldInfo], given: Mapping[str, Any]
    ) -> Iterator[InitErrorDetails]:
        name = given.get("name", "x")
        for key, field in keys.items():
            if field.is_required() and key not in given:
                shape = _example(name, given["kind"], model)
                yield _error(
                    (),
                    dict(given),
                    f"{self.what} {name!r} of kind {given['kind']} lacks `{key}`; write {shape}",
                )

    def _unknown(
        self, model: type[M], keys: Mapping[str, FieldInfo], given: Mapping[str, Any]
    ) -> Iterator[InitErrorDetails]:
        entry = f"{self.what} {given.get('name', 'x')!r} of kind {given['kind']}"
        for key in given.keys() - keys.keys():
            owners = [name for name, each in self._models.items() if key in keys_of(each)]
            if owners:
                yield _error(
                    (),
                    dict(given),
                    f"{entry} has no use for `{key}`; remove it (it is a key of "
                    f"{', '.join(sorted(owners))})",
                )
            else:
                remedy = did_you_mean(key, keys)
                yield _error((key,), given[key], f"unknown key; {remedy}")


def keys_of(model: type[StrictModel]) -> dict[str, FieldInfo]:
    """List the keys that a file may have, by name; fields that loading fills in are none."""
    return {
        field.alias or name: field
        for name, field in model.model_fields.items()
        if not any(isinstance(each, Computed) for each in field.metadata)
    }


def _example(name: str, kind: str, model: type[Entry]) -> str:
    return f"{{name: {name}, kind: {kind}, {model.example}}}"


def _error(
    location: tuple[int | str, ...], value: Any, message: str | ValueError
) -> InitErrorDetails:
    error = ValueError(message) if isinstance(message, str) else message
    custom = PydanticCustomError("value_error", "{error}", {"error": error})
    return InitErrorDetails(type=custom, loc=location, input=value)


def _repeated(item: Any) -> InitErrorDetails:
    """Turn an error that pydantic listed into the form in which it takes errors."""
    context = item.get("ctx", {})
    if item["type"] == "value_error":
        return _error(item["loc"], item["input"], context["error"])
    custom = PydanticCustomError(item["type"], str(item["msg"]).replace("{", "{{"))
    return InitErrorDetails(type=custom, loc=item["loc"], input=item["input"])


def describe_key(name: str, field: FieldInfo) -> KeyReference:
    required = field.is_required()
    default = None if required else field.get_default(call_default_factory=True)
    empty = default is None or default == "" or (isinstance(default, Collection) and not default)
    return KeyReference(
        name=name,
        type=type_name(field.annotation),
        required=required,
        default="" if empty else str(default),
        description=field.description or "",
    )


def type_name(annotation: Any) -> str:
    """Name a type as documentation writes it: `text`, `whole number`, `list of text`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " | ".join(map(str, arguments))
    if origin in (Union, UnionType):
        return " | ".join(type_name(each) for each in arguments if each is not type(None))
    if origin is dict:
        return f"{type_name(arguments[0])}: {type_name(arguments[1])}"
    if origin in (list, tuple):
        parts = [each for each in arguments if each is not Ellipsis]
        if len(parts) == 1:
            return f"list of {type_name(parts[0])}"
        return f"[{', '.join(map(type_name, parts))}]"
    if arguments:  # Annotated
        return type_name(arguments[0])
    plain = {str: "text", int: "whole number", float: "number", bool: "true | false"}
    return plain.get(annotation, getattr(annotation, "__name__", str(annotation)))
