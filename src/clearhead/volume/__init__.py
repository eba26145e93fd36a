"""Engines for many lines: PyTorch and CTranslate2 in the place of the readable engine."""
