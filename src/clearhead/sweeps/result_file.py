"""The file of a sweep's result: JSON, as docs/formats.md describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError
from ..file_reading import FileProblem, read_json
from ..files import write_whole
from ..json_fields import Fields, text_list
from ..shapes import Array
from ..visible import quoted, visible

FORMAT = "clearhead sweep result 1"
MOST_BYTES = 256 << 20
_AXES = {
    "heads": ("module", "head"),
    "layers": ("module",),
    "positions": ("module", "position"),
    "edges": ("module", "query", "key"),
}
_EDITS = ("zero", "mean", "patch", "remove")
_TOKENS = ("edited", "source", "decoder")
MEMBERS = (
    "model", "over", "edit", "to", "measure", "before", "target", "axes", "values", "tokens",
    "notes",
)  # fmt: skip
"""The members of a result's file, which are attributes of a `Sweep`, beside its format."""


def write_result(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write the members of a result, whose ``values`` are an array; NaN becomes null.

    Raises:
        OSError: the file cannot be written.
    """
    values: Array = content["values"]
    members = {"format": FORMAT, **content, "values": _with_null(values)}
    members["axes"] = [[name, list(entries)] for name, entries in content["axes"].items()]
    write_whole(path, json.dumps(members, ensure_ascii=False, allow_nan=False) + "\n")


def read_result(path: str | Path) -> dict[str, Any]:
    """Return the members of a result's file, ``values`` as an array and ``axes`` by their names.

    Raises:
        ConfigError: it cannot be read, or is no such file.
    """
    try:
        return _members(Fields(read_json(path, most=MOST_BYTES), "the result"))
    except FileProblem as error:
        raise ConfigError(
            f"{visible(str(path))} is not the result of a sweep: {error.reason}. Write one with "
            "Sweep.save, or clearhead patch --save."
        ) from error


def _members(of: Fields) -> dict[str, Any]:
    form = of.text("format")
    if form != FORMAT:
        raise FileProblem(f"its format is {quoted(form)}, and {FORMAT!r} is read here")
    of.only(("format", *MEMBERS))
    over = _one_of(of, "over", tuple(_AXES))
    axes = _axes(of, over)
    return {
        "model": of.text("model"),
        "over": over,
        "edit": _one_of(of, "edit", _EDITS),
        "to": _receiver(of.object("to")) if of.has("to") else None,
        "measure": of.text("measure"),
        "before": of.number("before"),
        "target": of.number("target") if of.has("target") else None,
        "axes": axes,
        "values": _values(of.items("values"), [len(names) for names in axes.values()]),
        "tokens": _tokens(of.object("tokens")),
        "notes": tuple(of.texts("notes")),
    }


def _one_of(of: Fields, key: str, names: Sequence[str]) -> str:
    name = of.text(key)
    if name not in names:
        raise FileProblem(f"{quoted(key)} is {quoted(name)}, and none of {', '.join(names)}")
    return name


def _axes(of: Fields, over: str) -> dict[str, tuple[str, ...]]:
    axes: dict[str, tuple[str, ...]] = {}
    for place, pair in enumerate(of.items("axes")):
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise FileProblem(f"axes[{place}] is not a name and a list of entries")
        axes[pair[0]] = tuple(text_list(pair[1], f"the axis {quoted(pair[0])}"))
    if tuple(axes) != _AXES[over]:
        raise FileProblem(
            f"its axes are {', '.join(map(quoted, axes)) or 'none'}, where a sweep over {over} has "
            f"{', '.join(_AXES[over])}"
        )
    for name, entries in axes.items():
        if not entries or len(set(entries)) < len(entries):
            raise FileProblem(f"the axis {name} has no entries, or one of them twice")
        strays = [one for one in entries if name != "module" and not _is_place(one)]
        if strays:
            raise FileProblem(f"the axis {name} has {quoted(strays[0])}, which is no number from 0")
    return axes


def _is_place(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def _receiver(of: Fields) -> dict[str, Any]:
    of.only(("module", "part", "head", "freeze"))
    return {
        "module": of.text("module"),
        "part": _one_of(of, "part", ("query", "key", "value", "input", "output")),
        "head": of.integer("head", least=0) if of.has("head") else None,
        "freeze": of.texts("freeze"),
    }


def _tokens(of: Fields) -> dict[str, tuple[str, ...]]:
    of.only(_TOKENS)
    return {name: tuple(of.texts(name)) for name in of.names()}


def _values(nested: list[Any], shape: Sequence[int]) -> Array:
    """Return an array from nested lists of numbers and nulls, all of one shape."""
    level: list[Any] = [nested]
    for size in shape:
        if any(not isinstance(one, list) or len(one) != size for one in level):
            raise FileProblem(f"its values are not nested along its axes, {list(shape)}")
        level = [member for one in level for member in one]
    if any(type(one) not in (int, float, type(None)) for one in level):
        raise FileProblem("its values are not all numbers or null")
    try:
        flat = np.array([np.nan if one is None else one for one in level], np.float64)
    except OverflowError:
        raise FileProblem("a number among its values is too large") from None
    return flat.reshape(shape)


def _with_null(values: Array) -> Any:
    if values.ndim:
        return [_with_null(one) for one in values]
    return float(values) if np.isfinite(values) else None
