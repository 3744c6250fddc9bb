"""Read an expression: its macros, names and functions, without changing a letter of the rest."""

from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from databank.expressions.functions import AT_DAY, known_functions, why_not
from databank.expressions.macros import MACROS, Macro, make_macro, unknown_macro, usage

# typed as a date or a time, these texts stand for the moment at which Spark reads them
_MOMENTS = frozenset({"now", "today", "tomorrow", "yesterday"})


@dataclass(frozen=True)
class Expression:
    """A read expression.

    Attributes:
        text: As it was written.
        sql: The same with each macro replaced by the name of its column; this is what runs.
        macros: Distinct macros, in the order of their first use.
        names: Columns it refers to beside the macros (tags, mostly).
    """

    text: str
    sql: str
    macros: tuple[Macro, ...]
    names: frozenset[str]


def parse_expression(text: str) -> Expression:
    """Read an expression or a condition.

    Raises:
        ValueError: `what is wrong; what to write instead`, for text that is no expression, an
            unknown function, a wrong macro or window.
    """
    if not text.strip():
        raise ValueError("the expression is empty; write a Spark SQL condition")
    try:
        tokens = sqlglot.tokenize(text, read="spark")
    except SqlglotError as error:
        raise ValueError(
            f"cannot read {short(text)}: {plain_error(error)}; check the quotes"
        ) from None
    macros: list[Macro] = []
    pieces: list[str] = []
    at = index = 0
    while index < len(tokens):
        if _is_call(tokens, index) and tokens[index].text.lower() in MACROS:
            end, arguments = _arguments(tokens, index, text)
            macro = make_macro(tokens[index].text.lower(), arguments)
            macros.append(macro)
            pieces += [text[at : tokens[index].start], macro.column]
            at, index = tokens[end].end + 1, end + 1
        else:
            _check_function(tokens, index)
            index += 1
    sql = "".join(pieces) + text[at:]
    columns = {macro.column for macro in macros}
    names = frozenset(_names(sql, text) - columns)
    return Expression(text, sql, tuple(dict.fromkeys(macros)), names)


def _is_call(tokens: list[Token], index: int) -> bool:
    following = tokens[index + 1] if index + 1 < len(tokens) else None
    return following is not None and following.token_type == TokenType.L_PAREN


def _is_closed(tokens: list[Token], index: int) -> bool:
    return index < len(tokens) and tokens[index].token_type == TokenType.R_PAREN


def check_token(tokens: list[Token], index: int) -> None:
    """Refuse a token that does what no expression may: call such a function, or hide the rest.

    Raises:
        ValueError: Saying what to write instead.
    """
    token = tokens[index]
    # readers differ in where a comment ends, so that one of them may see what another does not
    if token.comments:
        raise ValueError("there is a comment in the SQL; write it as a comment of YAML")
    if token.token_type == TokenType.SEMICOLON:
        raise ValueError("there is a ; in the SQL; write one expression, or one SELECT")
    if token.token_type == TokenType.STRING:
        before = tokens[index - 1].text.lower() if index else ""
        if before == "using":
            raise ValueError("USING with a text runs a command of the machine; write plain SQL")
        if before.startswith(("date", "timestamp")) and token.text.strip().lower() in _MOMENTS:
            raise ValueError(
                f"{before} {token.text!r} gives another value in another run; {AT_DAY}"
            )
        return
    called = _is_call(tokens, index)
    if not called and token.token_type in (TokenType.VAR, TokenType.IDENTIFIER):
        return
    if called and token.text.lower() == "unix_timestamp" and _is_closed(tokens, index + 2):
        raise ValueError(f"unix_timestamp() gives another value in another run; {AT_DAY}")
    refusal = why_not(token.text)  # some functions have no parentheses: current_date
    if refusal is not None:
        raise ValueError(refusal)
    if called and token.token_type == TokenType.IDENTIFIER:
        raise ValueError(f"`{token.text}` is called as a function; write its name without quotes")


def _check_function(tokens: list[Token], index: int) -> None:
    check_token(tokens, index)
    token = tokens[index]
    if token.token_type == TokenType.VAR and _is_call(tokens, index):
        name = token.text.lower()
        if name not in known_functions():
            raise unknown_macro(name, set(known_functions()))


def _arguments(tokens: list[Token], index: int, text: str) -> tuple[int, list[str]]:
    """Index of the closing parenthesis, and the string arguments up to it."""
    name, arguments, position = tokens[index].text.lower(), [], index + 2
    while position < len(tokens) and tokens[position].token_type != TokenType.R_PAREN:
        token = tokens[position]
        # the dialect reads "..." as text as Spark does; some versions call it an identifier
        if token.token_type in (TokenType.STRING, TokenType.IDENTIFIER):
            arguments.append(token.text)
        elif token.token_type != TokenType.COMMA:
            raise ValueError(
                f"{name}() in {short(text)} takes texts in quotes, not {token.text!r}; "
                f"{usage(name)}"
            )
        position += 1
    if position == len(tokens):
        raise ValueError(f"{name}( in {short(text)} is not closed; {usage(name)}")
    return position, arguments


def is_number(text: str) -> bool:
    """Whether a readable expression says itself that it is a number: by a cast around it."""
    tree = sqlglot.parse_one(text, read="spark")
    return isinstance(tree, exp.Cast) and tree.to.this in exp.DataType.NUMERIC_TYPES


def _names(sql: str, text: str) -> set[str]:
    try:
        tree = sqlglot.parse_one(sql, read="spark")
    except SqlglotError as error:
        raise ValueError(f"cannot read {short(text)}: {plain_error(error)}; correct it") from None
    if tree.find(exp.Select, exp.Command):
        raise ValueError(f"{short(text)} is a statement; write a condition or a value")
    if isinstance(tree, exp.Alias):
        raise ValueError(f"{short(text)} has two values side by side; is an operator missing?")
    # `x -> x + 1`: the parameters of a lambda are no columns
    own = {
        parameter.name
        for each in tree.find_all(exp.Lambda)
        for parameter in each.expressions
        if isinstance(parameter, exp.Identifier)
    }
    return {column.parts[0].name for column in tree.find_all(exp.Column)} - own


def short(text: str) -> str:
    """A text in one line, for an error."""
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= 60 else flat[:57] + "...")


def plain_error(error: SqlglotError) -> str:
    """What sqlglot says, in one line."""
    details = getattr(error, "errors", None)
    if details:
        return f"{details[0]['description']} near {details[0]['highlight']!r}"
    return str(error).splitlines()[0]
