"""Sweeps: one edit after another of a PyTorch model, and what each does to a number."""
