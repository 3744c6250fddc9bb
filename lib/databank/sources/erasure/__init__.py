"""Erasure of identifiers and persons: requests, and what leaves records, core and the tables."""
