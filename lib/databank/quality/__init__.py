"""Quality gate: rules that rows must meet, and the quarantine for those that do not."""
