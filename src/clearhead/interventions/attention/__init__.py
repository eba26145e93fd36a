"""Edits within an attention, however the model computes it."""
