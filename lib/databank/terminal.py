"""Text from data on a terminal: nothing in it moves the cursor or forges a line."""

import json
import unicodedata
from typing import Any

LONGEST_VALUE = 300  # signs of a value in a table
LONGEST_MESSAGE = 2000  # signs of a message, which may list names
# control, format (bidi, zero width), lone surrogates, separators of lines and paragraphs
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # letters and emoji need them; they move nothing


def printable(text: object, *, most: int = LONGEST_VALUE) -> str:
    r"""Write a text with its control, bidi and other hidden signs as escapes such as \x1b.

    Everything that comes from data, files or the command line goes through here on its way to a
    terminal or a log.

    Args:
        text: What to show, as `str` shows it.
        most: Signs from which the middle is left out; the end often holds the remedy.
    """
    shown = str(text)
    if len(shown) > most:
        head = most * 2 // 3
        left_out = f" ...({len(shown) - most:,} more)... "
        shown = f"{shown[:head]}{left_out}{shown[head - most :]}"
    if shown.isprintable():
        return shown
    return "".join(repr(sign)[1:-1] if _is_hidden(sign) else sign for sign in shown)


def one_line(text: object) -> str:
    """Write a message as one line, its hidden signs as escapes."""
    return printable(" ".join(str(text).split()), most=LONGEST_MESSAGE)


def printable_json(value: Any) -> str:
    """Write JSON that a terminal may show: hidden signs are escaped, nothing is left out.

    Days, times and exact numbers are text.
    """
    text = json.dumps(value, default=str, ensure_ascii=False, indent=1)
    if text.replace("\n", "").isprintable():
        return text
    # line ends of the text itself part keys; those of values are escaped already
    return "".join(
        json.dumps(sign)[1:-1] if sign != "\n" and _is_hidden(sign) else sign for sign in text
    )


def _is_hidden(sign: str) -> bool:
    return unicodedata.category(sign) in _HIDDEN and sign not in _JOINERS
