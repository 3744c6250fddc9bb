"""Probabilistic record linkage: profiles that are likely one person's."""
