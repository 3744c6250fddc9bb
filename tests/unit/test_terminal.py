"""Text from data on its way to a terminal: no sign of it does anything there."""

import json
import sys
import unicodedata

import pytest
from hypothesis import given, strategies as st

from databank.terminal import one_line, printable, printable_json

# all that act, beside the last of them, which lie beyond 16 bits; and some that do not
ACTING = [
    chr(n) for n in range(0x10000) if unicodedata.category(chr(n)) in {"Cc", "Cf", "Zl", "Zp"}
]
HOSTILE = st.text(st.sampled_from([*ACTING, "\ud800", "\U000e0041", *'aé王[]\\" ']))


def is_harmless(text: str) -> bool:
    """What terminals act on: control and format signs, but for those that join letters."""
    acting = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return all(
        unicodedata.category(sign) not in acting for sign in text if sign not in "\u200c\u200d"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;owned\x07", r"\x1b[2J\x1b]0;owned\x07"),
        ("a\nerror: all is well", r"a\nerror: all is well"),
        ("\x9b31mred", r"\x9b31mred"),
        ("user\u202egnp.exe", r"user\u202egnp.exe"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("a\u2028b\x7f\t", r"a\u2028b\x7f\t"),
        # writing of the world stays as it is
        ("Müller 王小明 \U0001f468\u200d\U0001f469 می\u200cشود a\u00a0b", None),
        ("[red]x[/red] :smile: C:\\temp", None),
    ],
)
def test_signs_that_act_are_escaped_and_writing_is_kept(text: str, shown: str | None) -> None:
    assert printable(text) == (text if shown is None else shown)


@given(HOSTILE)
def test_nothing_that_is_printed_acts(text: str) -> None:
    assert is_harmless(printable(text))
    assert is_harmless(one_line(text))
    printable(text).encode(sys.stdout.encoding or "utf-8")


def test_a_long_value_keeps_its_begin_and_its_end() -> None:
    shown = printable("a" * 5000 + "; do this", most=30)
    assert (shown[:20], shown[-9:]) == ("a" * 20, "; do this")
    assert len(shown) < 60
    assert "(4,979 more)" in shown
    assert printable("a" * 30, most=30) == "a" * 30


@given(st.dictionaries(HOSTILE, HOSTILE | st.integers() | st.none()))
def test_json_is_harmless_and_says_the_same(value: dict[str, object]) -> None:
    text = printable_json(value)
    assert is_harmless(text.replace("\n", ""))
    assert json.loads(text) == value
