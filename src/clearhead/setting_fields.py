"""Settings that check themselves: a dataclass declares the allowed values of each field.

    Share = Annotated[float, within(least=0, below=1)]

    @dataclass(frozen=True, kw_only=True)
    class Example:
        layers: Annotated[int, within(least=1)] = 4
        dropout: Share = 0.1
        norm: Annotated[str, one_of("layer", "rms")] = "layer"

        def __post_init__(self) -> None:
            check_fields(self)      # then checks of several fields together

`from_mapping` makes such an object from a table of a file, including nested tables.

Why not a library: msgspec and cattrs check data from files but not objects constructed in Python,
and do not suggest names for an unknown one; attrs checks construction and leaves files to cattrs;
pydantic does both, but is larger than everything else that translating needs. Each would add a
package to an installation of four, to replace this one file.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import ConfigError
from .visible import quoted

_Settings = TypeVar("_Settings")
_MOST_NAMES = 8  # unknown names that one message lists

_TYPES: dict[Any, tuple[tuple[type, ...], str]] = {
    int: ((Integral,), "a whole number"),
    float: ((Real,), "a number"),
    bool: ((bool,), "true or false"),
    str: ((str,), "a text"),
    Mapping: ((Mapping,), "a table"),
}


class Rule(NamedTuple):
    """A condition on a value, in addition to its type.

    Attributes:
        words: complete the sentence "The value must be ...".
        admits: returns whether a value of the right type obeys the rule.
    """

    words: str
    admits: Callable[[Any], bool]

    def __repr__(self) -> str:
        """Return only the words: the documentation shows them beside a field's type."""
        return self.words


def within(
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    below: float = math.inf,
    most: float = math.inf,
) -> Rule:
    """Return the rule that a number is in a range, ``least`` and ``most`` included."""
    bounds = {"at least": least, "above": above, "below": below, "at most": most}
    words = [f"{word} {bound:,}" for word, bound in bounds.items() if math.isfinite(bound)]
    # NaN obeys no bound, because every comparison with it is false.
    return Rule(
        " and ".join(words), lambda number: least <= number <= most and above < number < below
    )


def one_of(*choices: Any) -> Rule:
    """Return the rule that a value is one of the choices."""
    return Rule(
        ("one of " if len(choices) > 1 else "") + ", ".join(map(str, choices)),
        lambda value: value in choices,
    )


def check_fields(settings: Any) -> None:
    """Check every field of a dataclass against its type and its rules.

    Raises:
        ConfigError: a value does not fit; the message has the field, what it must be and what it
            is.
    """
    for name, declaration in _declarations(settings.__class__).items():
        _check(name, getattr(settings, name), declaration)


def check_names(cls: type, names: Iterable[Any], kind: str = "") -> None:
    """Check that a dataclass has fields of these names.

    Args:
        cls: the dataclass.
        names: the names to check.
        kind: the kind of settings, in the words of a message, such as ``"model"``.

    Raises:
        ConfigError: a name is unknown; the message lists these names and suggests the nearest.
    """
    fields = [field.name for field in dataclasses.fields(cls)]
    unknown = sorted(str(name) for name in set(names) - set(fields))
    if unknown:
        near = difflib.get_close_matches(unknown[0], fields, n=1)
        raise ConfigError(
            f"Unknown {kind}{' ' if kind else ''}setting "
            f"{', '.join(map(quoted, unknown[:_MOST_NAMES]))}. "
            f"The settings are: {', '.join(fields)}."
            + "".join(f" Did you mean {name}?" for name in near)
        )


def from_mapping(
    cls: type[_Settings], table: Mapping[str, Any], *, kind: str = "", section: str = ""
) -> _Settings:
    """Return the settings that a table describes, including nested tables and lists.

    Args:
        cls: a dataclass whose ``__post_init__`` calls `check_fields`.
        table: the values by name, as a TOML or JSON file holds them.
        kind: the kind of settings, in the words of a message; if empty, the section.
        section: the table's place in its file, such as ``"training"``, used in the names of fields
            in messages; empty for a whole file.

    Raises:
        ConfigError: a name is unknown or missing, a value has another type or breaks a rule, or
            values contradict each other.
    """
    kind = kind or section
    if not isinstance(table, Mapping):
        raise ConfigError(f"{section or 'A file'} must be a table; it is {quoted(table)}.")
    check_names(cls, table, kind)
    missing = [name for name in _required_names(cls) if name not in table]
    if missing:
        raise ConfigError(f"The {kind}{' ' if kind else ''}settings lack {', '.join(missing)}.")
    values = {}
    for name, declaration in _declarations(cls).items():  # type: ignore[arg-type]
        if name in table:
            path = f"{section}.{name}" if section else name
            values[name] = _converted(path, table[name], declaration)
            _check(path, values[name], declaration)
    try:
        return cls(**values)
    except ConfigError as error:
        if not section:
            raise
        raise ConfigError(f"In the section {section}: {error}") from None


