"""What the rules know of each language: one value for each, and a neutral one for all others."""
