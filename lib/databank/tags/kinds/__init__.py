"""The kinds of tags, one file each; `databank.tags.library` registers them."""
