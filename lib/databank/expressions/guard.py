"""Write an expression so that what cannot be computed is null, and tell where that was so.

Spark stops the job at the first zero divisor, failed cast or overflow; it has `try_` functions for
these. The text is rewritten by its tokens: all but arithmetic and the names of such functions
is left as it was written.
"""

from dataclasses import dataclass, field

import sqlglot
from sqlglot.tokenizer_core import Token, TokenType

from databank.expressions.functions import known_functions

_TIMES = {TokenType.STAR: "multiply", TokenType.SLASH: "divide", TokenType.MOD: "mod"}
_PLUS = {TokenType.PLUS: "add", TokenType.DASH: "subtract"}
_SIGNS = frozenset({TokenType.PLUS, TokenType.DASH, TokenType.TILDE})
_OPENING = {TokenType.L_PAREN: TokenType.R_PAREN, TokenType.L_BRACKET: TokenType.R_BRACKET}
_POSTFIXES = frozenset({TokenType.DOT, TokenType.COLON, TokenType.DCOLON, TokenType.L_BRACKET})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET})
# words that stand between values, and are none
_BETWEEN = frozenset(
    {
        *("and", "or", "not", "in", "between", "like", "ilike", "rlike", "regexp", "is", "escape"),
        *("as", "from", "for", "when", "then", "else", "end", "distinct", "any", "all", "some"),
        *("exists", "div"),
    }
)
# inside these a null may be meant: they ask first, or have something else to give
CONDITIONAL = frozenset({"coalesce", "if", "ifnull", "nullif", "nvl", "nvl2"})
_CONDITIONAL = CONDITIONAL | {"try_cast"}
# their null may say that nothing is there
_NOT_COUNTED = frozenset({"element_at", "parse_url", "variant_get"})
_AGGREGATES = frozenset({"avg", "sum"})
# a cast, too: int(x)
_CASTS = frozenset(
    {
        *("bigint", "binary", "boolean", "date", "decimal", "double", "float", "int", "smallint"),
        *("timestamp", "tinyint"),
    }
)


@dataclass(frozen=True)
class Guarded:
    """An expression that gives null where it cannot be computed.

    Attributes:
        sql: The expression.
        faults: Conditions, of which one holds where a part of it could not be computed; none where
            the expression asks for that itself, by CASE, coalesce or the like.
        overflows: Those of them where a sum, difference or product has no value.
    """

    sql: str
    faults: tuple[str, ...] = ()
    overflows: tuple[str, ...] = ()


class _UnsureError(Exception):
    """The text is not understood to the end."""


def guarded(text: str) -> Guarded:
    """Rewrite readable SQL of one value; text that is not understood is left as it is."""
    tokens = sqlglot.tokenize(text, read="spark")
    writer = _Writer(text, tokens)
    try:
        sql = writer.values(None)
    except (_UnsureError, IndexError):
        return Guarded(text)
    if any(token.token_type is TokenType.ARROW for token in tokens):
        return Guarded(sql)  # a parameter of a lambda is nothing outside it
    faults, overflows = (tuple(dict.fromkeys(each)) for each in (writer.faults, writer.overflows))
    return Guarded(sql, faults, overflows)


