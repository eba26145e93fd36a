"""Decoding as in transformers' ``generate``, over any engine: the same tokens, in NumPy."""
