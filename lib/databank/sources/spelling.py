"""What may stand around an identifier, or in its place, and how numbers come to be spelled."""

import re
from decimal import Decimal

PLACEHOLDERS = (
    "", "unknown", "null", "(null)", "none", "nil", "nan", "n/a", "na", "undefined", "unset",
    "not set", "(not set)", "empty", "missing", "anonymous", "guest", "default", "test",
    "-", "--", "?", ".", "[object object]", "true", "false", "无", "未知", "空",
)  # fmt: skip
# around an identifier they are no part of it: white space of Unicode, and what shows nothing
BLANKS = (
    " \t\n\r\x0b\x0c\x00\x85\xa0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202c\u202f\u205f\u2060\u3000\ufeff"
)
LONGEST = 1000  # signs of an identifier: patterns need a stack that grows with them
# a whole number that went through a floating point number: 12345678.0, 1.2345678E7
FLOAT = r"^(?:0|[1-9][0-9]{0,14})[.]0+$|^[1-9][.][0-9]{1,14}[eE][+]?(?:[0-9]|1[0-5])$"
# all zeros, all f, or the address that phones give out instead of their own
EMPTY = r"^(?:[0:-]+|[fF-]{8,}|02:00:00:00:00:00)$"
EMPTY_BEGINS = ("0", ":", "-", "f", "F")


def is_placeholder_text(text: str, *, zeros: bool = True) -> bool:
    """Tell whether a trimmed text only says that there is no identifier; also by zeros, or not."""
    return text.lower() in PLACEHOLDERS or (zeros and re.search(EMPTY, text) is not None)


def whole_number(text: str) -> str:
    """Write a whole number that went through a floating point number by its digits."""
    if not re.search(FLOAT, text):
        return text
    value = Decimal(text)
    return str(int(value)) if value == value.to_integral_value() else text
