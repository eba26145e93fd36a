"""Answers the same questions for a recording of any PyTorch model."""
