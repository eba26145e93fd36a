"""Families of encoder-only models, one file for each."""
