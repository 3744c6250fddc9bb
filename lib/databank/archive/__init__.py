"""The daily archive per person, and what is read from it."""
