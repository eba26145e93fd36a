"""A saved page holds what the contract declares for it, of a translation and of a recording."""

from __future__ import annotations

import base64
import gzip
import re
from typing import Any

import pytest
from pydantic import TypeAdapter

from clearhead.explorer.contract.arrays import decode
from clearhead.explorer.contract.saved_page import SavedPage
from clearhead.explorer.offline.page import offline_html

TEXT = "The old man walks."
EDIT = {"kind": "attention_temperature", "part": "cross", "layer": 0, "head": 1, "value": 2.0}


def content(page: str) -> dict[str, Any]:
    data = re.search(r'id="clearhead-answers">([^<]+)<', page)[1]
    return decode(gzip.decompress(base64.b64decode(data)))[0]


def assert_fits(page: str) -> None:
    TypeAdapter(SavedPage).validate_python(content(page), strict=True, extra="forbid")


@pytest.mark.parametrize("most_bytes", [10**8, 1], ids=["exact", "rounded, one layer"])
@pytest.mark.parametrize("edits", [[], [EDIT]], ids=["plain", "edited"])
def test_a_page_of_a_translation(explorer, edits, most_bytes):
    page = offline_html(
        explorer,
        {"text": TEXT, "edits": edits},
        view_state="#view=heads&position=1",
        most_bytes=most_bytes,
        effect_seconds=0.1,
    )
    assert_fits(page)
    saved = content(page)
    assert saved["all_layers"] == (most_bytes > 1)
    assert saved["effects"]
    assert saved["beam"]


def test_a_page_of_a_recording():
    torch = pytest.importorskip("torch")
    from clearhead.explorer.recordings.explorer import RecordingExplorer
    from clearhead.maps import AttentionMap

    one = AttentionMap.of(torch.randn(1, 2, 5, 4), torch.randn(1, 2, 7, 4))
    page = offline_html(RecordingExplorer(one), {})
    assert_fits(page)
    assert content(page)["beam"] is None
