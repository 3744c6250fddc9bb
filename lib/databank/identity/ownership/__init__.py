"""Ownership: on which days an identifier is a person's, and when it passes to another one."""
