"""Decoding as transformers' ``generate`` does it, over any engine: the same tokens, in NumPy."""