@dataclass
class _Writer:
    """Reads tokens from left to right, and writes what they are."""

    text: str
    tokens: list[Token]
    at: int = 0
    conditional: int = 0
    faults: list[str] = field(default_factory=list)
    overflows: list[str] = field(default_factory=list)

    def values(self, closing: TokenType | None) -> str:
        """Write values, and what stands between them, up to the closing bracket."""
        pieces: list[str] = []
        was_value = False
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.token_type in _CLOSING:
                if token.token_type is not closing:
                    raise _UnsureError
                return "".join(pieces)
            is_value = self._begins_value(token) or (not was_value and token.token_type in _SIGNS)
            if is_value and was_value:
                raise _UnsureError
            pieces += [self._gap(), self._sum() if is_value else self._next()]
            was_value = is_value
        if closing is not None:
            raise _UnsureError
        return "".join(pieces) + self.text[self.tokens[-1].end + 1 :]

    def _sum(self) -> str:
        left = self._product()
        while (kind := self._kind()) in _PLUS or kind is TokenType.DPIPE:
            self.at += 1
            right = self._product()
            left = (
                self._computed(_PLUS[kind], left, right) if kind in _PLUS else f"{left} || {right}"
            )
        return left

    def _product(self) -> str:
        left = self._signed()
        while (kind := self._kind()) in _TIMES or kind is TokenType.DIV:
            self.at += 1
            right = self._signed()
            if kind in _TIMES:
                left = self._computed(_TIMES[kind], left, right)
            else:
                left = self._noted(f"({left} div nullif({right}, 0))", left, right)
        return left

    def _signed(self) -> str:
        if self._kind() not in _SIGNS:
            return self._postfixed()
        sign = self._next()
        return f"{sign}{self._gap()}{self._signed()}"

    def _postfixed(self) -> str:
        """Write a name, a call, a literal, brackets, and what is taken out of it."""
        value = self._primary()
        while (kind := self._kind()) in _POSTFIXES:
            if kind is TokenType.L_BRACKET:
                value += self._gap() + self._brackets()
            elif kind is TokenType.DOT:
                value += self._gap() + self._next() + self._next()
            elif kind is TokenType.COLON:
                value += self._gap() + self._next()
                if not self._is_word(self.tokens[self.at]):
                    raise _UnsureError
                value += self._next()
            elif self._written(self.at) != "::":
                self.at += 2  # as the tokenizer reads 10L, whose number has its letter already
            else:
                self.at += 1
                kept = self._next() + (
                    self._brackets() if self._kind() is TokenType.L_PAREN else ""
                )
                value = self._noted(f"try_cast({value} AS {kept})", value)
        return value

    def _primary(self) -> str:
        token = self.tokens[self.at]
        if not self._begins_value(token):
            raise _UnsureError
        kind = token.token_type
        if kind is TokenType.L_PAREN:
            return self._brackets()
        if kind is TokenType.CASE:
            return self._case()
        if kind is TokenType.INTERVAL:
            return self._interval()
        word = self._next()
        if not word[0].isalpha() and word[0] != "_":
            return word
        following = self._kind()
        if following is TokenType.STRING:
            return word + self._gap() + self._next()  # DATE '2026-01-31'
        return self._call(word) if following is TokenType.L_PAREN else word

    def _call(self, name: str) -> str:
        first = self.at + 1
        # behind `as` it is a type, as in decimal(18,2)
        is_type = first > 2 and self.tokens[first - 3].token_type is TokenType.ALIAS
        plain = name.lower()
        conditional = plain in _CONDITIONAL
        self.conditional += conditional
        written = self._gap() + self._brackets()
        self.conditional -= conditional
        if (
            plain in _CASTS
            and not is_type
            and self.tokens[first].token_type is not TokenType.NUMBER
        ):
            operand = written.strip()[1:-1]
            return self._noted(f"try_cast({operand} AS {plain})", operand)
        if plain in _AGGREGATES or f"try_{plain}" not in known_functions():
            return name + written
        value = f"try_{plain}{written}"
        if plain in _NOT_COUNTED or self._written(first) == ")":
            return value
        end = self.at
        self.at = first
        self.conditional += 1  # its faults were noted with the brackets
        operand = self._sum()
        self.conditional -= 1
        self.at = end
        return self._noted(value, operand)

    def _brackets(self) -> str:
        opening = self.tokens[self.at].token_type
        begin = self._next()
        inner = self.values(_OPENING[opening])
        return begin + inner + self._gap() + self._next()

    def _case(self) -> str:
        begin, depth = self.tokens[self.at].start, 0
        while True:
            kind = self.tokens[self.at].token_type
            depth += (kind is TokenType.CASE) - (kind is TokenType.END)
            self.at += 1
            if depth == 0:
                break
        inside = self.text[begin + 4 : self.tokens[self.at - 1].start]
        written = _Writer(inside, sqlglot.tokenize(inside, read="spark")).values(None)
        return f"CASE{written}END"

    def _interval(self) -> str:
        begin = self.tokens[self.at].start
        self.at += 1
        self.at += self._kind() in _SIGNS
        if self._kind() not in (TokenType.NUMBER, TokenType.STRING):
            raise _UnsureError
        self.at += 1
        while self.at < len(self.tokens) and self._is_word(self.tokens[self.at]):
            if self.tokens[self.at].text.lower() in _BETWEEN:
                break
            self.at += 1
        return self.text[begin : self.tokens[self.at - 1].end + 1]

    def _computed(self, operation: str, left: str, right: str) -> str:
        noted = len(self.faults)
        value = self._noted(f"try_{operation}({left}, {right})", left, right)
        if operation in ("add", "subtract", "multiply"):
            self.overflows += self.faults[noted:]
        return value

    def _noted(self, value: str, *operands: str) -> str:
        """Note that the value is null although none of its operands is."""
        if not self.conditional:
            given = "".join(f" AND ({operand}) IS NOT NULL" for operand in operands)
            self.faults.append(f"({value}) IS NULL{given}")
        return value

    def _begins_value(self, token: Token) -> bool:
        if token.token_type in (TokenType.STRING, TokenType.NUMBER, TokenType.IDENTIFIER):
            return True
        if token.token_type is TokenType.L_PAREN:
            return True
        return self._is_word(token) and token.text.lower() not in _BETWEEN

    def _is_word(self, token: Token) -> bool:
        first = self.text[token.start]
        return first.isalpha() or first == "_"

    def _kind(self) -> TokenType | None:
        return self.tokens[self.at].token_type if self.at < len(self.tokens) else None

    def _written(self, at: int) -> str:
        return self.text[self.tokens[at].start : self.tokens[at].end + 1]

    def _next(self) -> str:
        self.at += 1
        return self._written(self.at - 1)

    def _gap(self) -> str:
        """Write the blanks before the next token as they are."""
        before = self.tokens[self.at - 1].end + 1 if self.at else 0
        return self.text[before : self.tokens[self.at].start]
