"""Families of models: of features, of the pieces of a text; each with its spec beside it."""
