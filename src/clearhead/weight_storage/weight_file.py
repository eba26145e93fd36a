"""Reads and writes the weights in a folder of ours: as floats, or in 8 bits with scales.

`format` in config.json says what model.safetensors may contain. Format 1 has only floats. Format 2
also has matrices in 8 bits: NAME is int8 [rows, columns], and NAME.scale float32 [rows]. All
weights are read as float32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ConfigError
from ..file_reading import FileProblem
from ..json_fields import Fields
from ..tensor_file import TensorFile
from ..visible import quoted, visible
from .quantized_rows import MOST_SCALE, dequantize, quantize, row_errors

Array = np.ndarray[Any, Any]

FORMATS = (1, 2)
"""The formats that this version reads: 1 has weights in floats, 2 also in 8 bits."""
STORAGES = ("float32", "float16", "int8")
"""The ways to store weights; 8 bits are used for matrices only, other weights stay float32."""

_QUANTIZED = "int8"
_SCALES = ".scale"
_BLOCK = 1 << 16  # numbers converted at once, which fit in the cache
_ALIGNED = 16  # each weight begins at a multiple of 16 numbers: 64 bytes


@dataclass(frozen=True)
class Storage:
    """Weights in the form in which they are written.

    Attributes:
        tensors: the content of model.safetensors, by name.
        format: the format number in config.json.
        facts: for the model's provenance: how each kind of weight is stored and, for 8 bits, the
            largest relative error of a row, and which row it is. Empty for float32.
    """

    tensors: Mapping[str, Array]
    format: int
    facts: Mapping[str, Any]


def store(weights: Mapping[str, Array], storage: str) -> Storage:
    """Return weights in the form in which one of `STORAGES` writes them.

    Args:
        weights: finite float32 arrays, by name.
        storage: one of `STORAGES`.

    Raises:
        ConfigError: a number is too large for float16; the message names it.
    """
    if storage == _QUANTIZED:
        return _in_8_bits(weights)
    tensors = {}
    for name, array in weights.items():
        with np.errstate(over="ignore"):
            tensors[name] = np.ascontiguousarray(array, storage)
        if not np.isfinite(tensors[name]).all():
            raise ConfigError(
                f"The weight {quoted(name)} holds {float(np.abs(array).max()):.4g}, which is more "
                f"than {storage} can hold. Store the model in float32 or int8."
            )
    facts = {} if storage == "float32" else {"weights": storage}
    return Storage(tensors, FORMATS[0], facts)


def _in_8_bits(weights: Mapping[str, Array]) -> Storage:
    tensors: dict[str, Array] = {}
    largest, place = 0.0, ""
    for name, array in weights.items():
        matrix = np.ascontiguousarray(array, np.float32)
        if matrix.ndim != 2:
            tensors[name] = matrix
            continue
        rows = quantize(matrix)
        tensors[name], tensors[name + _SCALES] = rows
        errors = row_errors(matrix, rows)
        row = int(errors.argmax())
        if errors[row] > largest:
            largest, place = float(errors[row]), f"{name}[{row}]"
    facts = {
        "matrices": "int8, with a float32 scale for each row",
        "vectors": "float32",
        "largest_row_error": float(f"{largest:.4g}"),
        "row": place,
    }
    return Storage(tensors, FORMATS[1], facts)


def read_format(config: Fields) -> int:
    """Return the format of a config.json.

    Raises:
        FileProblem: there is none, or it is not supported.
    """
    number = config.value("format") if config.has("format") else None
    if number not in FORMATS:
        there = "none" if number is None else quoted(number)
        raise FileProblem(
            f"it has format {there}; this version of clearhead reads formats "
            f"{' and '.join(map(str, FORMATS))}, and a newer one may read it"
        )
    return int(number)


def weight_shapes(file: TensorFile, number: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each weight in a file; scales do not count as weights.

    Args:
        file: model.safetensors of a folder.
        number: the format number in its config.json.

    Raises:
        FileProblem: a weight in 8 bits is not a matrix, lacks a scale for each row, or is in a
            folder whose format does not allow it.
    """
    shapes = {name: tensor.shape for name, tensor in file.tensors.items()}
    for name, tensor in file.tensors.items():
        if tensor.dtype == _QUANTIZED:
            _check_quantized(file, name, number)
            del shapes[name + _SCALES]
    return shapes


def _check_quantized(file: TensorFile, name: str, number: int) -> None:
    shape = file.tensors[name].shape
    about = f"its tensor {quoted(name)} is of type int8"
    if number < FORMATS[1]:
        raise FileProblem(
            f"{about}, and config.json says format {number}, whose weights are floats; weights in "
            f"8 bits are of format {FORMATS[1]}"
        )
    if len(shape) != 2:
        raise FileProblem(f"{about} and of shape {quoted(shape)}; in 8 bits are matrices alone")
    scales = file.tensors.get(name + _SCALES)
    if scales is None:
        raise FileProblem(f"{about} and has no scales: {quoted(name + _SCALES)} is missing")
    if (scales.dtype, scales.shape) != ("float32", shape[:1]):
        raise FileProblem(
            f"its tensor {quoted(name + _SCALES)} is of type {scales.dtype} and shape "
            f"{quoted(scales.shape)}; the scales of {quoted(name)} are float32 of shape "
            f"{quoted(shape[:1])}"
        )


def read_weights(file: TensorFile, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """Read weights as float32 into one block of memory, which is faster than many allocations.

    Args:
        file: model.safetensors of a folder.
        shapes: of its weights, as `weight_shapes` returns them.

    Raises:
        FileProblem: a weight has an unsupported type, or is not finite, or a scale is negative or
            not finite; or the file cannot be read to its end.
    """
    sizes = [math.prod(shape) for shape in shapes.values()]
    room = np.empty(sum(-(-size // _ALIGNED) * _ALIGNED for size in sizes), np.float32)
    weights, begin = {}, 0
    for (name, shape), size in zip(shapes.items(), sizes, strict=True):
        weights[name] = room[begin : begin + size].reshape(shape)
        begin += -(-size // _ALIGNED) * _ALIGNED
        if file.tensors[name].dtype == _QUANTIZED:
            _read_rows(file, name, weights[name])
        else:
            _read_floats(file, name, weights[name].reshape(-1))
    return weights


def _read_floats(file: TensorFile, name: str, out: Array) -> None:
    file.read_into(name, out)
    if not np.isfinite(out).all():
        raise FileProblem(f"{visible(name)} holds values that are not finite numbers")


def _read_rows(file: TensorFile, name: str, out: Array) -> None:
    scales = file.read(name + _SCALES)
    sound = (scales >= 0) & (scales <= MOST_SCALE)  # both comparisons are false for NaN
    if not sound.all():
        row = int(sound.argmin())
        raise FileProblem(
            f"its tensor {quoted(name + _SCALES)} has the scale {scales[row]:.6g} for row {row}; a "
            f"scale is a number from 0 to {MOST_SCALE:.4g}"
        )
    columns = max(1, out.shape[1])
    rows = max(1, _BLOCK // columns)
    for begin, block in file.blocks(name, rows * columns):
        part = slice(begin // columns, (begin + block.size) // columns)
        dequantize(block.reshape(-1, columns), scales[part], out[part])
