"""Reads other people's checkpoints, in Hugging Face transformers folders, with NumPy alone."""
