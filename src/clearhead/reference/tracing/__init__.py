"""Traces: every step of a computation, by its path."""
