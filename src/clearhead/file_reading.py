"""Safe reading of untrusted files: bytes, text, JSON and TOML.

A pipe or device in place of a file does not hang the program, a huge file does not fill the
memory, and no content raises any error but `FileProblem`. The caller turns that into an error of
its own kind, which says what to do.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import tomllib
from typing import Any, BinaryIO, NoReturn

from .errors import ClearheadError
from .visible import quoted, visible

MOST_BYTES = 4 << 20
"""The size limit in bytes; settings, notes and descriptions of this package are far smaller."""
DEEPEST = 64
"""The most levels that a JSON or TOML file may have; recursion to this depth is safe."""

_FORMATS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
# tomllib takes quadratic time in the number of parts of a key, and nests one level for each.
_KEY = r"""(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![\w-])(?:{_KEY}[ \t]*+\.[ \t]*+){{{DEEPEST}}}")


class FileProblem(ClearheadError, ValueError):
    """A file cannot be read, or its content is not what was expected.

    Attributes:
        reason: what is wrong, as half a sentence in which "it" is the file.
        missing: whether the file does not exist.
    """

    def __init__(
        self, reason: str, path: str | os.PathLike[str] | None = None, *, missing: bool = False
    ) -> None:
        about = "" if path is None else f"Cannot read {visible(os.fsdecode(path))}: "
        super().__init__(f"{about}{reason}.")
        self.reason, self.missing = reason, missing


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading bytes; never wait for the other end of a pipe.

    Raises:
        FileProblem: the file does not exist, may not be read, or is not a regular file.
    """
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    try:
        # Opening some devices has side effects, so check before opening, and check the opened file
        # too.
        _check_regular(os.stat(path).st_mode, path)
        descriptor = os.open(path, flags)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        reason = "there is no such file" if missing else _system_words(error)
        raise FileProblem(reason, path, missing=missing) from error
    except FileProblem:
        raise
    except ValueError as error:  # a zero byte
        raise FileProblem("no file can have this name", path, missing=True) from error
    try:
        _check_regular(os.fstat(descriptor).st_mode, path)
    except FileProblem:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _check_regular(mode: int, path: str | os.PathLike[str]) -> None:
    if not stat.S_ISREG(mode):
        kind = _FORMATS.get(stat.S_IFMT(mode), "something else")
        raise FileProblem(f"it is {kind}, not a file", path)


def _system_words(error: OSError) -> str:
    if error.errno == errno.EACCES:
        return "reading it is not permitted"
    return visible(error.strerror or type(error).__name__).lower()


def read_bytes(path: str | os.PathLike[str], *, most: int = MOST_BYTES) -> bytes:
    """Read the bytes of a file.

    Args:
        path: of the file.
        most: the largest size allowed, in bytes.

    Raises:
        FileProblem: it cannot be read, or is larger.
    """
    with open_file(path) as file:
        try:
            # A read allocates all that it may return, so it does not ask for `most` bytes at once.
            size = os.fstat(file.fileno()).st_size
            content = file.read(min(size, most) + 1)
            if size < len(content) <= most:  # it grew, or the system did not know its size
                content += file.read(most + 1 - len(content))
        except OSError as error:
            raise FileProblem(_system_words(error), path) from error
    if len(content) > most:
        raise FileProblem(f"it is larger than {most:,} bytes", path)
    return content


def read_text(path: str | os.PathLike[str], *, most: int = MOST_BYTES) -> str:
    """Read the text of a file in UTF-8, without a byte order mark; see `read_bytes`.

    Raises:
        FileProblem: it cannot be read, is larger than ``most`` bytes, or is not UTF-8.
    """
    content = read_bytes(path, most=most)
    try:
        return _decoded(content)
    except FileProblem as error:
        raise FileProblem(error.reason, path) from error


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileProblem(
            f"it is not UTF-8: byte {error.start + 1} is 0x{content[error.start]:02x}"
        ) from error


def parse_json(text: str | bytes, *, finite: bool = True) -> Any:
    """Return the value of a JSON text.

    Args:
        text: bytes are UTF-8; a byte order mark before them is dropped.
        finite: whether NaN and Infinity, which Python writes though JSON lacks them, are refused.

    Raises:
        FileProblem: it is not JSON, has a duplicate key, has a lone surrogate in a text, or is
            nested more than `DEEPEST` levels deep.
    """
    text = _decoded(text) if isinstance(text, bytes) else text.removeprefix("\ufeff")
    hooks: dict[str, Any] = {"object_pairs_hook": _without_duplicates}
    if finite:
        hooks |= {"parse_constant": _refuse_constant, "parse_float": _finite}
    try:
        value = json.loads(text, **hooks)
    except RecursionError:
        raise FileProblem(_too_deep()) from None
    except json.JSONDecodeError as error:
        raise FileProblem(
            f"it is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        ) from error
    except FileProblem:
        raise
    except ValueError as error:  # a number of thousands of digits
        raise FileProblem("it is not valid JSON: a number has too many digits") from error
    _check_depth(value, halves=_HALF_CHARACTER.search(text) is not None)
    return value


def read_json(path: str | os.PathLike[str], *, most: int = MOST_BYTES) -> Any:
    """Read the value of a JSON file; see `read_bytes` and `parse_json`.

    Raises:
        FileProblem: it cannot be read, or is not JSON.
    """
    content = read_bytes(path, most=most)
    try:
        return parse_json(content)
    except FileProblem as error:
        raise FileProblem(error.reason, path) from error


def parse_toml(text: str) -> dict[str, Any]:
    """Return the table of a TOML text.

    Raises:
        FileProblem: it is not TOML, or is nested more than `DEEPEST` levels deep.
    """
    try:
        if _LONG_KEY.search(text):
            raise FileProblem(_too_deep())
        table = tomllib.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise FileProblem(_too_deep()) from None
    except tomllib.TOMLDecodeError as error:
        raise FileProblem(f"it is not valid TOML: {visible(str(error))}") from error
    except FileProblem:
        raise
    except ValueError as error:
        raise FileProblem("it is not valid TOML: a number has too many digits") from error
    _check_depth(table, halves=False)
    return table


def read_toml(path: str | os.PathLike[str], *, most: int = MOST_BYTES) -> dict[str, Any]:
    """Read the table of a TOML file; see `read_text` and `parse_toml`.

    Raises:
        FileProblem: it cannot be read, or is not TOML.
    """
    text = read_text(path, most=most)
    try:
        return parse_toml(text)
    except FileProblem as error:
        raise FileProblem(error.reason, path) from error


def _too_deep() -> str:
    return f"it is nested more than {DEEPEST} levels deep"


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = sorted(name for name, _ in pairs)
        twice = next(one for one, other in zip(names, names[1:], strict=False) if one == other)
        raise FileProblem(f"it has the key {quoted(twice)} twice")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise FileProblem(f"it holds {name}, which is no number in JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise FileProblem(f"it holds {quoted(digits)}, which is larger than any number here")
    return number


def _check_depth(value: Any, *, halves: bool) -> None:
    """Refuse values that are nested too deeply, and, with ``halves``, lone surrogates."""
    level = [value]
    for _ in range(DEEPEST):
        members: list[Any] = []
        for one in level:
            if type(one) is dict:
                members.extend(one.values())
                if halves:
                    members.extend(one)
            elif type(one) is list:
                members.extend(one)
        if halves:
            _check_whole([one for one in [*level, *members] if type(one) is str])
        level = [one for one in members if type(one) is dict or type(one) is list]
        if not level:
            return
    raise FileProblem(_too_deep())


def _check_whole(texts: list[str]) -> None:
    for text in texts:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise FileProblem(f"it holds half a character, in {quoted(text)}") from error
