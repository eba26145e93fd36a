"""Files as a stranger, a cut connection or an accident may leave them."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from clearhead.tensor_header import CHECKSUMS

DEEP = "[" * 100_000
ODD = (None, True, -1, 1.5, 10**30, "x", "\x1b[2J", [], {}, [[]], {"a": 1})
"""Values of every type that JSON has, to stand in the place of another."""


@contextlib.contextmanager
def pipe(path: Path) -> Iterator[Path]:
    """A named pipe. Whoever waits for its other end meets one that says nothing and goes.

    So a reader that opens it as a file reads an empty one, and the test fails instead of hanging.
    """
    os.mkfifo(path)

    def come_and_go() -> None:
        os.close(os.open(path, os.O_WRONLY))

    writer = threading.Thread(target=come_and_go)
    writer.start()
    try:
        yield path
    finally:
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        writer.join()
        os.close(reader)
        path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def shorter(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def noise(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00" * 99)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def deep(path: Path) -> None:
    path.write_text(DEEP)


SPOILT: dict[str, Callable[[Path], None]] = {
    "empty": empty,
    "cut": shorter,
    "noise": noise,
    "folder": folder,
    "deep": deep,
}
"""Ways to spoil a file of any kind; a pipe is one more, see `pipe`."""


@contextlib.contextmanager
def spoilt(path: Path, how: str) -> Iterator[Path]:
    """A file, spoilt in one of the ways of `SPOILT`, or a pipe in its place."""
    if how == "pipe":
        path.unlink()
        with pipe(path):
            yield path
    else:
        SPOILT[how](path)
        yield path


def tensor_bytes(header: Any, numbers: bytes = b"") -> bytes:
    """A safetensors file of any header, true or not."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + numbers


def split(content: bytes) -> tuple[dict[str, Any], bytes]:
    """The header and the numbers of a safetensors file; a stranger's has no checksums of ours."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header.get("__metadata__", {}).pop(CHECKSUMS, None)
    return header, content[8 + length :]


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each member of a JSON value, at any depth."""
    members: list[Any] = []
    if isinstance(value, dict):
        members = list(value)
    elif isinstance(value, list):
        members = list(range(len(value)))
    for member in members:
        yield (*place, member)
        yield from places(value[member], (*place, member))


def edited(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """A copy with another value in one place."""
    value = copy.deepcopy(value)
    holder = value
    for member in place[:-1]:
        holder = holder[member]
    holder[place[-1]] = new
    return value


def without(value: Any, place: tuple[Any, ...]) -> Any:
    """A copy that lacks one place."""
    value = copy.deepcopy(value)
    holder = value
    for member in place[:-1]:
        holder = holder[member]
    del holder[place[-1]]
    return value


def edits(value: Any) -> Iterator[tuple[str, Any]]:
    """Every member of a JSON value left out, and replaced by each odd value: name and copy."""
    for place in places(value):
        name = "/".join(map(str, place))
        yield f"{name} left out", without(value, place)
        for odd in ODD:
            yield f"{name} = {odd!r}", edited(value, place, odd)


def refusal(kind: type[Exception], work: Callable[[], object]) -> str | None:
    """The message with which work was refused, which is one line without escapes; else None."""
    try:
        work()
    except kind as error:
        message = str(error)
    else:
        return None
    assert message.isprintable(), message
    return message
