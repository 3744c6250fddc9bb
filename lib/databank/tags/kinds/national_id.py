"""National identity numbers: when their holders were born, of which gender, where."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import stdnum
from pydantic import Field, model_validator
from stdnum.exceptions import ValidationError

from databank.archive.config import TagType
from databank.errors import did_you_mean
from databank.tags.columns import SPARK_TYPES, F, input_column
from databank.tags.kinds.attribute import ProfileTag

if TYPE_CHECKING:
    from pyspark.sql import Column

# fact -> functions of python-stdnum that read it off a number
_READERS = {
    "birth_date": ("get_birth_date",),
    "gender": ("get_gender",),
    "region": ("get_birth_place", "get_county", "get_region"),
}
_GENDERS = {"F": "female", "M": "male"}


class NationalIdTag(ProfileTag):
    """A fact that a national identity number in the person's profiles has in it."""

    example: ClassVar[str] = "attribute: id_number, format: cn.ric, fact: birth_date"
    if_empty: ClassVar[str] = "no profile says a valid number; check its attribute and its format"

    kind: Literal["national_id"]
    format: str = Field(description="Country and kind of number, as python-stdnum names it: cn.ric")
    fact: Literal["birth_date", "gender", "region"] = Field(
        description="Which fact is read off the number"
    )

    @model_validator(mode="after")
    def _number_has_it(self) -> Self:
        known = _formats()
        if self.format not in known:
            remedy = did_you_mean(self.format, known)
            raise ValueError(f"unknown format {self.format!r}; {remedy}")
        facts = [fact for fact in _READERS if _reader(self.format, fact) is not None]
        if self.fact not in facts:
            remedy = f"it tells {', '.join(facts)}" if facts else "choose another format"
            raise ValueError(f"numbers of format {self.format} tell no {self.fact}; {remedy}")
        return self

    @property
    def type(self) -> TagType:
        """A date for the day of birth, else a text."""
        return "date" if self.fact == "birth_date" else "text"

    def column(self, aggregates: Sequence[Any] = ()) -> "Column":
        """Read the fact; null where the number is not valid."""
        import pandas as pd
        from pyspark.sql.pandas.functions import pandas_udf

        read = partial(read_fact, number_format=self.format, fact=self.fact)

        def facts_of(numbers: pd.Series) -> pd.Series:
            return numbers.map(read, na_action="ignore")

        reader = pandas_udf(facts_of, "string")  # type: ignore[call-overload]
        fact: Column = reader(F.col(input_column(self.name)))
        return fact.cast(SPARK_TYPES[self.type])


def read_fact(number: str, number_format: str, fact: str) -> str | None:
    """Read a fact off a number, a day as YYYY-MM-DD; None if the number is not valid."""
    reader = _reader(number_format, fact)
    if reader is None:
        raise ValueError(f"numbers of format {number_format} tell no {fact}")
    try:
        value = reader(import_module(f"stdnum.{number_format}").validate(number))
    except (ValidationError, ValueError):
        return None
    if isinstance(value, dict):  # from the large to the small
        value = next(iter(value.values()), None)
    return _GENDERS.get(value, value) if value is None or fact == "gender" else str(value)


def _formats() -> list[str]:
    """List the formats of python-stdnum as it names them: country and number."""
    here = stdnum.__path__[0]
    countries = [each.name for each in iter_modules([here]) if each.ispkg]
    return [
        f"{country}.{each.name}"
        for country in countries
        for each in iter_modules([f"{here}/{country}"])
    ]


def _reader(number_format: str, fact: str) -> Callable[[str], Any] | None:
    if (number_format, fact) == ("cn.ric", "gender"):
        return _gender_in_china
    module = import_module(f"stdnum.{number_format}")
    readers = (getattr(module, name, None) for name in _READERS[fact])
    return next((each for each in readers if each is not None), None)


def _gender_in_china(number: str) -> str:
    """Read the 17th digit, odd for men (GB 11643-1999); python-stdnum does not read it."""
    return "M" if int(number[16]) % 2 else "F"
