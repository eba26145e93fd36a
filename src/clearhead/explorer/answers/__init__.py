"""Answers to the explorer's questions about one run of a model."""
