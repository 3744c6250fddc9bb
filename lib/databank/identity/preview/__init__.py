"""Before a run is published: gates that refuse it, and a preview for people to read."""
