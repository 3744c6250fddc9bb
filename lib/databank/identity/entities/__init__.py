"""Households, accounts and the like: persons who share an identifier that is not one person's."""
