"""Exclusions: identifiers and links that may not tie persons together, each with its reason."""
