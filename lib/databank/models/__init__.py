"""Models: trained, gated, registered and scored from a YAML file."""

from databank.lazy import lazy_exports

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "LIFT": "databank.models.tables",
        "SCORE": "databank.models.tables",
        "TRAINING": "databank.models.tables",
        "ModelConfig": "databank.models.config",
        "ModelsConfig": "databank.models.config",
        "score_models": "databank.models.score",
        "train_models": "databank.models.train",
    },
)
