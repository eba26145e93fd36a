"""Edits of models of ours: words become changes of the steps of a trace."""
