"""The one place that builds a Spark session, and frames of rows at hand in Python."""

from databank.session.build import get_spark, open_session, stop_spark
from databank.session.frames import arrow_frame, arrow_table, small_frame
from databank.session.settings import with_settings
from databank.session.shared import (
    checkpoint,
    checkpoint_counted,
    checkpoint_keys,
    keep_checkpoints,
    shared_folder,
)

__all__ = [
    "arrow_frame", "arrow_table", "checkpoint", "checkpoint_counted", "checkpoint_keys",
    "get_spark", "keep_checkpoints", "open_session", "shared_folder", "small_frame", "stop_spark",
    "with_settings",
]  # fmt: skip
