"""The one place that builds a Spark session, and frames of rows at hand in Python."""

from databank.session.build import get_spark, stop_spark
from databank.session.frames import small_frame

__all__ = ["get_spark", "small_frame", "stop_spark"]
