"""What an expression of a source refers to."""

from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp

from databank.expressions.parse import parse_expression


@dataclass(frozen=True)
class References:
    """Names in an expression.

    Attributes:
        fields: Fields it reads, in the order of names.
        conditional: Whether it may give null on purpose (case, if, nullif).
    """

    fields: tuple[str, ...]
    conditional: bool


@lru_cache(maxsize=1024)
def references(text: str) -> References:
    """Read the names of a Spark SQL expression; Spark itself runs it as it was written.

    Raises:
        ValueError: If it cannot be read, or asks for events of a person.
    """
    read = parse_expression(text)
    if read.macros:
        raise ValueError(
            f"{read.macros[0].column!r} needs a person; write Spark SQL over the source's fields"
        )
    tree = sqlglot.parse_one(text, read="spark")
    conditional = tree.find(exp.Case, exp.If, exp.Nullif) is not None
    return References(tuple(sorted(read.names)), conditional)
