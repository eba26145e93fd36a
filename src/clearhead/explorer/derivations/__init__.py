"""Derivations: how each number of a trace follows from others."""
