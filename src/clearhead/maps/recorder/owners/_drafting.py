"""Whether a model checks tokens that were drafted, read from Python's own call stack.

In speculative decoding (Leviathan et al. 2023, arXiv 2211.17192) a model reads several drafted
tokens at once, and its cache then loses those that it rejected. The same happens to a cache that
is cut back for another text. Keys do not tell the two apart; what runs does.
"""

from __future__ import annotations

import sys
from types import FrameType

_LOOP, _DRAFTER = "_assisted_decoding", "get_candidates"
_MODULES = "transformers.generation."


def is_drafting() -> bool:
    """Return whether the loop of transformers that checks drafted tokens is running."""
    return _is_running(_LOOP)


def is_draft() -> bool:
    """Return whether tokens are being drafted, and not checked: by layers of the model itself."""
    return _is_running(_DRAFTER)


def _is_running(function: str) -> bool:
    """Return whether a function of transformers' generation is on the stack."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name == function:
            module = str(frame.f_globals.get("__name__", ""))
            if module.startswith(_MODULES):
                return True
        frame = frame.f_back
    return False
