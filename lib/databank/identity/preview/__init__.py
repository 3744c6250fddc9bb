"""Check a run before it is published: gates that refuse it, and a preview for review."""
