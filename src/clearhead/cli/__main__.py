"""``python -m clearhead.cli`` is the command ``clearhead``."""

from __future__ import annotations

from .main import main

if __name__ == "__main__":
    main()
