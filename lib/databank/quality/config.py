"""A rule of a source: a condition that must hold, and what happens where it does not.

A kind of rule is a function with `@rule_kind`: its name is a key of YAML, and it turns the value of
this key into a condition in Spark SQL.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, TypeAdapter, ValidationError, model_validator
from pydantic_core import CoreSchema

from databank.config import Name, StrictModel
from databank.config.kinds import Computed
from databank.errors import did_you_mean

RuleKind = Callable[..., str]
RULE_KINDS: dict[str, RuleKind] = {}


def rule_kind(function: RuleKind) -> RuleKind:
    """Register a function as the kind of rule that has its name."""
    RULE_KINDS[function.__name__] = function
    return function


@rule_kind
def check(condition: str) -> str:
    """Hold where a condition over the parsed columns does."""
    return condition


class RuleConfig(StrictModel):
    """One rule; a condition that is unknown (null) does not hold.

    YAML writes the kind as a key: `{name: has_event, check: event is not null}`. A kind with
    several arguments takes them by name.
    """

    name: Name = Field(description="Shown in ops.quarantine and in the figures")
    otherwise: Literal["quarantine", "warn", "stop"] = Field(
        default="quarantine",
        description="quarantine the row, load it and count it, or refuse the whole load",
    )
    condition: Annotated[str, Computed()] = Field(
        min_length=1, description="Spark SQL on the parsed columns; must hold"
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe the keys that YAML has: those of the kinds in place of the condition."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        del schema["properties"]["condition"]
        schema["properties"] |= {kind: {"description": rule_text(kind)} for kind in RULE_KINDS}
        schema["required"] = ["name"]
        return schema

    @model_validator(mode="before")
    @classmethod
    def _from_kind(cls, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            return raw
        given = {str(key): value for key, value in raw.items()}
        own = {key: given.pop(key) for key in ("name", "otherwise") if key in given}
        for key in given:
            if key not in RULE_KINDS:
                hint = did_you_mean(key, [*RULE_KINDS, "name", "otherwise"])
                raise ValueError(f"unknown key {key!r}; {hint}")
        if len(given) != 1:
            names = " and ".join(sorted(given)) or "no condition"
            raise ValueError(f"has {names}; write one of {', '.join(sorted(RULE_KINDS))}")
        [(kind, value)] = given.items()
        return {**own, "condition": _condition(kind, value)}


def rule_text(kind: str) -> str:
    """Give the first sentence of a kind of rule."""
    return (RULE_KINDS[kind].__doc__ or "").strip().partition("\n")[0]


def _condition(kind: str, value: Any) -> str:
    """Call a kind of rule with what YAML gives for it; a plain value is the only argument.

    Raises:
        ValueError: If an argument is unknown, missing or of another type.
    """
    function = RULE_KINDS[kind]
    parameters = inspect.signature(function).parameters
    arguments = dict(value) if isinstance(value, Mapping) else {next(iter(parameters)): value}
    for name, argument in arguments.items():
        if name not in parameters:
            raise ValueError(f"{kind}: unknown argument {name!r}; {did_you_mean(name, parameters)}")
        try:
            TypeAdapter(parameters[name].annotation).validate_python(argument)
        except ValidationError as error:
            message = error.errors()[0]["msg"].replace("Input should", "it should")
            raise ValueError(f"{kind}.{name}: wrong value {argument!r}; {message}") from None
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in arguments:
            shape = ", ".join(f"{each}: ..." for each in parameters)
            raise ValueError(f"{kind}: lacks `{name}`; write {kind}: {{{shape}}}")
    return function(**arguments)
