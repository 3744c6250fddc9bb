"""Read a SELECT statement: which tables and columns it has, without changing the rest of it."""

from dataclasses import dataclass
from datetime import date

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from databank.expressions.parse import check_token
from databank.expressions.syntax import SyntaxFaultError, read_tokens, short, syntax_tree


@dataclass(frozen=True)
class Statement:
    """A read statement.

    Attributes:
        text: As it was written.
        tables: `schema.table` of all that it reads, sorted.
        columns: Names of what it gives.
    """

    text: str
    tables: tuple[str, ...]
    columns: tuple[str, ...]

    def bound(self, names: dict[str, str], day: date) -> str:
        """The text with other names for its tables, and with the day; nothing else is changed.

        Spark's own parameters are lost on the way through Delta's parser.
        """
        tokens = sqlglot.tokenize(self.text, read="spark")
        pieces, at = [], 0
        for place, token in enumerate(tokens):
            parts = tokens[place : place + 3]
            if token.token_type == TokenType.COLON and _written(parts[1:2]) == "day":
                last, given = parts[1], f"DATE'{day}'"
            elif len(parts) == 3 and _written(parts) in names:
                last, given = parts[2], names[_written(parts)]
            else:
                continue
            pieces += [self.text[at : token.start], given]
            at = last.end + 1
        return "".join(pieces) + self.text[at:]


def _written(tokens: list[Token]) -> str:
    """Names and dots in small letters; '' if there is a text in quotes among them."""
    if any(token.token_type == TokenType.STRING for token in tokens):
        return ""
    return "".join(token.text.lower() for token in tokens)


def parse_statement(text: str) -> Statement:
    """Read one SELECT; `:day` in it is the run day.

    Raises:
        ValueError: `what is wrong; what to write instead`, for what is no SELECT, reads what is no
            table, or would give something else at another time.
    """
    if not text.strip():
        raise ValueError("there is no SELECT; write SELECT ... FROM schema.table")
    try:
        tokens = read_tokens(text)
        for index in range(len(tokens)):
            check_token(tokens, index)
        tree = syntax_tree(text)
    except SyntaxFaultError as error:
        raise ValueError(error.in_full(text)) from None
    if not isinstance(tree, exp.Query):
        raise ValueError(f"{short(text)} is not one SELECT; write SELECT ... FROM schema.table")
    if tree.find(exp.TableSample):
        raise ValueError("TABLESAMPLE gives other rows in another run; choose them by a condition")
    unknown = {placeholder.name for placeholder in tree.find_all(exp.Placeholder)} - {"day"}
    if unknown:
        raise ValueError(f"unknown parameter :{min(unknown)}; only :day, the run day, is given")
    own = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    tables = set()
    for table in tree.find_all(exp.Table):
        if not table.db and table.name.lower() in own:
            continue
        if not table.db or table.catalog:
            raise ValueError(f"{table.sql(dialect='spark')} is no table here; write schema.table")
        tables.add(f"{table.db}.{table.name}".lower())
    return Statement(text, tuple(sorted(tables)), tuple(tree.named_selects))
