"""Whether a model drafts tokens, or checks tokens that were drafted, read from the call stack.

In speculative decoding (Leviathan et al. 2023, arXiv 2211.17192) a model reads several drafted
tokens at once, and the tokens that it rejects are then removed from its cache. A cache that is cut
back to go on with another text looks the same. Only the running functions tell the two apart.
"""

from __future__ import annotations

import sys
from types import FrameType

_CHECKING, _DRAFTING = "_assisted_decoding", "get_candidates"
_PACKAGE = "transformers.generation"


def is_drafting() -> bool:
    """Return whether transformers' loop that checks drafted tokens is running."""
    return _is_running(_CHECKING)


def is_draft() -> bool:
    """Return whether tokens are being drafted, as early layers of the model itself may do."""
    return _is_running(_DRAFTING)


def _is_running(function: str) -> bool:
    """Return whether a function of transformers' generation is on the stack."""
    if _PACKAGE not in sys.modules:  # spares the walk, which each attention would pay for
        return False
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name == function:
            module = str(frame.f_globals.get("__name__", ""))
            if module.startswith(f"{_PACKAGE}."):
                return True
        frame = frame.f_back
    return False
