"""The data of the rules for each language: one value each, and a neutral one for all others."""