def check_value(name: str, value: Any, hint: Any) -> None:
    """Check one value against a type with its rules, such as ``Annotated[int, within(least=1)]``.

    Raises:
        ConfigError: the value does not fit; the message has the name, what it must be and what it
            is.
    """
    _check(name, value, _declaration(hint))


class _Declaration(NamedTuple):
    """A field's type without None and rules, whether the value may be None, and the rules."""

    type: Any
    optional: bool
    rules: tuple[Rule, ...]


@functools.cache
def _declarations(cls: type) -> dict[str, _Declaration]:
    """Return the declarations of a dataclass's fields, in order."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: _declaration(hints[field.name]) for field in dataclasses.fields(cls)}


def _declaration(hint: Any) -> _Declaration:
    """Split a type hint into type and rules; ``X | None`` may be in or around ``Annotated``."""
    optional, rules = False, tuple[Rule, ...]()
    while get_origin(hint) in (Annotated, Union, UnionType):
        if get_origin(hint) is Annotated:
            rules += tuple(part for part in hint.__metadata__ if isinstance(part, Rule))
            hint = hint.__origin__
        else:
            optional = True
            (hint,) = (member for member in get_args(hint) if member is not NoneType)
    return _Declaration(hint, optional, rules)


def _check(name: str, value: Any, declaration: _Declaration) -> None:
    if value is None and declaration.optional:
        return
    if get_origin(declaration.type) is tuple:
        _check_items(name, value, get_args(declaration.type))
    else:
        _check_type(name, value, get_origin(declaration.type) or declaration.type)
    for rule in declaration.rules:
        if not rule.admits(value):
            raise ConfigError(f"{name} must be {rule.words}; it is {quoted(value)}.")


def _check_items(name: str, value: Any, hints: tuple[Any, ...]) -> None:
    """Check a tuple declared as ``tuple[X, ...]``, or item by item."""
    if not isinstance(value, tuple):
        form = f" of tables, [[{name}]] in TOML" if dataclasses.is_dataclass(hints[0]) else ""
        raise ConfigError(f"{name} must be a list{form}; it is {quoted(value)}.")
    if hints[-1] is Ellipsis:
        hints = hints[:1] * len(value)
    if len(value) != len(hints):
        raise ConfigError(f"{name} must be a list of {len(hints)} values; it is {list(value)}.")
    for i, (item, hint) in enumerate(zip(value, hints, strict=True)):
        check_value(f"{name}[{i}]", item, hint)


def _check_type(name: str, value: Any, kind: Any) -> None:
    if kind is Any:  # only the rules restrict it
        return
    types, words = _TYPES.get(kind, ((kind,), "a table"))
    if not isinstance(value, types) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{name} must be {words}; it is {quoted(value)}.")
    if kind is float and not _finite(value):
        raise ConfigError(f"{name} must be a finite number; it is {quoted(value)}.")


def _finite(number: Any) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number that no float can hold
        return False


def _converted(path: str, value: Any, declaration: _Declaration) -> Any:
    """Convert a file's value to a field's: lists to tuples, tables to their dataclasses."""
    kind = declaration.type
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return from_mapping(kind, value, section=path) if isinstance(value, Mapping) else value
    if get_origin(kind) is not tuple or not isinstance(value, list | tuple):
        return value
    hints = get_args(kind)
    if hints[-1] is Ellipsis:
        hints = hints[:1] * len(value)
    elif len(hints) != len(value):
        return tuple(value)  # the check will refuse it
    return tuple(
        _converted(f"{path}[{i}]", item, _declaration(hint))
        for i, (item, hint) in enumerate(zip(value, hints, strict=True))
    )


def _required_names(cls: type) -> list[str]:
    return [
        field.name
        for field in dataclasses.fields(cls)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
