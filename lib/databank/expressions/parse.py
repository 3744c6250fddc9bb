"""Read an expression: its macros, names and functions, without changing a letter of the rest."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from databank.errors import ManyFaultsError
from databank.expressions.functions import (
    AT_DAY,
    known_functions,
    why_not,
    why_not_of_a_row,
)
from databank.expressions.guard import guarded
from databank.expressions.macros import MACROS, Macro, make_macro, unknown_macro, usage
from databank.expressions.run_day import RUN_DAY, is_parameter, unknown_parameter
from databank.expressions.syntax import (
    SyntaxFaultError,
    closing,
    place,
    read_tokens,
    short,
    syntax_tree,
)

# typed as a date or a time, these texts stand for the moment at which Spark reads them
_MOMENTS = frozenset({"now", "today", "tomorrow", "yesterday"})
_TEXTS = frozenset({TokenType.STRING, TokenType.IDENTIFIER})
_LIKE = frozenset({TokenType.LIKE, TokenType.ILIKE})


@dataclass(frozen=True)
class Expression:
    """A read expression.

    Attributes:
        text: As it was written.
        sql: `plain` with the `try_` functions that give null for what cannot be computed; this is
            what runs.
        macros: Distinct macros, in the order of their first use.
        names: Columns it refers to beside the macros (tags, mostly).
        faults: Conditions, of which one holds where a part of it could not be computed.
        asks_day: Whether it looks at the run day by `:day`.
        plain: The text with each macro and `:day` replaced by the name of its column; '' = `sql`.
    """

    text: str
    sql: str
    macros: tuple[Macro, ...]
    names: frozenset[str]
    faults: tuple[str, ...] = ()
    asks_day: bool = False
    plain: str = ""


@lru_cache(maxsize=4096)  # a project asks five times for each text, and the jobs again
def parse_expression(text: str) -> Expression:
    """Read an expression or a condition.

    Raises:
        ManyFaultsError: All that is wrong, each `what is wrong; what to write instead`, for text
            that is no expression, unknown functions, wrong macros or windows.
    """
    if not text.strip():
        raise ManyFaultsError(["the expression is empty; write a Spark SQL condition"])
    try:
        tokens = read_tokens(text)
    except SyntaxFaultError as error:
        raise ManyFaultsError([error.in_full(text)]) from None
    written = _Written(text)
    faults: list[str] = []
    macros: dict[Macro, None] = {}
    index = 0
    readable, asks_day = True, False
    while index < len(tokens):
        if _is_call(tokens, index) and tokens[index].text.lower() in MACROS:
            end = closing(tokens, index + 1)
            readable = readable and end is not None
            end = len(tokens) - 1 if end is None else end
            try:
                macro = _macro(tokens, index, end, text)
                macros[macro] = None
                written.replace(tokens[index], tokens[end], macro.column)
            except ValueError as error:
                faults.append(str(error))
                written.replace(tokens[index], tokens[end], "NULL")
            index = end + 1
        elif is_parameter(tokens, index):
            name = tokens[index + 1]
            faults += unknown_parameter(name)
            written.replace(tokens[index], name, RUN_DAY)
            asks_day, index = True, index + 2
        else:
            hidden = _hiding(tokens[index])
            readable = readable and hidden is None
            faults += [hidden] if hidden else _token_faults(tokens, index, text)
            index += 1
    sql = written.sql
    names: set[str] = set()
    if readable:
        try:
            tree = syntax_tree(sql)
            faults += _tree_faults(tree, text)
            names = column_names(tree) - {RUN_DAY, *(macro.column for macro in macros)}
        except SyntaxFaultError as error:
            faults.append(error.in_full(text, written.place_in_text(error.offset)))
    if faults:
        raise ManyFaultsError(faults, names)
    safe = guarded(sql)
    return Expression(
        text, safe.sql, tuple(macros), frozenset(names), safe.faults, asks_day, plain=sql
    )


def refuse_day(expression: Expression, *, where: str) -> None:
    """Raise if an expression asks for the run day, in what is computed without one (`where`).

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    for fault in day_faults(expression, where=where):
        raise ValueError(fault)


def day_faults(expression: Expression, *, where: str) -> list[str]:
    """Say that an expression asks for the run day, in what is computed without one (`where`)."""
    if not expression.asks_day:
        return []
    return [
        f":day in {short(expression.text)}: {where} are the same whichever day they are computed "
        "on; use a day of the record, or write :day where the value is asked for"
    ]


