"""Profiles that are likely one person's, though they share no identifier."""
