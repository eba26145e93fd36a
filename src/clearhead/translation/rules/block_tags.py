"""Tags that end a sentence: paragraphs, headings, items, cells, line breaks of HTML."""

from __future__ import annotations

import re

_NAMES = """
    address article aside blockquote body br button caption center dd details dialog div dl dt
    fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html iframe label
    legend li main menu nav ol optgroup option p pre section select summary table tbody td
    template textarea tfoot th thead title tr ul video
"""
BLOCK_TAG = re.compile(rf"(?i:</?(?:{'|'.join(_NAMES.split())})(?:\s[^<>]*)?/?>)")