class _Written:
    """A text, parts of which give way to names of columns."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._pieces: list[str] = []
        # where each piece begins, in the new text and in the old one
        self._starts: list[tuple[int, int]] = [(0, 0)]
        self._length = 0

    def replace(self, first: Token, last: Token, column: str) -> None:
        """Write a column in the place of some tokens."""
        self._add(self._text[self._at : first.start], self._at)
        self._add(column, first.start)
        self._at = last.end + 1
        self._starts.append((self._length, self._at))

    @property
    def sql(self) -> str:
        """The new text."""
        return "".join(self._pieces) + self._text[self._at :]

    def place_in_text(self, offset: int) -> int:
        """Find where in the old text something stands."""
        new, old = self._starts[bisect_right(self._starts, (offset, len(self._text))) - 1]
        return old + offset - new

    def _add(self, piece: str, at: int) -> None:
        self._starts.append((self._length, at))
        self._pieces.append(piece)
        self._length += len(piece)


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
    hidden = _hiding(token)
    if hidden is not None:
        raise ValueError(hidden)
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


def _hiding(token: Token) -> str | None:
    """Say what is wrong with a token behind which readers of SQL see different things."""
    # readers differ in where a comment ends, so that one of them may see what another does not
    if token.comments:
        return "there is a comment in the SQL; write it as a comment of YAML"
    if token.token_type == TokenType.SEMICOLON:
        return "there is a ; in the SQL; write one expression, or one SELECT"
    return None


def _token_faults(tokens: list[Token], index: int, text: str) -> Iterator[str]:
    """List what is wrong with a token of an expression."""
    try:
        check_token(tokens, index)
    except ValueError as error:
        yield str(error)
        return
    token = tokens[index]
    before = tokens[index - 1] if index else None
    if token.token_type is TokenType.STRING:
        # Spark makes one text of both; without a blank it is a quote within a text
        if (
            before is not None
            and before.token_type is TokenType.STRING
            and before.end + 1 < token.start
        ):
            where = place(text, token.start)
            yield (
                f"{short(before.text)} and {short(token.text)} stand side by side, {where}, "
                "and would be one text; put a comma between them, or write one text"
            )
        return
    if not _is_call(tokens, index):
        return
    name = token.text.lower()
    if token.token_type is TokenType.VAR and name not in known_functions():
        yield str(unknown_macro(name, known_functions()))
        return
    end = closing(tokens, index + 1)
    over = end is not None and any(each.token_type is TokenType.OVER for each in tokens[end + 1 :])
    quantified = before is not None and before.token_type in _LIKE  # like any ('a%', 'b%')
    refusal = why_not_of_a_row(name, over=over)
    if refusal is not None and not quantified:
        yield refusal


def _macro(tokens: list[Token], index: int, end: int, text: str) -> Macro:
    """Build a macro from its tokens, from its name to its closing parenthesis."""
    name = tokens[index].text.lower()
    if tokens[end].token_type is not TokenType.R_PAREN:
        raise ValueError(f"{name}( in {short(text)} is not closed; {usage(name)}")
    arguments: list[str] = []
    comma, before = True, tokens[index + 1]
    for token in tokens[index + 2 : end]:
        # the dialect reads "..." as text as Spark does; some versions call it an identifier
        is_text = token.token_type in _TEXTS
        beside, before = token.start == before.end + 1, token
        if is_text and not comma and beside:
            # two quotes are one quote within a text
            arguments[-1] += text[token.start] + token.text
            continue
        if is_text and not comma:
            raise ValueError(
                f"a comma is missing in {name}() before {short(token.text)}; {usage(name)}"
            )
        if is_text:
            arguments.append(token.text)
        elif token.token_type is not TokenType.COMMA or comma:
            raise ValueError(
                f"{name}() in {short(text)} takes texts in quotes, not {token.text!r}; "
                f"{usage(name)}"
            )
        comma = not is_text
    if comma and arguments:
        raise ValueError(f"{name}() in {short(text)} ends with a comma; {usage(name)}")
    return make_macro(name, arguments)


def is_number(text: str) -> bool:
    """Whether a readable expression says itself that it is a number: by a cast around it."""
    tree = syntax_tree(text)
    return isinstance(tree, exp.Cast) and tree.to.this in exp.DataType.NUMERIC_TYPES


def _tree_faults(tree: exp.Expr, text: str) -> Iterator[str]:
    """List what a tree holds that no expression may."""
    if tree.find(exp.Select, exp.Command):
        yield f"{short(text)} is a statement; write a condition or a value"
    elif tree.find(exp.Alias):
        yield f"{short(text)} has two values side by side; is an operator or a comma missing?"


def column_names(tree: exp.Expr) -> set[str]:
    """List the columns of a tree."""
    # `x -> x + 1`: the parameters of a lambda are no columns
    own = {
        parameter.name
        for each in tree.find_all(exp.Lambda)
        for parameter in each.expressions
        if isinstance(parameter, exp.Identifier)
    }
    return {column.parts[0].name for column in tree.find_all(exp.Column)} - own
