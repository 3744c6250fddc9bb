"""Models of what a text of a profile tells, as a name tells the gender."""
