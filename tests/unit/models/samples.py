"""Model files as tests write them."""

from typing import Any

from databank.models.families.tabular_spec import TabularSpec

FEATURES = {
    "logins_7d": "events('login', 'last 7 days')",
    "logins_30d": "events('login', 'last 30 days')",
    "days_since_any": "days_since('*')",
    "days_since_purchase": "days_since('purchase')",
    "spend_30d": "amount('purchase', 'last 30 days')",
}
GONE = {"when": "events('*', 'next 30 days') = 0", "days": 30}


def model(**changes: Any) -> TabularSpec:
    """A small churn model, with changes."""
    plain: dict[str, Any] = {
        "model": "churn",
        "algorithm": "logistic_regression",
        "features": FEATURES,
        "label": GONE,
        "holdout": 0.3,
        "gate": {"auc": 0.6},
    }
    return TabularSpec.model_validate(plain | changes)
