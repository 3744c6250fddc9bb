"""Models: trained, gated, registered and scored from a YAML file."""
