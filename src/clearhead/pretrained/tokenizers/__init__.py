"""Text to the token ids of someone else's model and back, as transformers does it."""
