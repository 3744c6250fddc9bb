"""Guards: what must not tie persons together, each with its reason in identity.rejected."""
