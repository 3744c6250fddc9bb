"""Kinds of comparison: one spelling of a value, and the levels at which two values agree."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, functions as F

from databank.identity.linkage.config import Kind

_SAME_END = 8  # digits: more than a country or an area adds to a phone number in front


@dataclass(frozen=True)
class ComparisonKind:
    """A kind of comparison.

    Attributes:
        spelling: Makes the value that is compared out of the text that a profile states; null where
            there is nothing to compare.
        comparison: Makes Splink's comparison of a field.
    """

    spelling: Callable[[Column], Column]
    comparison: Callable[[str], Any]


# ---- one spelling


def _text(value: Column) -> Column:
    return _stated(F.trim(F.regexp_replace(F.lower(value), r"[\s\p{P}]+", " ")))


def _digits(value: Column) -> Column:
    return _stated(F.regexp_replace(value, r"[^0-9]", ""))


def _code(value: Column) -> Column:
    return _stated(F.regexp_replace(F.lower(value), r"[^\p{L}\p{N}]", ""))


def _phone(value: Column) -> Column:
    # the zeros before a country or an area
    return _stated(F.regexp_replace(_digits(value), "^0+", ""))


def _number(value: Column) -> Column:
    """Read a decimal number: blanks and commas before three digits part thousands."""
    plain = F.regexp_replace(value, r"(?<=\d)[\s,'](?=\d{3}(\D|$))", "")
    plain = F.regexp_replace(F.trim(plain), r"^([-+]?\d+),(\d+)$", "$1.$2")
    is_number = F.regexp_like(plain, F.lit(r"^[-+]?(\d+\.?\d*|\.\d+)$"))
    return F.when(is_number, plain.try_cast("double"))


def _words(value: Column) -> Column:
    return F.array_sort(F.array_distinct(F.split(_text(value), " ")))


def _stated(text: Column) -> Column:
    return F.nullif(text, F.lit(""))


# ---- levels of agreement


def _spelled(*thresholds: float) -> Callable[[str], Any]:
    def comparison(field: str) -> Any:
        from splink import comparison_library as library

        similar = library.JaroWinklerAtThresholds(field, list(thresholds))
        return similar.configure(term_frequency_adjustments=True)

    return comparison


def _by_letters(field: str) -> Any:
    from splink import comparison_library as library

    return library.DamerauLevenshteinAtThresholds(field, [1, 2])


def _equal(field: str) -> Any:
    from splink import comparison_library as library

    return library.ExactMatch(field).configure(term_frequency_adjustments=True)


def _by_phone(field: str) -> Any:
    from splink import comparison_level_library as levels

    ends = f"right({field}_l, {_SAME_END}) = right({field}_r, {_SAME_END})"
    return _levels(
        field,
        # a switchboard's number says less than one that nobody else has
        levels.ExactMatchLevel(field, term_frequency_adjustments=True),
        levels.CustomLevel(ends, f"the last {_SAME_END} digits"),
        levels.DamerauLevenshteinLevel(field, 1),
    )


def _by_relation(field: str) -> Any:
    from splink import comparison_level_library as levels

    # Splink's own level divides by the larger value, which may be 0 or negative
    largest = f"greatest(abs({field}_l), abs({field}_r))"
    difference = f"abs({field}_l - {field}_r)"
    shares = (
        levels.CustomLevel(f"{difference} <= {share} * {largest}", f"differs by {share:.0%}")
        for share in (0.01, 0.1)
    )
    return _levels(field, levels.ExactMatchLevel(field), *shares)


def _by_words(field: str) -> Any:
    from splink import comparison_level_library as levels

    # Splink's Jaccard level compares letters, its level of arrays counts and takes no share
    both = f"size(array_intersect({field}_l, {field}_r))"
    all_words = f"(size({field}_l) + size({field}_r) - {both})"
    shares = (
        levels.CustomLevel(f"{both} >= {share} * {all_words}", f"Jaccard {share}", "spark")
        for share in (0.75, 0.5)
    )
    return _levels(field, levels.ExactMatchLevel(field), *shares)


def _levels(field: str, *levels_of_it: Any) -> Any:
    from splink import comparison_level_library as levels, comparison_library as library

    whole = [levels.NullLevel(field), *levels_of_it, levels.ElseLevel()]
    return library.CustomComparison(whole, output_column_name=field)


# thresholds of names and dates are those of Splink's own comparisons, one set for all data
KINDS: dict[Kind, ComparisonKind] = {
    "name": ComparisonKind(_text, _spelled(0.92, 0.8)),
    "text": ComparisonKind(_text, _spelled(0.9, 0.75)),
    "words": ComparisonKind(_words, _by_words),
    "date": ComparisonKind(_digits, _by_letters),
    "code": ComparisonKind(_code, _by_letters),
    "phone": ComparisonKind(_phone, _by_phone),
    "number": ComparisonKind(_number, _by_relation),
    "exact": ComparisonKind(_text, _equal),
}
