"""Expressions of users: Spark SQL with macros, read before any job starts."""

import databank.expressions.vocabulary  # noqa: F401 - registers the macros
from databank.expressions.macros import MACROS, Macro, MacroSpec, macro_reference
from databank.expressions.parse import Expression, is_number, parse_expression
from databank.expressions.statement import Statement, parse_statement
from databank.expressions.windows import Window, parse_window

__all__ = [
    "MACROS", "Expression", "Macro", "MacroSpec", "Statement", "Window", "is_number",
    "macro_reference", "parse_expression", "parse_statement", "parse_window",
]  # fmt: skip
