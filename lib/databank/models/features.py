"""Features as a model's file names them: expressions of macros over the archive."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from databank.config import Name, StrictModel
from databank.expressions import Expression, parse_expression

_LONGEST = {"day": 1, "week": 7, "month": 31}
RESERVED = frozenset(
    {"person_id", "entity_id", "label", "part", "features", "scaled", "score", "calibrated"}
    | {"prediction", "probability", "raw_prediction"}
)


def read_macros(text: str, *, where: str) -> Expression:
    """Read an expression that may use macros over events and nothing else.

    Only the archive is kept for every past day, so only it can be cut by time.

    Raises:
        ValueError: If it cannot be read, or refers to tags, audiences, stages or scores.
    """
    expression = parse_expression(text)
    if expression.names:
        named = ", ".join(sorted(expression.names))
        raise ValueError(
            f"{where} use macros only, not {named}; write for example "
            "events('login', 'last 30 days')"
        )
    for macro in expression.macros:
        if not macro.reads_events:
            raise ValueError(
                f"{where} use macros over events only: {macro.name}() is not kept for past days; "
                "write for example events('login', 'last 30 days')"
            )
    return expression


def days_ahead(expression: Expression) -> int:
    """How many days after its day an expression looks; 0 = none."""
    windows = [macro.window.text for macro in expression.macros if macro.window]
    ahead = [text.split() for text in windows if text.startswith("next ")]
    return max((int(n) * _LONGEST[unit.rstrip("s")] for _, n, unit in ahead), default=0)


def read_past(text: str, *, where: str) -> Expression:
    """Read an expression of macros that does not look ahead.

    Raises:
        ValueError: If it does, or is none of macros alone.
    """
    expression = read_macros(text, where=where)
    if days_ahead(expression):
        raise ValueError(f"{where} look into the future ('next'); use 'last N days'")
    return expression


class FeatureConfig(StrictModel):
    """One feature; a text alone is its expression."""

    of: str = Field(description="Expression of macros over events")
    log: bool = Field(
        default=True,
        description="Take sign(x) * log(1 + |x|): counts, sums and ages have heavy tails",
    )
    missing: tuple[float, ...] = Field(
        default=(), description="Codes that mean `unknown`, as null does (-1, 999 ...)"
    )

    @field_validator("of")
    @classmethod
    def _past(cls, value: str) -> str:
        if not read_past(value, where="features").macros:
            raise ValueError("features use macros; a constant has no effect, remove it")
        return value

    @property
    def expression(self) -> Expression:
        """Read the expression of the feature."""
        return parse_expression(self.of)


def _spelled_out(value: Any) -> Any:
    return {"of": value} if isinstance(value, str) else value


Feature = Annotated[
    FeatureConfig, BeforeValidator(_spelled_out, json_schema_input_type=str | FeatureConfig)
]


def free_names(value: dict[str, FeatureConfig]) -> dict[str, FeatureConfig]:
    """Refuse names that the pipeline needs for itself.

    Raises:
        ValueError: Naming the first of them.
    """
    for name in value:
        if name in RESERVED:
            raise ValueError(f"{name!r} is a column of the pipeline; give the feature another name")
    return value


Features = Annotated[dict[Name, Feature], Field(min_length=1)]
