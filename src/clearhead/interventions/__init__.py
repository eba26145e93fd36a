"""Interventions: edits of what a model computes while a ``with`` block runs."""
