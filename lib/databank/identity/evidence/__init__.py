"""Evidence: which identifiers were seen together, what is known by hand, what of it may link."""
