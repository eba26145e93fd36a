"""Inputs that are made to do harm, by target: each is read, or refused in one line."""

from __future__ import annotations

import gzip
import json
import struct
from typing import Any

DEEP = b"[" * 5000 + b"]" * 5000
_RUN = {"text": "the old house", "target": None, "sentence": 0, "beam_size": 2, "edits": []}


def _tensors(header: Any, numbers: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


def _tensor(shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


TENSORS = (
    _tensors({"a": _tensor([2], 0, 8), "b": _tensor([2], 4, 12)}, bytes(12)),  # overlapping
    _tensors({"a": _tensor([2], -8, 0)}, bytes(8)),
    _tensors({"a": _tensor([2], 8, 0)}, bytes(8)),
    _tensors({"a": _tensor([0], 0, 0), "b": _tensor([0, 2**40], 0, 0)}),
    _tensors({"a": _tensor([2**31, 2**31, 2**31], 0, 8)}, bytes(8)),
    _tensors({"a": _tensor([-1, -2], 0, 8)}, bytes(8)),
    _tensors({"a": _tensor([2], 0, 2**63)}, bytes(8)),
    _tensors({"../../a": _tensor([2], 0, 8), "/etc/passwd": _tensor([], 8, 12)}, bytes(12)),
    _tensors({f"a{i}": _tensor([0], 0, 0) for i in range(500)}),
    _tensors(b'{"a": ' + DEEP + b"}"),
    _tensors(b'{"a": 1, "a": 2}'),
    _tensors(b'{"__metadata__": {"a": "\\ud800"}}'),
    struct.pack("<Q", 2**63) + b"{}",
    struct.pack("<Q", 2**27) + b"{}",
    b"PK\x03\x04" + bytes(60),  # a zip archive
)
BODIES = (
    DEEP,
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b'{"text": NaN}',
    b'{"query": Infinity}',
    b'{"query": "a", "query": "b"}',
    b'{"query": "\\ud800"}',
    b'{"query": "\\u0000\\u202e\\ufeff"}',
    b'{"query": "' + b"e\xcc\x81" * 2000 + b'"}',
    b'{"query": 1e999}',
    b'{"query": ' + b"9" * 5000 + b"}",
    b"\xff\xfe{\0}\0",
    b"\xef\xbb\xbf{}",
    b"",
    b"null",
    b'"text"',
)
_MESSAGES = (
    {"id": DEEP.decode(), "question": "words", "params": {"query": "a"}},
    {"id": None, "question": None, "params": None},
    {"id": [], "question": ["run"], "params": []},
    {"id": 1, "question": "run", "params": {**_RUN, "text": 5}},
    {"id": 1, "question": "run", "params": {**_RUN, "edits": [[]]}},
    {"id": 1, "question": "run", "params": {**_RUN, "beam_size": 2**70}},
    {"id": 1, "question": "run", "params": {**_RUN, "text": "a\u202e\u0000\ufeff\U0010ffff"}},
    {"id": 1, "question": "array", "params": {"run": _RUN, "items": [{"path": "../../logits"}]}},
    {"id": 1, "question": "array", "params": {"run": _RUN, "items": [{"path": "logits"}] * 200}},
    {"id": 1, "question": "__class__", "params": {}},
    {"id": 1, "question": "offline", "params": {"run": _RUN, "sentences": "all"}},
)
_MERGES = {
    "version": "1.0",
    "added_tokens": [],
    "model": {
        "type": "BPE",
        "vocab": {"a": 0, "b": 1, "ab": 2, "aba": 3},
        "merges": [["a", "b"], ["ab", "a"], ["aba", "aba"], ["a", "b"]],
    },
}


def _field(number: int, content: bytes, length: int | None = None) -> bytes:
    """A field of a protocol buffer that says of itself to have so many bytes."""
    size, out = len(content) if length is None else length, bytearray([number << 3 | 2])
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    return bytes([*out, size]) + content


_HEAD = b"Host: 127.0.0.1:8017\r\nAuthorization: token token\r\n"
_POST = b"POST /api/words HTTP/1.1\r\n" + _HEAD
_JSON = b"Content-Type: application/json\r\n"

INPUTS: dict[str, tuple[bytes, ...]] = {
    "safetensors": TENSORS,
    "weights": TENSORS,
    "trace": TENSORS,
    "recording": TENSORS,
    "config": (DEEP, b'{"d_model": 1e999}', b'{"d_model": NaN}', b'{"d_model": 4, "d_model": 8}'),
    "tokenizer": (DEEP, json.dumps(_MERGES).encode(), b"[]", b'{"pieces": ["\\ud800"]}'),
    "transformers tokenizer": (DEEP, json.dumps(_MERGES).encode(), b"{}"),
    "sentencepiece": (
        _field(1, b"", 2**31 - 1),
        _field(1, b"a", 2**62),
        _field(1, _field(1, b"a", 2**31 - 1)),
        b"\xff" * 40,
        b"\x0a" * 4000,
    ),
    "merges": (b"a b\nab a\naba aba\n" * 3, b"a\n", b"#version: 0.2\n" + b"\0 \0\n", b"\xff\n"),
    "vocabulary": (DEEP, b'{"a": -1}', b'{"a": 9999999999999}', b'{"a": 0, "b": 0}', b'{"": 0}'),
    "pairs": (
        b"a\0b\tc\0d\n",
        b"a\tb\rc\td\r",
        b"\xef\xbb\xbfa\tb\n",
        "a\tb\n".encode("utf-16"),
        b"\xed\xa0\x80\tb\n",
        b"a\tb\xc2\x85c\n\xe2\x80\xa8\td\n",
    ),
    "compressed pairs": (
        gzip.compress(b"a\tb\n") + gzip.compress(b"c\td\n"),
        gzip.compress(b"a\tb\n") + b"garbage",
        gzip.compress(b"a\tb\n") + bytes(99),
        gzip.compress(b"a\tb\n")[:-5],
        gzip.compress(gzip.compress(b"a\tb\n")),
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
    ),
    "columns": (b'en,fr\n"a', b'en,fr\n"a"b,c\n', b"en,en\na,b\n", b"\0", b"en,fr\n" + b"," * 4000),
    "http": (
        *(b"POST /api/words\n" + body for body in BODIES),
        *(b"POST /api/run\n" + body for body in BODIES),
        b"GET /../../etc/passwd",
        b"GET /%2e%2e/%2e%2e/etc/passwd",
        b"GET /api/words?\xff",
        b"TRACE /",
    ),
    "widget": tuple(json.dumps(message).encode() for message in _MESSAGES),
    "connection": (
        _POST + b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
        _POST + _JSON + b"Content-Length: 99999999999999999999\r\n\r\n{}",
        _POST + _JSON + b"Content-Length: -1\r\n\r\n{}",
        _POST + _JSON + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        _POST + _JSON + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        _POST + _JSON + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
        _POST + _JSON + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n[\r\n" * 900 + b"0\r\n\r\n",
        _POST + _JSON + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
        _POST + _JSON + b"Content-Length: 700000\r\n\r\n" + b" " * 700_000,
        _POST + b"X: " + b"a" * 70_000 + b"\r\n\r\n",
        b"POST /api/words HTTP/1.1\r\n" + b"X: a\r\n" * 3000 + b"\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + _HEAD + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",  # a browser that speaks TLS
        b"\r\n" * 5000,
        b"\0" * 5000,
    ),
}  # fmt: skip
