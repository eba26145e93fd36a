"""Members of a JSON object from a file, each taken by its name and its type.

What a file says is not what its writer meant to say until it was looked at: a number may be a
text, a list null. Each question here names the member and both types where they do not fit.
"""

from __future__ import annotations

from typing import Any

from .file_reading import FileProblem
from .visible import quoted

MOST = 1 << 53
"""No whole number of a file is larger, up or down: all of them are exact as floats too."""

_KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    type(None): "null",
}


class Fields:
    """The members of an object.

    Args:
        value: what JSON gave.
        name: what it is called in messages, such as ``"modules[3]"``.

    Raises:
        FileProblem: it is no object; so do all questions where the answer has another type.
    """

    def __init__(self, value: Any, name: str) -> None:
        self._members: dict[str, Any] = _of_type(value, (dict,), name)
        self.name = name

    def has(self, key: str) -> bool:
        """Whether there is such a member, and it is not null."""
        return self._members.get(key) is not None

    def value(self, key: str) -> Any:
        """A member of any type."""
        if key not in self._members:
            raise FileProblem(f"{self.name} lacks {quoted(key)}")
        return self._members[key]

    def text(self, key: str) -> str:
        """A text."""
        return str(self._typed(key, str))

    def flag(self, key: str) -> bool:
        """True or false."""
        return bool(self._typed(key, bool))

    def integer(self, key: str, *, least: int | None = None, most: int = MOST) -> int:
        """A whole number between two others."""
        return _bounded(self._typed(key, int), least, most, self._of(key))

    def number(self, key: str) -> float:
        """A finite number, whole or not."""
        value = self._typed(key, int, float)
        if isinstance(value, int) and abs(value) > MOST:
            raise FileProblem(f"{self._of(key)} is {quoted(value)}, which is too large")
        return float(value)

    def items(self, key: str) -> list[Any]:
        """A list."""
        return list(self._typed(key, list))

    def texts(self, key: str) -> list[str]:
        """A list of texts."""
        return text_list(self.value(key), self._of(key))

    def integers(self, key: str, *, least: int | None = 0, most: int = MOST) -> list[int]:
        """A list of whole numbers between two others."""
        name = self._of(key)
        return [
            _bounded(_of_type(one, (int,), f"{name}, [{i}]"), least, most, f"{name}, [{i}]")
            for i, one in enumerate(self.items(key))
        ]

    def objects(self, key: str) -> list[Fields]:
        """A list of objects."""
        return [Fields(one, f"{self._of(key)}[{i}]") for i, one in enumerate(self.items(key))]

    def object(self, key: str) -> Fields:
        """An object."""
        return Fields(self.value(key), self._of(key))

    def mapping(self, key: str) -> dict[str, Any]:
        """An object as a dictionary of what JSON gave."""
        return dict(self._typed(key, dict))

    def names(self) -> list[str]:
        """The names of the members."""
        return list(self._members)

    def members(self) -> dict[str, Any]:
        """All members as JSON gave them."""
        return dict(self._members)

    def only(self, known: tuple[str, ...]) -> None:
        """Refuse members of other names."""
        for key in self._members:
            if key not in known:
                raise FileProblem(f"{self.name} has {quoted(key)}, which is none of its members")

    def _of(self, key: str) -> str:
        return f"{quoted(key)} of {self.name}"

    def _typed(self, key: str, *kinds: type) -> Any:
        return _of_type(self.value(key), kinds, self._of(key))


def text_list(value: Any, name: str) -> list[str]:
    """A list of texts, which is called ``name``.

    Raises:
        FileProblem: it is none.
    """
    for i, one in enumerate(_of_type(value, (list,), name)):
        _of_type(one, (str,), f"{name}, [{i}]")
    return list(value)


def _of_type(value: Any, kinds: tuple[type, ...], name: str) -> Any:
    """The value, if JSON gave one of these types; true is no whole number here."""
    if type(value) not in kinds:
        wanted = _KINDS[kinds[-1]]
        raise FileProblem(f"{name} is {_KINDS.get(type(value), 'of another type')}, not {wanted}")
    return value


def _bounded(number: int, least: int | None, most: int, name: str) -> int:
    lowest = -most if least is None else least
    if not lowest <= number <= most:
        raise FileProblem(f"{name} is {quoted(number)}; it must be from {lowest} to {most}")
    return number
