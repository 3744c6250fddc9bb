"""Expressions of users: Spark SQL with macros, read before any job starts."""

from databank.expressions.macros import Macro
from databank.expressions.parse import Expression, is_number, parse_expression
from databank.expressions.statement import Statement, parse_statement
from databank.expressions.windows import Window, parse_window

__all__ = [
    "Expression", "Macro", "Statement", "Window", "is_number", "parse_expression",
    "parse_statement", "parse_window",
]  # fmt: skip
