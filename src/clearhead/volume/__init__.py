"""Engines for large volumes: PyTorch and CTranslate2 instead of the readable engine."""
