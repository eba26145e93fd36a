"""Sweeps: edits of a PyTorch model, one at a time, and the effect of each on a metric."""
