"""Discoveries about one text, found by trying changes, for the first screen of the page."""
