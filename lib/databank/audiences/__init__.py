"""Audiences: conditions over tags, events, stages and scores become lists of persons."""
