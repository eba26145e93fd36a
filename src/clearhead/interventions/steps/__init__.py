"""Edits of our own models, as changes of the steps of a trace."""
