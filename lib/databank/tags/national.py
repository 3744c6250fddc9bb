"""What a national identity number tells: when its holder was born, of which gender, where."""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import stdnum
from stdnum.exceptions import ValidationError

from databank.errors import did_you_mean

# fact -> functions of python-stdnum that tell it
_TELLERS = {
    "birth_date": ("get_birth_date",),
    "gender": ("get_gender",),
    "region": ("get_birth_place", "get_county", "get_region"),
}
_GENDERS = {"F": "female", "M": "male"}


def refuse_untold(number_format: str, fact: str) -> None:
    """Raise unless numbers of the format tell the fact.

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    known = _formats()
    if number_format not in known:
        raise ValueError(f"unknown format {number_format!r}; {did_you_mean(number_format, known)}")
    told = [each for each in _TELLERS if _teller(number_format, each) is not None]
    if fact not in told:
        tells = f"it tells {', '.join(told)}" if told else "choose another format"
        raise ValueError(f"numbers of format {number_format} tell no {fact}; {tells}")


def read_fact(number: str, number_format: str, fact: str) -> str | None:
    """What a number tells, a day as YYYY-MM-DD; None if it is not a valid one."""
    teller = _teller(number_format, fact)
    if teller is None:
        raise ValueError(f"numbers of format {number_format} tell no {fact}")
    try:
        told = teller(import_module(f"stdnum.{number_format}").validate(number))
    except (ValidationError, ValueError):
        return None
    if isinstance(told, dict):  # from the large to the small
        told = next(iter(told.values()), None)
    return _GENDERS.get(told, told) if told is None or fact == "gender" else str(told)


def _formats() -> list[str]:
    """Formats of python-stdnum as it names them: country and number."""
    here = stdnum.__path__[0]
    countries = [each.name for each in iter_modules([here]) if each.ispkg]
    return [
        f"{country}.{each.name}"
        for country in countries
        for each in iter_modules([f"{here}/{country}"])
    ]


def _teller(number_format: str, fact: str) -> Callable[[str], Any] | None:
    if (number_format, fact) == ("cn.ric", "gender"):
        return _gender_in_china
    module = import_module(f"stdnum.{number_format}")
    found = (getattr(module, name, None) for name in _TELLERS[fact])
    return next((each for each in found if each is not None), None)


def _gender_in_china(number: str) -> str:
    """By the 17th digit, odd for men (GB 11643-1999); python-stdnum does not tell it."""
    return "M" if int(number[16]) % 2 else "F"
