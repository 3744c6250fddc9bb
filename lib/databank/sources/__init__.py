"""Sources: files as they arrive become events, profiles and items with normalised identifiers."""
