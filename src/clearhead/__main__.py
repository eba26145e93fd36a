"""Runs the command ``clearhead`` for ``python -m clearhead``."""

from __future__ import annotations

from clearhead.cli.main import main

if __name__ == "__main__":
    main()
