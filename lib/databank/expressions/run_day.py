"""The run day in what users write: `:day`, in expressions and filters as in statements."""

from datetime import date

import sqlglot
from sqlglot.tokenizer_core import Token, TokenType

RUN_DAY = "_run_day"  # column with the day that expressions are evaluated for
_VALUES = frozenset({TokenType.VAR, TokenType.IDENTIFIER, TokenType.R_PAREN, TokenType.R_BRACKET})


def with_run_day(text: str, day: date) -> str:
    """Write the run day in place of each `:day`; nothing else is changed.

    Raises:
        ValueError: For another parameter; `what is wrong; what to write instead`.
        SqlglotError: If there is a quote too many.
    """
    tokens = sqlglot.tokenize(text, read="spark")
    pieces, at = [], 0
    for place, token in enumerate(tokens):
        if is_parameter(tokens, place):
            name = tokens[place + 1]
            for fault in unknown_parameter(name):
                raise ValueError(fault)
            pieces += [text[at : token.start], f"DATE'{day}'"]
            at = name.end + 1
    return "".join(pieces) + text[at:]


def is_parameter(tokens: list[Token], index: int) -> bool:
    """Tell whether a token is the colon of a parameter."""
    if tokens[index].token_type is not TokenType.COLON or index + 1 == len(tokens):
        return False
    # behind a value it takes a part out of it: payload:day
    return not index or tokens[index - 1].token_type not in _VALUES


def unknown_parameter(name: Token) -> list[str]:
    """Say what is wrong with the name of a parameter."""
    if name.text.lower() == "day":
        return []
    return [f"unknown parameter :{name.text}; only :day, the run day, is given"]
