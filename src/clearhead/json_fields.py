"""Checked access to the members of a JSON object, each by its name and type.

In someone else's file a number may be a text, and a list null. Where the type is wrong, each
method here raises an error that names the member and both types. An object of ours may contain a
CRC-32 of its other members, which reveals a flipped letter or digit.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from .file_reading import FileProblem
from .visible import quoted

MOST = 1 << 53
"""The largest whole number allowed, in absolute value: up to it, floats are exact too."""

CHECKSUM = "crc32"
"""The name of the member with the checksum of all others."""
MOST_SUM = 0xFFFF_FFFF

_KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    type(None): "null",
}


def canonical_json(content: Any) -> bytes:
    """Return JSON that does not depend on whitespace or on the order of members."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def with_checksum(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with one more member, ``crc32``: the checksum of the others."""
    return {**content, CHECKSUM: zlib.crc32(canonical_json(dict(content)))}


class Fields:
    """The members of an object.

    Args:
        value: the parsed JSON value.
        name: the object's name in messages, such as ``"modules[3]"``.

    Raises:
        FileProblem: it is not an object. Methods also raise it where a member has another type.
    """

    def __init__(self, value: Any, name: str) -> None:
        self._members: dict[str, Any] = _of_type(value, (dict,), name)
        self.name = name

    def has(self, key: str) -> bool:
        """Return whether there is such a member that is not null."""
        return self._members.get(key) is not None

    def value(self, key: str) -> Any:
        """Return the value of a member, of any type."""
        if key not in self._members:
            raise FileProblem(f"{self.name} lacks {quoted(key)}")
        return self._members[key]

    def text(self, key: str) -> str:
        """Return a text."""
        return str(self._member(key, str))

    def flag(self, key: str) -> bool:
        """Return true or false."""
        return bool(self._member(key, bool))

    def integer(self, key: str, *, least: int | None = None, most: int = MOST) -> int:
        """Return a whole number between two bounds."""
        return _bounded(self._member(key, int), least, most, self._of(key))

    def number(self, key: str) -> float:
        """Return a finite number, whole or not."""
        value = self._member(key, int, float)
        if isinstance(value, int) and abs(value) > MOST:
            raise FileProblem(f"{self._of(key)} is {quoted(value)}, which is too large")
        return float(value)

    def items(self, key: str) -> list[Any]:
        """Return a list."""
        return list(self._member(key, list))

    def texts(self, key: str) -> list[str]:
        """Return a list of texts."""
        return text_list(self.value(key), self._of(key))

    def integers(self, key: str, *, least: int | None = 0, most: int = MOST) -> list[int]:
        """Return a list of whole numbers between two bounds."""
        name = self._of(key)
        return [
            _bounded(_of_type(one, (int,), f"{name}, [{i}]"), least, most, f"{name}, [{i}]")
            for i, one in enumerate(self.items(key))
        ]

    def objects(self, key: str) -> list[Fields]:
        """Return a list of objects."""
        return [Fields(one, f"{self._of(key)}[{i}]") for i, one in enumerate(self.items(key))]

    def object(self, key: str) -> Fields:
        """Return an object."""
        return Fields(self.value(key), self._of(key))

    def mapping(self, key: str) -> dict[str, Any]:
        """Return an object as a dictionary of parsed JSON values."""
        return dict(self._member(key, dict))

    def names(self) -> list[str]:
        """Return the names of the members."""
        return list(self._members)

    def members(self) -> dict[str, Any]:
        """Return all members as parsed JSON values."""
        return dict(self._members)

    def only(self, names: tuple[str, ...]) -> None:
        """Refuse members of other names."""
        for key in self._members:
            if key not in names:
                raise FileProblem(f"{self.name} has {quoted(key)}, which is none of its members")

    def check_sum(self) -> None:
        """Compare the members with the object's own checksum, if it has one.

        An object without a checksum is accepted: older versions wrote none, nor do people.

        Raises:
            FileProblem: the checksum differs, or is not a checksum.
        """
        if not self.has(CHECKSUM):
            return
        others = {name: value for name, value in self._members.items() if name != CHECKSUM}
        if self.integer(CHECKSUM, least=0, most=MOST_SUM) != with_checksum(others)[CHECKSUM]:
            raise FileProblem(
                f"{self.name} is not what was written: the checksum ({CHECKSUM}) is another one"
            )

    def is_as_written(self) -> bool:
        """Return whether `check_sum` accepts the object."""
        try:
            self.check_sum()
        except FileProblem:
            return False
        return True

    def _of(self, key: str) -> str:
        return f"{quoted(key)} of {self.name}"

    def _member(self, key: str, *kinds: type) -> Any:
        return _of_type(self.value(key), kinds, self._of(key))


def text_list(value: Any, name: str) -> list[str]:
    """Return a list of texts, called ``name`` in messages.

    Raises:
        FileProblem: it is not one.
    """
    for i, one in enumerate(_of_type(value, (list,), name)):
        _of_type(one, (str,), f"{name}, [{i}]")
    return list(value)


def _of_type(value: Any, kinds: tuple[type, ...], name: str) -> Any:
    """Return the value if it has one of these types; a boolean does not count as a number."""
    if type(value) not in kinds:
        actual_kind, right_kind = _KINDS.get(type(value), "of another type"), _KINDS[kinds[-1]]
        raise FileProblem(f"{name} is {actual_kind}, not {right_kind}")
    return value


def _bounded(number: int, least: int | None, most: int, name: str) -> int:
    lowest = -most if least is None else least
    if not lowest <= number <= most:
        raise FileProblem(f"{name} is {quoted(number)}; it must be from {lowest} to {most}")
    return number
