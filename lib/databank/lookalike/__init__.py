"""Lookalikes: an audience widened to the persons who are most like it."""
