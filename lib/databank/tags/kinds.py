"""The kinds of tags: what each needs, and what it may say."""

import re
from typing import TYPE_CHECKING, Literal

from databank.archive.refers import PERSONS
from databank.config import Shapes

if TYPE_CHECKING:
    from databank.tags.config import TagConfig

Kind = Literal[
    "measure", "rule", "percentile", "model", "probability", "preference", "top", "attribute",
    "national_id", "sql", "lookup",
]  # fmt: skip
# kinds whose values are texts, unless they say otherwise
TEXTS = ("attribute", "top", "lookup", "probability", "national_id")
UNKNOWN = "unknown"  # what a probability says of those who could be either
# kinds that read an attribute of profiles
OF_PROFILES = ("attribute", "national_id")
# measure of an event -> the macro that answers it
MEASURES = {
    "count": "events",
    "sum(amount)": "amount",
    "avg(amount)": "average_amount",
    "max(amount)": "largest_amount",
    "min(amount)": "smallest_amount",
    "sum(quantity)": "quantity",
    "distinct": "distinct",
    "days": "days_active",
    "streak": "days_in_a_row",
    "recency": "days_since",
    "first": "first_on",
    "last": "last_on",
}
ZERO_IS_NOTHING = frozenset({"count", "distinct", "days", "streak"})
DAYS = frozenset({"first", "last"})
RANKING = ("count", "sum(amount)", "days")
SHAPES: Shapes = {
    "measure": (("event", "measure"), ("window", "filter", "by"), "event: login, measure: count"),
    "rule": (("when",), (), "when: logins_30d >= 4"),
    "percentile": (("of", "share"), (), "of: spend_90d, share: 0.20"),
    "model": (("model",), ("bands",), "model: churn@champion"),
    "probability": (
        ("model", "at_least"),
        ("outcomes",),
        "model: gender_from_name, at_least: 0.9",
    ),
    "preference": (
        ("event", "by", "value"),
        ("window", "minimum", "lift"),
        "event: read, by: category, value: sport",
    ),
    "top": (
        ("event", "by"),
        ("measure", "window", "filter", "k", "rank"),
        "event: purchase, by: category",
    ),
    "attribute": (("attribute",), ("sources", "prefer"), "attribute: city"),
    "national_id": (
        ("attribute", "format", "fact"),
        ("sources",),
        "attribute: id_number, format: cn.ric, fact: birth_date",
    ),
    "lookup": (
        (),
        ("of", "identifier", "region", "scope", "values", "table", "gives"),
        "of: city, table: city_tier.csv",
    ),
    "sql": (
        ("select", "gives"),
        (),
        'gives: count, select: "SELECT person_id, count(*) AS value FROM archive.person_day '
        'WHERE day > :day - INTERVAL 30 DAYS AND synthetic IS NULL GROUP BY person_id"',
    ),
}
RESERVED = frozenset({"person_id", "tag", "as_of", PERSONS})
_CALL = re.compile(r"^(sum|avg|max|min)\(([a-z][a-z0-9_]*)\)$")
_OF_NUMBERS = {
    "sum": "sum_of", "avg": "average_of", "max": "largest_of", "min": "smallest_of",
}  # fmt: skip
OF_A_PERSON = ("attribute", "national_id", "model", "probability", "sql")


def macro_of(measure: str) -> tuple[str, str | None] | None:
    """The macro that answers a measure, and the dimension whose numbers it takes, if it does.

    None = there is no such measure.
    """
    if measure in MEASURES:
        return MEASURES[measure], None
    call = _CALL.match(measure)
    return (_OF_NUMBERS[call.group(1)], call.group(2)) if call else None


def refuse_measure(tag: "TagConfig", measure: str) -> None:
    """Raise unless a tag may have the measure.

    Raises:
        ValueError: `what is wrong; what to write instead`.
    """
    if macro_of(measure) is None:
        raise ValueError(
            f"tag {tag.name!r}: unknown measure {measure!r}; write one of: "
            f"{', '.join(MEASURES)}, or sum, avg, min, max of a dimension that is a number"
        )
    if tag.kind == "top":
        if measure not in RANKING:
            raise ValueError(
                f"tag {tag.name!r}: values are not ranked by {measure!r}; "
                f"write one of: {', '.join(RANKING)}"
            )
        return
    if (measure == "distinct") != (tag.by is not None):
        raise ValueError(
            f"tag {tag.name!r}: `by` names the dimension whose values are counted; "
            "write measure: distinct, by: category"
        )
    if measure == "recency" and tag.window is not None:
        raise ValueError(f"tag {tag.name!r}: recency looks at the whole past; remove `window`")
