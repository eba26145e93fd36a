"""Interventions: a PyTorch model computes with other numbers while a block runs."""
