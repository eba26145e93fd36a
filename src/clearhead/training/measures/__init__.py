"""Measurements during a run: losses, translations, hashes of the weights, the best model."""
