"""Configuration: YAML files read into frozen models, all faults reported in one pass."""

from databank.config.loader import ConfigReader
from databank.config.model import NAME_PATTERN, Name, Note, StrictModel, TimeZone
from databank.config.settings import Settings
from databank.config.shapes import Shapes, refuse_other_keys

__all__ = [
    "NAME_PATTERN", "ConfigReader", "Name", "Note", "Settings", "Shapes", "StrictModel", "TimeZone",
    "refuse_other_keys",
]  # fmt: skip
