"""The syntax tree of Spark SQL, and why a text has none: in words, with the place in the text."""

from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

# parentheses, brackets and CASEs within each other; readers of SQL take each by recursion
DEEPEST = 25
# values in a row between operators; Spark gives up on some more
_LONGEST = 500
_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END})
_TOO_DEEP = "is nested too deep; make tags of its parts, and name these"


class SparkSql(Spark):
    """Spark's SQL; paths into JSON are Spark's to read, with keys such as `$id` in them."""

    STRICT_JSON_PATH_SYNTAX = False


class SyntaxFaultError(ValueError):
    """What is wrong with a text, `;` and what to do; and where."""

    def __init__(self, fault: str, offset: int) -> None:
        super().__init__(fault)
        self.offset = offset

    def in_full(self, text: str, offset: int | None = None) -> str:
        """Give the whole fault, with the place in the text as it was written."""
        wrong, _, remedy = str(self).partition("; ")
        where = place(text, self.offset if offset is None else offset)
        return f"cannot read {short(text)}: {wrong}, {where}; {remedy}"


def read_tokens(text: str) -> list[Token]:
    """Divide a text into its words.

    Raises:
        SyntaxFaultError: If a quote is not closed, or parts of it are nested too deep.
    """
    try:
        tokens = sqlglot.tokenize(text, read=SparkSql)
    except SqlglotError:
        offset = _open_quote(text)
        fault = f"{text[offset]!r} is not closed; close the quotes"
        raise SyntaxFaultError(fault, offset) from None
    depth = 0
    for token in tokens:
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        if depth > DEEPEST:
            raise SyntaxFaultError(_TOO_DEEP, token.start)
    return tokens


@lru_cache(maxsize=4096)
def syntax_tree(sql: str) -> exp.Expr:
    """Read a text as an expression or a statement; all who ask share the tree, and never alter it.

    Raises:
        SyntaxFaultError: If it is none.
    """
    try:
        tree = sqlglot.parse_one(sql, read=SparkSql)
    except SqlglotError as error:
        details = getattr(error, "errors", None)
        if not details:
            raise SyntaxFaultError("is no SQL; correct it", 0) from None
        near = str(details[0]["highlight"])
        fault = f"{_in_words(str(details[0]['description']), near)}; correct it"
        # the parser counts to the end of a word
        end = _offset(sql, int(details[0]["line"]), int(details[0]["col"]))
        raise SyntaxFaultError(fault, max(0, end - len(near))) from None
    except RecursionError:
        raise SyntaxFaultError(_TOO_DEEP, 0) from None
    if _depth(tree) > _LONGEST:
        raise SyntaxFaultError(_TOO_DEEP, 0)
    return tree


def place(text: str, offset: int) -> str:
    """Name a place in a text: by its line where there are several, and by its column."""
    before = text[:offset]
    column = f"column {offset - (before.rfind(chr(10)) + 1) + 1}"
    return f"line {before.count(chr(10)) + 1}, {column}" if "\n" in text.strip() else column


def short(text: str) -> str:
    """A text in one line, for an error."""
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= 60 else flat[:57] + "...")


def closing(tokens: list[Token], opening: int) -> int | None:
    """Find the parenthesis that closes another one; None if none does."""
    depth = 0
    for index in range(opening, len(tokens)):
        kind = tokens[index].token_type
        depth += (kind is TokenType.L_PAREN) - (kind is TokenType.R_PAREN)
        if depth == 0:
            return index
    return None


def _depth(tree: exp.Expr) -> int:
    """Count how far parts are within each other; of AND and OR there may be any number in a row."""
    deepest, waiting = 0, [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        depth += not isinstance(node, exp.Connector)
        waiting += [(child, depth) for child in node.iter_expressions()]
    return deepest


def _in_words(description: str, near: str) -> str:
    """Say what the parser says, without the names of its classes."""
    if description.startswith("Required keyword"):
        return f"a value is missing near {near!r}"
    if description.startswith("Expecting "):
        return f"a {description.removeprefix('Expecting ')} is missing behind {near!r}"
    if description.startswith("Expected ") and "<" not in description:
        return f"{description[0].lower()}{description[1:]}, not {near!r}"
    return f"{near!r} is not expected here"


def _offset(text: str, line: int, column: int) -> int:
    """Count the signs before a place that a line and a column name, both from 1."""
    lines = text.split("\n")
    return sum(len(each) + 1 for each in lines[: line - 1]) + column


def _open_quote(text: str) -> int:
    """Find the quote that is never closed."""
    at = opened = 0
    quote = ""
    while at < len(text):
        sign = text[at]
        if quote and sign == "\\" and quote != "`":
            at += 1
        elif quote == sign:
            quote = ""
        elif not quote and sign in "'\"`":
            quote, opened = sign, at
        at += 1
    return opened
