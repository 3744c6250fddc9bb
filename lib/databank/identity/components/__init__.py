"""Connected components: exact, distributed, checked."""
