"""Derivations: the formula behind each number of a trace."""
