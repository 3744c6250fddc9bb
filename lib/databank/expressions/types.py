"""Simple types of expressions: what is compared with what it can never equal, found without Spark.

Spark takes many such comparisons, casts one side for each row, and stops at the first row that it
cannot cast, or finds nothing; so they are told before a job starts.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from sqlglot import exp

from databank.errors import did_you_mean
from databank.expressions.syntax import short, syntax_tree

Kind = Literal["number", "text", "date", "boolean"]
# Spark types -> kinds
KINDS: Mapping[str, Kind] = {
    "bigint": "number", "int": "number", "double": "number", "string": "text", "date": "date",
    "boolean": "boolean",
}  # fmt: skip
_EQUAL = (exp.EQ, exp.NEQ, exp.NullSafeEQ)
_COMPARED = (*_EQUAL, exp.GT, exp.GTE, exp.LT, exp.LTE)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod)
_TEXTS = (exp.Lower, exp.Upper, exp.Concat, exp.DPipe, exp.Substring, exp.Trim)
_NUMBERS = (exp.Length, exp.Abs, exp.Round, exp.Ceil, exp.Floor, exp.DateDiff)
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_DATE = re.compile(r"\s*\d{4}(-\d{1,2}(-\d{1,2}([ T].*)?)?)?\s*")
_BOOLEANS = frozenset({"t", "true", "y", "yes", "1", "f", "false", "n", "no", "0"})


@dataclass(frozen=True)
class Known:
    """What is known of a column.

    Attributes:
        shown: How a text names it: a tag's name, `stage()`.
        kind: Kind of its values; None = it is not known.
        values: All that a text may be; None = any.
    """

    shown: str
    kind: Kind | None = None
    values: frozenset[str] | None = None


def type_faults(sql: str, columns: Mapping[str, Known], *, condition: bool) -> Iterator[str]:
    """List what an expression compares in vain, and what is no condition where one is wanted.

    Args:
        sql: A readable expression, its macros written as columns.
        columns: What is known of its columns.
        condition: Whether it has to be yes or no.

    Yields:
        `what is wrong; what to write instead`.
    """
    if sql in columns and not condition:
        return  # a macro alone, as measures have it
    tree = syntax_tree(sql)
    reader = _Reader(columns)
    for node in tree.walk():
        if isinstance(node, _COMPARED):
            yield from reader.compared(node, node.this, node.expression)
        elif isinstance(node, exp.In):
            for each in node.expressions:
                yield from reader.compared(node, node.this, each)
        elif isinstance(node, exp.Between):
            for each in (node.args["low"], node.args["high"]):
                yield from reader.compared(node, node.this, each)
        elif isinstance(node, exp.Connector):
            yield from chain(reader.condition(node.this), reader.condition(node.expression))
        elif isinstance(node, exp.Not):
            yield from reader.condition(node.this)
    if condition:
        yield from reader.condition(tree)


class _Reader:
    def __init__(self, columns: Mapping[str, Known]) -> None:
        self._columns = columns

    def compared(self, node: exp.Expr, left: exp.Expr, right: exp.Expr) -> Iterator[str]:
        """List what is wrong with a comparison of two values."""
        left, right = left.unnest(), right.unnest()
        kinds = self.kind(left), self.kind(right)
        pair = ((left, kinds[0], right, kinds[1]), (right, kinds[1], left, kinds[0]))
        for value, kind, beside, of_beside in pair:
            known = self._known(value)
            if known and known.values is not None and _is_text(beside):
                wanted = isinstance(node, (*_EQUAL, exp.In))
                if wanted and beside.name not in known.values:
                    hint = did_you_mean(beside.name, known.values)
                    yield f"{known.shown} is never {beside.name!r}; {hint}"
            if _is_text(beside) and kind not in (None, "text"):
                if not _readable(beside.name, kind):
                    compares = self._compares(node, kind)
                    yield f"{compares} the text {beside.name!r}; {_REMEDIES[kind]}"
                return
            if kind == "text" and not _is_text(value) and of_beside not in (None, "text"):
                literal = f"'{beside.name}'" if isinstance(beside, exp.Literal) else "a text"
                yield (
                    f"{self._compares(node, 'text')} a {of_beside}; write {literal}, or try_cast "
                    f"{self.shown(value)}"
                )
                return
        if None not in kinds and "text" not in kinds and kinds[0] != kinds[1]:
            first, second = kinds
            yield f"{self._compares(node, str(first))} a {second}; {_REMEDIES[str(first)]}"

    def condition(self, node: exp.Expr) -> Iterator[str]:
        """Tell that a value is no condition."""
        kind = self.kind(node)
        if kind not in (None, "boolean"):
            shown = self.shown(node)
            yield f"{shown} is a {kind}, and no condition; compare it, as in {_COMPARE[str(kind)]}"

    def kind(self, node: exp.Expr) -> Kind | None:
        """Tell the kind of a value; None if it is not known."""
        if isinstance(node, exp.Paren):
            return self.kind(node.this)
        if isinstance(node, exp.Literal):
            return "text" if node.is_string else "number"
        if isinstance(node, (exp.Boolean, exp.Predicate, exp.Connector, exp.Not)):
            return "boolean"
        if isinstance(node, exp.Cast):
            return _kind_of_type(node.to.this)
        if isinstance(node, exp.Column):
            known = self._known(node)
            return known.kind if known else None
        if isinstance(node, (exp.Neg, *_NUMBERS)):
            return "number"
        if isinstance(node, _TEXTS):
            return "text"
        if isinstance(node, _ARITHMETIC):
            # a day and an interval make a day
            sides = {self.kind(node.this), self.kind(node.expression)}
            return "number" if sides == {"number"} else None
        if isinstance(node, exp.Coalesce):
            every = {self.kind(each) for each in (node.this, *node.expressions)}
            return every.pop() if len(every) == 1 else None
        return None

    def shown(self, node: exp.Expr) -> str:
        """Write a part of the expression, macros as they are called."""
        text = node.sql(dialect="spark")
        for name, known in self._columns.items():
            if name != known.shown:
                text = text.replace(name, known.shown)
        return short(text)[1:-1]

    def _compares(self, node: exp.Expr, kind: str | None) -> str:
        return f"`{self.shown(node)}` compares a {kind} with"

    def _known(self, node: exp.Expr) -> Known | None:
        # the parameter of a lambda may be called what a column is
        if not isinstance(node, exp.Column) or node.find_ancestor(exp.Lambda):
            return None
        return self._columns.get(node.name) if len(node.parts) == 1 else None


_REMEDIES = {
    "number": "write a number",
    "date": "write date '2026-01-31'",
    "boolean": "write the condition alone, or NOT and the condition",
}
_COMPARE = {"number": "spend > 0", "text": "city = 'Berlin'", "date": "day > date '2026-01-31'"}


def _is_text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _readable(text: str, kind: Kind | None) -> bool:
    """Tell whether Spark reads a text as a value of a kind."""
    if kind == "number":
        return _NUMBER.fullmatch(text) is not None
    if kind == "date":
        return _DATE.fullmatch(text) is not None
    return text.strip().lower() in _BOOLEANS


def _kind_of_type(name: object) -> Kind | None:
    if name in exp.DataType.NUMERIC_TYPES:
        return "number"
    if name in exp.DataType.TEXT_TYPES:
        return "text"
    if name in exp.DataType.TEMPORAL_TYPES:
        return "date"
    return "boolean" if name == exp.DataType.Type.BOOLEAN else None
