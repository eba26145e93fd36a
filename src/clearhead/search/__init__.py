"""Beam search, greedy search and sampling over any engine."""
