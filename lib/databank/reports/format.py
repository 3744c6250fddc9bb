"""Numbers, days and names as a reader expects them."""

from datetime import date
from html import escape


def plain(text: str) -> str:
    """Escape markup in a text: Plotly takes names for it."""
    return escape(text, quote=False)


def count(value: float) -> str:
    """A whole number with thousands separators."""
    return f"{round(value):,}"


def share(part: float, whole: float) -> str:
    """A percentage with one digit; a dash where there is no whole.

    A few are not none, and nearly all are not all: <0.1% and >99.9%.
    """
    if not whole:
        return "–"  # noqa: RUF001 - a dash for readers
    text = f"{part / whole:.1%}"
    if text == "0.0%" and part > 0:
        return "<0.1%"
    return ">99.9%" if text == "100.0%" and part < whole else text


def change(now: float, before: float | None) -> str:
    """How much more or less than before, with its sign; nothing where there was nothing."""
    if not before or before < 0:
        return ""
    rounded = round(100 * (now / before - 1))
    sign = "+" if rounded > 0 else "\u2212" if rounded < 0 else ""
    return f"{sign}{abs(rounded)}\u00a0%"


def since(now: float, before: float, when: str) -> str:
    """Compare with an earlier figure: +5 % since 24 March."""
    more = change(now, before)
    return f"{more} since {when}" if more else ""


def number(value: float | None, digits: int = 1) -> str:
    """A measured number; a dash where there is none."""
    return "–" if value is None else f"{value:,.{digits}f}"  # noqa: RUF001


def short_number(value: float | None) -> str:
    """A number with as many digits as it deserves."""
    if value is None:
        return number(None)
    return number(value, 0 if float(value).is_integer() or abs(value) >= 100 else 2)


def bound(value: float) -> str:
    """The bound of a class, in whole digits: 1,000,000 and 0.25, not 1e+06."""
    rounded = float(f"{value:.6g}")
    return f"{rounded:,.0f}" if rounded.is_integer() else f"{rounded:,f}".rstrip("0")


def money(value: float | None, currency: str) -> str:
    """An amount without cents, with its unit."""
    return number(value, 0) if value is None else f"{value:,.0f} {currency}".strip()


def plural(n: int, noun: str) -> str:
    """A counted noun: 1 person, 2 persons."""
    return f"{count(n)} {noun if n == 1 else noun + 's'}"


def day(value: date, *, beside: date | None = None) -> str:
    """A day as people write it; the year is left out beside a day of the same year."""
    text = f"{value.day} {value:%B}"
    return text if beside is not None and beside.year == value.year else f"{text} {value.year}"


def span(first: date, last: date) -> str:
    """Days of a sentence: on one day, or from one to another."""
    if first == last:
        return f"on {day(first)}"
    return f"from {day(first, beside=last)} to {day(last)}"


def label(name: str, length: int = 26) -> str:
    """A name of the bank for people: blanks for underscores, cut in the middle where it is long.

    Names of one family often differ at their end, so the end stays.
    """
    text = name.replace("_", " ").strip()
    if len(text) <= length:
        return text
    kept = length // 3
    _, blank, whole_words = text[-kept:].partition(" ")
    end = whole_words if blank else text[-kept:]
    return f"{text[: length - kept - 1].rstrip()}…{end}"


def listed(names: list[str]) -> str:
    """Names in a sentence: a, b and c."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
