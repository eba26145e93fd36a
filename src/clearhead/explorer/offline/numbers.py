"""Arrays packed into few bytes, from which the page makes the same numbers again.

What follows from other arrays by one elementwise operation is not stored: a residual is a sum, a
masked score a score or -inf. Such a *recipe* is taken only where it gives the very same numbers.
What is left is stored in the narrowest type that holds it exactly, all arrays of a type as one,
and its bytes are sorted by significance, because exponents repeat themselves and compress well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

TYPES = ("float64", "float32", "float16", "int32")
CAUSAL, HEADS, RELU, SUM, TIMES = "causal", "heads", "relu", "sum", "times"
NORMALIZED, AFFINE, COPY = "normalized", "affine", "copy"


@dataclass(frozen=True)
class Constants:
    """Numbers of a model's config that recipes need."""

    d_model: int
    head_dim: int
    epsilon: float

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> Constants:
        """Those of a config as plain values; of a recording, which has none, any."""
        config = config or {"d_model": 1, "num_heads": 1, "norm_epsilon": 0.0}
        head_dim = config["d_model"] // config["num_heads"]
        return cls(config["d_model"], head_dim, config["norm_epsilon"])


@dataclass
class Packed:
    """Arrays on their way into a file.

    Attributes:
        rounded: whether float64 numbers that need all their bits are stored as float32.
        entries: for each array what the page makes it from, in an order in which that is there.
    """

    rounded: bool = False
    entries: list[dict[str, Any]] = field(default_factory=list)
    _parts: dict[str, list[Array]] = field(default_factory=dict)
    _known: dict[bytes, str] = field(default_factory=dict)
    _values: dict[str, Array] = field(default_factory=dict)

    def add(
        self, path: str, array: Array, *, kept: tuple[int, Sequence[int]] | None = None
    ) -> None:
        """Store an array, or where its numbers are known, say whose they are.

        Args:
            path: what it is asked for by.
            array: its numbers.
            kept: (axis, indices) where ``array`` has only these of that axis.
        """
        entry: dict[str, Any] = {"path": path, "shape": list(array.shape)}
        if kept is not None:
            entry["axis"], entry["kept"] = kept[0], [int(index) for index in kept[1]]
        bits = np.ascontiguousarray(array).tobytes()
        if bits in self._known:
            entry.update(recipe=COPY, of=[self._known[bits]])
        else:
            self._known[bits] = path
            entry.update(self._stored(array))
        self._keep(path, array, entry)

    def add_step(self, step: Mapping[str, Any], array: Array, constants: Constants) -> None:
        """Store a step of a run, or the recipe by which it follows from those already here."""
        path, bits = step["path"], np.ascontiguousarray(array).tobytes()
        if bits not in self._known:
            of = [source for source in step["of"] if source in self._values]
            for recipe in recipes(path, of, self._values, constants):
                if same(follow(recipe, self._values), array):
                    self._known[bits] = path
                    self._keep(path, array, {"path": path, "shape": list(array.shape), **recipe})
                    return
        self.add(path, array)

    def _keep(self, path: str, array: Array, entry: dict[str, Any]) -> None:
        self._values[path] = array
        self.entries.append(entry)

    def _stored(self, array: Array) -> dict[str, Any]:
        narrow = narrowest(array)
        rounded = self.rounded and narrow.dtype == np.float64
        if rounded:
            narrow = narrow.astype(np.float32)
        name = narrow.dtype.name
        parts = self._parts.setdefault(name, [])
        start = sum(part.size for part in parts)
        parts.append(narrow.ravel())
        entry: dict[str, Any] = {"stored": name, "start": start}
        if rounded or array.dtype == np.float32:
            entry["single"] = True  # the number itself is a float32, or is rounded to one
        return entry

    def arrays(self) -> dict[str, Array]:
        """The bytes of all stored numbers by type, sorted by significance: UInt8["bytes"]."""
        return {name: planes(np.concatenate(parts)) for name, parts in self._parts.items()}


def planes(x: Array) -> Array:
    """The bytes of numbers: the lowest of all of them first, then the next, little-endian."""
    little = np.ascontiguousarray(x.astype(x.dtype.newbyteorder("<"), copy=False))
    return np.ascontiguousarray(little.view(np.uint8).reshape(x.size, x.itemsize).T).ravel()


def narrowest(x: Array) -> Array:
    """The same numbers in the smallest of the types that hold them exactly."""
    if x.dtype.kind in "biu":
        return x.astype(np.int32)
    for narrow in (np.float16, np.float32):
        with np.errstate(over="ignore"):
            candidate = x.astype(narrow)
        if same(candidate.astype(x.dtype), x):
            return candidate
    return x


def same(one: Array | None, other: Array) -> bool:
    """Whether all numbers are equal; 0 and -0 are not the same number."""
    return (
        one is not None
        and one.shape == other.shape
        and np.array_equal(one, other)
        and np.array_equal(np.signbit(one), np.signbit(other))
    )


def recipes(
    path: str, of: Sequence[str], values: Mapping[str, Array], constants: Constants
) -> Iterator[dict[str, Any]]:
    """What a step of this name might follow from; whether it does, its numbers say."""
    owner, _, name = path.rpartition(".")
    if name in ("scaled", "scaled_embedding") and of:
        scaled = name == "scaled"
        factor = 1 / math.sqrt(constants.head_dim) if scaled else math.sqrt(constants.d_model)
        yield {"recipe": TIMES, "of": of[:1], "number": factor}
    if name == "masked" and of:
        yield {"recipe": CAUSAL, "of": of[:1]}
    if name == "hidden" and len(of) == 1:
        yield {"recipe": RELU, "of": of}
    if name == "concatenated" and len(of) == 1:
        yield {"recipe": HEADS, "of": of}
    if name == "normalized" and len(of) == 3:
        yield {"recipe": NORMALIZED, "of": of, "number": constants.epsilon}
    if name == "output" and len(of) == 1:
        weights = [f"weights/{owner}.weight", f"weights/{owner}.bias"]
        if all(weight in values for weight in weights):
            yield {"recipe": AFFINE, "of": [*of, *weights]}
    if (name == "embedded" or name.endswith("_residual")) and len(of) == 2:
        yield {"recipe": SUM, "of": of}


def follow(recipe: Mapping[str, Any], values: Mapping[str, Array]) -> Array | None:
    """The array of a recipe, computed as the page does; None where the shapes do not fit."""
    operands = [values[path] for path in recipe["of"]]
    first = operands[0]
    try:
        return _computed(recipe["recipe"], first, operands, recipe.get("number", 0.0))
    except ValueError:
        return None


def _computed(name: str, first: Array, operands: Sequence[Array], number: float) -> Array:
    if name == TIMES:
        return first * number
    if name == RELU:
        return np.where(first > 0, first, 0.0)
    if name == CAUSAL:
        queries, keys = first.shape[-2:]
        return np.where(np.arange(keys) <= np.arange(queries)[:, None], first, -np.inf)
    if name == HEADS:
        batch, heads, length, width = first.shape
        return first.swapaxes(1, 2).reshape(batch, length, heads * width)
    if name == NORMALIZED:
        _, mean, variance = operands
        return (first - mean) / np.sqrt(variance + number)
    if name == AFFINE:
        return first * operands[1] + operands[2]
    return first + operands[1]
