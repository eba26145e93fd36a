"""Edits within an attention, whichever way the model computes it."""
