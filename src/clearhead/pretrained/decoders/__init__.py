"""Families of decoder-only models, one file for each."""
