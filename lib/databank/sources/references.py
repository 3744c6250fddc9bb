"""What an expression of a source refers to, and where it turns a text into a typed value."""

from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot.tokenizer_core import Token, TokenType

from databank.expressions.guard import CONDITIONAL
from databank.expressions.parse import parse_expression, refuse_day

# functions whose null means, with ANSI off, that they could not read what they were given
_CONVERTING = frozenset(
    {
        *("bigint", "boolean", "cast", "date", "decimal", "double", "float", "int", "smallint"),
        *("timestamp", "tinyint", "to_date", "to_number", "to_timestamp", "to_timestamp_ltz"),
        "to_timestamp_ntz",
    }
)


@dataclass(frozen=True)
class Conversion:
    """A part of an expression that reads a value as a type: the part, and what it reads."""

    text: str
    operand: str


@dataclass(frozen=True)
class References:
    """Names in an expression.

    Attributes:
        fields: Fields it reads, in the order of names.
        conversions: Parts of it that must give a value where their operand has one.
    """

    fields: tuple[str, ...]
    conversions: tuple[Conversion, ...] = ()


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
    refuse_day(read, where="records")
    tokens = sqlglot.tokenize(text, read="spark")
    return References(tuple(sorted(read.names)), tuple(_conversions(text, tokens)))


def _conversions(text: str, tokens: list[Token]) -> list[Conversion]:
    """Find conversions that are not part of a condition; `try_` functions are none."""
    if any(token.token_type is TokenType.ARROW for token in tokens):
        return []  # an operand may be the parameter of a lambda, which is nothing outside it
    conversions = []
    calls = list[str]()  # of each open parenthesis the function, '' = none
    cases = 0
    for n, token in enumerate(tokens):
        cases += (token.token_type is TokenType.CASE) - (token.token_type is TokenType.END)
        if token.token_type is TokenType.R_PAREN:
            calls.pop()
        conditional = cases or any(name in CONDITIONAL for name in calls)
        if token.token_type is TokenType.L_PAREN:
            name = tokens[n - 1].text.lower() if n else ""
            # behind `as` and `::` it is a type, as in decimal(18,2)
            is_type = n > 1 and tokens[n - 2].token_type in (TokenType.ALIAS, TokenType.DCOLON)
            if name in _CONVERTING and not conditional and not is_type:
                end, last = _end(tokens, n)
                conversions.append(
                    Conversion(_slice(text, tokens[n - 1], tokens[end]),
                               _slice(text, tokens[n + 1], tokens[last]))
                )  # fmt: skip
            calls.append(name)
        elif token.token_type is TokenType.DCOLON and not conditional:
            first = _begin(tokens, n - 1)
            type_end = n + 1
            if n + 2 < len(tokens) and tokens[n + 2].token_type is TokenType.L_PAREN:
                type_end = _end(tokens, n + 2)[0]
            conversions.append(
                Conversion(_slice(text, tokens[first], tokens[type_end]),
                           _slice(text, tokens[first], tokens[n - 1]))
            )  # fmt: skip
    return conversions


def _slice(text: str, first: Token, last: Token) -> str:
    return text[first.start : last.end + 1]


def _end(tokens: list[Token], opening: int) -> tuple[int, int]:
    """Index of the closing parenthesis, and that of the last token of the first argument."""
    depth, last = 0, None
    for n in range(opening, len(tokens)):
        kind = tokens[n].token_type
        if depth == 1 and last is None and kind in (TokenType.COMMA, TokenType.ALIAS):
            last = n - 1
        depth += (kind is TokenType.L_PAREN) - (kind is TokenType.R_PAREN)
        if depth == 0:
            return n, n - 1 if last is None else last
    return len(tokens) - 1, len(tokens) - 1


def _begin(tokens: list[Token], last: int) -> int:
    """Index of the first token of the value that ends with a token: a name, a call, a bracket."""
    if tokens[last].token_type is not TokenType.R_PAREN:
        return last
    depth = 0
    for n in range(last, -1, -1):
        kind = tokens[n].token_type
        depth += (kind is TokenType.R_PAREN) - (kind is TokenType.L_PAREN)
        if depth == 0:
            return n - 1 if n and tokens[n - 1].token_type is TokenType.VAR else n
    return 0
