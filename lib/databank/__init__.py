"""databank: an open data bank for consumer operations on Spark and Delta Lake."""

__version__ = "0.1.0"
