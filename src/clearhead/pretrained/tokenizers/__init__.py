"""Turns text into the token ids of someone else's model and back, as transformers does."""
