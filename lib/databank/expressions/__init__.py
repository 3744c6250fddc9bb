"""Expressions of users: Spark SQL with macros, read before any job starts."""

from databank.expressions.macros import Macro
from databank.expressions.parse import Expression, parse_expression
from databank.expressions.windows import Window, parse_window

__all__ = ["Expression", "Macro", "Window", "parse_expression", "parse_window"]
