"""conf/models/*.yml: the families of models, and which of them a file describes."""

from typing import Any, NamedTuple

from databank.archive.config import ArchiveConfig
from databank.config import StrictModel
from databank.models.algorithms import ALGORITHMS
from databank.models.families.ngram_spec import NgramSpec
from databank.models.families.tabular_spec import TabularSpec
from databank.models.spec import ModelSpec


class FamilyEntry(NamedTuple):
    """A family of models: the class of its files, and the module that trains and scores.

    The module has a `FAMILY`; it imports pyspark, and so is named and not imported here.
    """

    spec: type[ModelSpec]
    place: str


FAMILIES: dict[str, FamilyEntry] = {
    "tabular": FamilyEntry(TabularSpec, "databank.models.families.tabular"),
    "ngram": FamilyEntry(NgramSpec, "databank.models.families.ngram"),
}


def spec_type(raw: Any) -> type[ModelSpec]:
    """Choose the class that reads a file: the family whose keys it has, else its algorithm's."""
    if not isinstance(raw, dict):
        return TabularSpec
    algorithm = ALGORITHMS.get(str(raw.get("algorithm")))

    def fit(family: str) -> tuple[int, bool]:
        keys = raw.keys() & FAMILIES[family].spec.model_fields.keys()
        return len(keys), algorithm is not None and algorithm.family == family

    return FAMILIES[max(FAMILIES, key=fit)].spec


def read_spec(raw: Any) -> ModelSpec:
    """Read the spec that was kept beside a trained model.

    Raises:
        ValidationError: If this release does not know it.
    """
    return spec_type(raw).model_validate(raw)


class ModelsConfig(StrictModel):
    """All models, and the archive they read."""

    models: tuple[ModelSpec, ...]
    archive: ArchiveConfig = ArchiveConfig()
