"""Layers that have weights: linear, norms, feed-forward, attention of several heads, blocks."""
