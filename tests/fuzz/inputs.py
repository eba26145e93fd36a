"""Inputs for a target: its good ones, with a few things changed."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.strangers import ODD, edited, places, without

TOKENS = (
    *(b'"', b"[", b"]", b"{", b"}", b",", b":", b"\n", b"\t", b"\r\n", b"\0", b"=", b"#"),
    *(
        b"null",
        b"true",
        b"NaN",
        b"Infinity",
        b"-1",
        b"0",
        b"1e999",
        b"99999999999999999999",
        b"1.5",
    ),
    *(b"\\ud800", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\x1b[2J", b"%00", b"../", b"a" * 300),
    *(b"[" * 200, b'{"a":' * 100, b"\xff\xff\xff\xff", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
)


@st.composite
def changed(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """Draw a good input with bytes changed, put in, taken out, doubled, or taken from another."""
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.integers(0, 40)))
        kind = draw(st.integers(0, 5))
        if kind == 0 and at < len(content):
            content[at] = draw(st.integers(0, 255))
        elif kind == 1:
            content[at:at] = draw(st.sampled_from(TOKENS))
        elif kind == 2:
            del content[at:end]
        elif kind == 3:
            content[at:at] = content[at:end] * draw(st.integers(1, 4))
        elif kind == 4:
            content[at:end] = draw(st.binary(max_size=8))
        else:
            other = draw(st.sampled_from(seeds))
            content[at:] = other[min(at, len(other)) :]
    return bytes(content)


@st.composite
def changed_json(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """Draw good JSON with some of its values replaced or left out."""
    value: Any = json.loads(draw(st.sampled_from(seeds)))
    odd = st.sampled_from(ODD) | st.text(max_size=5) | st.integers() | st.floats()
    for _ in range(draw(st.integers(1, 3))):
        everywhere = list(places(value))
        if not everywhere:
            break
        # Early places are settings; a vocabulary has thousands of late ones.
        place = everywhere[min(draw(st.integers(0, 400)), len(everywhere) - 1)]
        value = edited(value, place, draw(odd)) if draw(st.booleans()) else without(value, place)
    return json.dumps(value).encode("utf-8", "surrogatepass")
