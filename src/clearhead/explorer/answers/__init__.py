"""Answers to questions about one run of a translation model."""
