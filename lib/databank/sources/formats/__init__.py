"""Formats of sources: how units are listed, read and opened."""
