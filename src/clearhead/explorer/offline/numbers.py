"""Packs arrays into few bytes, from which the page restores exactly the same numbers.

An array that follows from others by one elementwise operation is not stored: a residual is a sum, a
masked score is a score or -inf. `clearhead.reference.tracing.steps` declares which operation makes
which step; this *recipe* is used only if it gives exactly the same numbers. All other arrays are
stored in the narrowest type that holds them exactly, concatenated by type. Their bytes are sorted
by significance, because exponents repeat and compress well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import numpy as np

from ...reference.tracing.steps import kind_of
from ...shapes import Array
from ..contract.run_answers import StepAnswer
from ..contract.saved_page import Operation, StoredArray, StoredRecipe, StoredType

COPY: Final = "copy"  # the operation for an array that equals another one


@dataclass(frozen=True)
class Constants:
    """Numbers of a model's config that recipes need, under the recipes' names for them."""

    inverse_sqrt_head_dim: float
    sqrt_d_model: float
    norm_epsilon: float

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> Constants:
        """Return those of a config as plain values; without one (a recording), arbitrary ones."""
        config = config or {"d_model": 1, "num_heads": 1, "norm_epsilon": 0.0}
        head_dim = config.get("attention", {}).get("head_dim")
        head_dim = head_dim or config["d_model"] // config["num_heads"]
        return cls(1 / math.sqrt(head_dim), math.sqrt(config["d_model"]), config["norm_epsilon"])


@dataclass
class Pack:
    """Arrays collected for a file.

    Attributes:
        to_float32: whether float64 numbers that need all their bits are stored as float32.
        entries: for each array, how the page restores it, in an order that respects dependencies.
    """

    to_float32: bool = False
    entries: list[StoredArray] = field(default_factory=list)
    _parts: dict[str, list[Array]] = field(default_factory=dict)
    _paths: dict[bytes, str] = field(default_factory=dict)
    _values: dict[str, Array] = field(default_factory=dict)

    def add(
        self, path: str, array: Array, *, part: tuple[int, Sequence[int]] | None = None
    ) -> None:
        """Store an array, or a reference to another one with the same numbers.

        Args:
            path: the path by which the page asks for it.
            array: its numbers.
            part: (axis, indices) if ``array`` has only these indices of that axis.
        """
        entry: StoredArray = {"path": path, "shape": list(array.shape)}
        if part is not None:
            entry["axis"], entry["kept"] = part[0], [int(index) for index in part[1]]
        bits = np.ascontiguousarray(array).tobytes()
        if bits in self._paths:
            entry["recipe"], entry["of"] = COPY, [self._paths[bits]]
        else:
            self._paths[bits] = path
            self._store(array, entry)
        self._keep(path, array, entry)

    def add_step(self, step: StepAnswer, array: Array, constants: Constants) -> None:
        """Store a step of a run, or the recipe that makes it from stored arrays."""
        path, bits = step["path"], np.ascontiguousarray(array).tobytes()
        if bits not in self._paths:
            recipe = recipe_of(step, self._values, constants)
            if recipe is not None and same(follow(recipe, self._values), array):
                self._paths[bits] = path
                entry = cast("StoredArray", {"path": path, "shape": list(array.shape), **recipe})
                self._keep(path, array, entry)
                return
        self.add(path, array)

    def _keep(self, path: str, array: Array, entry: StoredArray) -> None:
        self._values[path] = array
        self.entries.append(entry)

    def _store(self, array: Array, entry: StoredArray) -> None:
        """Store the numbers of an array, and note their place in its entry."""
        narrow = narrowest(array)
        rounds = self.to_float32 and narrow.dtype == np.float64
        if rounds:
            narrow = narrow.astype(np.float32)
        name = narrow.dtype.name
        parts = self._parts.setdefault(name, [])
        start = sum(part.size for part in parts)
        parts.append(narrow.ravel())
        entry["stored"], entry["start"] = cast("StoredType", name), start
        if rounds or array.dtype == np.float32:
            entry["single"] = True  # the number itself is a float32, or is rounded to one

    def arrays(self) -> dict[str, Array]:
        """Return the bytes of all numbers by type, sorted by significance: UInt8["bytes"]."""
        return {name: planes(np.concatenate(parts)) for name, parts in self._parts.items()}


def planes(x: Array) -> Array:
    """Return the bytes of numbers by significance: first the lowest byte of each number."""
    little = np.ascontiguousarray(x.astype(x.dtype.newbyteorder("<"), copy=False))
    return np.ascontiguousarray(little.view(np.uint8).reshape(x.size, x.itemsize).T).ravel()


def narrowest(x: Array) -> Array:
    """Return the same numbers in the smallest type that holds them exactly."""
    if x.dtype.kind in "biu":
        return x.astype(np.int32)
    for narrow in (np.float16, np.float32):
        with np.errstate(over="ignore"):
            candidate = x.astype(narrow)
        if same(candidate.astype(x.dtype), x):
            return candidate
    return x


def same(one: Array | None, other: Array) -> bool:
    """Return whether all numbers are equal; 0 and -0 count as different."""
    return (
        one is not None
        and one.shape == other.shape
        and np.array_equal(one, other)
        and np.array_equal(np.signbit(one), np.signbit(other))
    )


def recipe_of(
    step: StepAnswer, values: Mapping[str, Array], constants: Constants
) -> StoredRecipe | None:
    """Return the declared recipe of a step in the form that the page reads.

    Args:
        step: its answer: path, formula and sources.
        values: the arrays that are already stored.
        constants: the numbers that recipes may need.

    Returns:
        None if no recipe is declared, or an array that it needs is not stored.
    """
    kind = kind_of(step["path"], step["formula"])
    if kind is None or kind.recipe is None:
        return None
    scope = step["path"].rpartition(".")[0]
    of = [template.format(scope=scope, of=step["of"]) for template in kind.recipe.of]
    if not all(path in values for path in of):
        return None
    recipe: StoredRecipe = {"recipe": cast("Operation", kind.recipe.operation), "of": of}
    if kind.recipe.number:
        recipe["number"] = getattr(constants, kind.recipe.number)
    return recipe


def follow(recipe: StoredRecipe, values: Mapping[str, Array]) -> Array | None:
    """Return the array of a recipe, computed as the page does; None if the shapes do not fit."""
    operands = [values[path] for path in recipe["of"]]
    try:
        return _OPERATIONS[recipe["recipe"]](operands, recipe.get("number", 0.0))
    except ValueError:
        return None


def _times(operands: Sequence[Array], number: float) -> Array:
    return operands[0] * number


def _relu(operands: Sequence[Array], _: float) -> Array:
    return np.where(operands[0] > 0, operands[0], 0.0)


def _causal(operands: Sequence[Array], _: float) -> Array:
    (scores,) = operands
    queries, keys = scores.shape[-2:]
    return np.where(np.arange(keys) <= np.arange(queries)[:, None], scores, -np.inf)


def _heads(operands: Sequence[Array], _: float) -> Array:
    (outputs,) = operands
    batch, heads, length, width = outputs.shape
    return outputs.swapaxes(1, 2).reshape(batch, length, heads * width)


def _normalized(operands: Sequence[Array], number: float) -> Array:
    x, mean, variance = operands
    return (x - mean) / np.sqrt(variance + number)


def _affine(operands: Sequence[Array], _: float) -> Array:
    x, weight, bias = operands
    return x * weight + bias


def _sum(operands: Sequence[Array], _: float) -> Array:
    return operands[0] + operands[1]


# The operations of `clearhead.reference.tracing.step_kind.Recipe`. The page's embedded_numbers.ts
# has the same ones, with bit-identical results.
_OPERATIONS: dict[str, Callable[[Sequence[Array], float], Array]] = {
    "times": _times,
    "relu": _relu,
    "causal": _causal,
    "heads": _heads,
    "normalized": _normalized,
    "affine": _affine,
    "sum": _sum,
}
