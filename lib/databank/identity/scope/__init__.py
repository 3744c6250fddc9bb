"""What a run has to solve anew: all, or no more than the new evidence touches."""
