"""Locates the weights of encoders: turns a table of modules into a place for every weight."""

from __future__ import annotations

from collections.abc import Mapping

from ..family import Shape, StoredWeight


def linear(name: str, module: str) -> dict[str, StoredWeight]:
    """Return the places of a weight and its bias."""
    return {f"{name}.{part}": StoredWeight(f"{module}.{part}") for part in ("weight", "bias")}


def norm(name: str, module: str, tensors: Mapping[str, Shape]) -> dict[str, StoredWeight]:
    """Return the places of a norm's weight and bias: ``gamma`` and ``beta`` in very old files."""
    if f"{module}.weight" not in tensors and f"{module}.gamma" in tensors:
        return {
            f"{name}.weight": StoredWeight(f"{module}.gamma"),
            f"{name}.bias": StoredWeight(f"{module}.beta"),
        }
    return linear(name, module)


def layers(
    count: int,
    stack: str,
    linears: Mapping[str, str],
    norms: Mapping[str, str],
    tensors: Mapping[str, Shape],
) -> dict[str, StoredWeight]:
    """Return the places of all weights of encoder layers.

    Args:
        count: the number of layers.
        stack: the name in the files before a layer's number: ``"encoder.layer"``.
        linears: the name in the files of each linear layer, by our name.
        norms: the same for norms.
        tensors: the tensors in the files.
    """
    places: dict[str, StoredWeight] = {}
    for layer in range(count):
        ours, theirs = f"encoder.layers.{layer}", f"{stack}.{layer}"
        for name, module in linears.items():
            places.update(linear(f"{ours}.{name}", f"{theirs}.{module}"))
        for name, module in norms.items():
            places.update(norm(f"{ours}.{name}", f"{theirs}.{module}", tensors))
    return places
