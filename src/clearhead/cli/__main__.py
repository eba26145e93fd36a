"""Runs the command ``clearhead`` for ``python -m clearhead.cli``."""

from __future__ import annotations

from .main import main

if __name__ == "__main__":
    main()
