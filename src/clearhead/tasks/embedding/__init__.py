"""Vectors of texts, as sentence-transformers makes them."""
