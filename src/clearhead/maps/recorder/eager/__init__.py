"""Attention that a model writes out with separate operators, recognised by its arithmetic."""
