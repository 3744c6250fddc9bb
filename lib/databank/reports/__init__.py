"""The report: one static HTML page per day, for people who do not query tables."""
