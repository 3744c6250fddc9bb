"""The one place that builds a Spark session."""

from databank.session.build import get_spark, stop_spark

__all__ = ["get_spark", "stop_spark"]
