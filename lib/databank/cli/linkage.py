"""`databank linkage`: what match thresholds give, and the pairs nearest to the chosen one."""

from typing import Any

from databank.cli.show import Rows, TextSection
from databank.identity.linkage.review import BorderlinePair, RuleReview, review_linkage
from databank.person_view.settings import read_settings


def describe_linkage(
    root: str, conf_dir: str, name: str | None, *, show_values: bool
) -> list[TextSection]:
    """Show the rules of `linkage` as they were applied last; raises as review_linkage."""
    rules = read_settings(conf_dir).identity.linkage
    return [
        section
        for review in review_linkage(root, rules, name)
        for section in _sections(review, show_values=show_values)
    ]


def _sections(review: RuleReview, *, show_values: bool) -> list[TextSection]:
    thresholds: Rows = [
        {
            "match threshold": row.threshold,
            "persons": row.persons,
            "pairs": row.pairs,
            "expected precision": row.expected_precision,
            "": "<- links" if row.chosen else None,
        }
        for row in review.thresholds
    ]
    samples = (
        ("linked, and not at a higher threshold", review.linked),
        ("not linked, and linked at a lower threshold", review.apart),
    )
    return [
        TextSection(f"{review.name}: persons and pairs by match threshold", thresholds),
        *(
            TextSection(
                f"{review.name}: {what}{'' if pairs else ': none'}",
                [_row(pair, show_values) for pair in pairs],
            )
            for what, pairs in samples
        ),
    ]


def _row(pair: BorderlinePair, show_values: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "joined at": pair.joined_at,
        "probability": pair.score,
        "identifiers": " - ".join(pair.types),
    }
    if show_values:
        row["records"] = " | ".join(pair.records)
        values = {field.name: f"{field.a or ''} | {field.b or ''}" for field in pair.fields}
        return row | values
    for agreement in ("same", "differs", "unstated"):
        names = [field.name for field in pair.fields if field.agreement == agreement]
        row[agreement] = ", ".join(names) or None
    return row
