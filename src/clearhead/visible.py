"""Makes untrusted text safe to print: no control character reaches the terminal.

A vocabulary piece, a name in a file or a translation may hold characters that move a terminal's
cursor, change its colours or set its title. They are shown as Python escapes.
"""

from __future__ import annotations

import json
import re
from typing import Any

# C0 and C1 controls, DEL, line and paragraph separators, and surrogates, which UTF-8 lacks.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# JSON itself escapes the first 32 of them.
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MOST = 80  # characters of a value that a message shows


def visible(text: str, *, keep: str = "") -> str:
    r"""Return a text with its control characters as escapes: ``\x1b``, ``\n``, ``\u2028``.

    Args:
        text: any text.
        keep: the control characters to leave as they are, such as ``"\n\t"``.
    """

    def escape(match: re.Match[str]) -> str:
        return match[0] if match[0] in keep else repr(match[0])[1:-1]

    return _UNSAFE.sub(escape, text)


def quoted(value: object) -> str:
    """Return a value as quoted in a message: on one short line, without control characters."""
    text = repr(value[: _MOST + 1] if isinstance(value, str) else value)
    return text if len(text) <= _MOST else f"{text[: _MOST - 3]}..."


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a value as readable JSON that is safe to print: letters stay, controls are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
