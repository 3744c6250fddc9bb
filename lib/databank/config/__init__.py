"""Configuration: YAML files read into frozen models, all faults reported in one pass."""

from databank.config.loader import ConfigReader
from databank.config.model import NAME_PATTERN, Name, Note, StrictModel, TimeZone
from databank.config.settings import Settings

__all__ = [
    "NAME_PATTERN", "ConfigReader", "Name", "Note", "Settings", "StrictModel", "TimeZone",
]  # fmt: skip
