"""Tags: configuration becomes one row per person and tag."""
