"""Merges the steps of a generation into one attention."""
