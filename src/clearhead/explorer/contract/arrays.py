"""Arrays on their way to the front end: the container they travel in, and windows of them.

A container is one message with a JSON part and arrays:

    4 bytes     length N of the header, little-endian
    N bytes     header: UTF-8 JSON, padded with spaces so that 4 + N is a multiple of 8
    the rest    the arrays: raw, little-endian, C order, each padded to a multiple of 8 bytes

The header is ``{"json": ..., "arrays": [{"name", "dtype", "shape", "offset"}]}`` with offsets
counted from the end of the header, so a reader can lay typed arrays over the bytes as they came.
"""

from __future__ import annotations

import json as json_text
import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ...errors import ShapeError, TraceError
from ...reference.tracing.step import Step
from ...shapes import Array
from .answers import Answer, ArraysAnswer, ArrayWindow
from .questions import ArrayItem, Window

DTYPES = ("float64", "float32", "uint8", "int32")
WEIGHTS = "weights/"
CONTRIBUTIONS = "contributions"
_ALIGNMENT = 8


class Steps(Protocol):
    """The steps of one pass by their paths; `clearhead.reference.tracing.trace.Trace` is one.

    Where only a part is held, what is iterated over has shapes alone, and ``[path]`` the numbers.
    """

    @property
    def paths(self) -> list[str]:
        """The paths of all steps, in order."""
        ...

    def __contains__(self, path: object) -> bool:
        """Whether there is a step of this path."""
        ...

    def __iter__(self) -> Iterator[Step]:
        """Yield every step in order."""
        ...

    def __getitem__(self, path: str) -> Step:
        """Return the step of a path; TraceError where there is none."""
        ...


class _Reference(Protocol):
    @property
    def weights(self) -> Mapping[str, Array]: ...


class ArraySource(Protocol):
    """What windows are taken from; a `clearhead.explorer.answers.run.Run` is one."""

    @property
    def trace(self) -> Steps: ...

    @property
    def reference(self) -> _Reference: ...


# The container


def to_json(value: Any) -> bytes:
    """Write plain values as compact UTF-8 JSON; a number that is not finite becomes null."""
    try:
        text = json_text.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        text = json_text.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8")


def encode(json: Any, arrays: Mapping[str, Array]) -> bytes:
    """Write one container of a JSON part and arrays.

    Args:
        json: plain values; a number that is not finite becomes null.
        arrays: by name. Booleans travel as uint8, other integers as int32, half precision as
            float32, the other types as they are.

    Raises:
        ShapeError: an array has a type that does not travel, or an integer does not fit int32.
    """
    described, parts, offset = [], [], 0
    for name, array in arrays.items():
        data = _travelling(name, np.asarray(array))
        described.append(
            {"name": name, "dtype": data.dtype.name, "shape": list(data.shape), "offset": offset}
        )
        raw = data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes()
        parts.append(_padded(raw, b"\0"))
        offset += len(parts[-1])
    header = to_json({"json": json, "arrays": described})
    header = _padded(header, b" ", before=4)
    return b"".join([struct.pack("<I", len(header)), header, *parts])


def decode(data: bytes) -> tuple[Any, dict[str, Array]]:
    """Read the JSON part and the arrays of a container; these are read-only views of ``data``.

    Raises:
        TraceError: the bytes are no container, or a damaged one.
    """
    try:
        (length,) = struct.unpack_from("<I", data)
        header = json_text.loads(bytes(data[4 : 4 + length]).decode("utf-8"))
        arrays = {}
        for entry in header["arrays"]:
            dtype, shape = entry["dtype"], tuple(entry["shape"])
            if dtype not in DTYPES:
                raise ValueError(f"the type {dtype!r}")
            count, start = math.prod(shape), 4 + length + entry["offset"]
            little = np.dtype(dtype).newbyteorder("<")
            arrays[entry["name"]] = np.frombuffer(data, little, count, start).reshape(shape)
        return header["json"], arrays
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise TraceError(
            f"These {len(data)} bytes are no container of arrays, or a damaged one ({error}). "
            "Ask for them again."
        ) from error


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _travelling(name: str, array: Array) -> Array:
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.name in DTYPES:
        return array
    if array.dtype.kind in "iu":
        limits = np.iinfo(np.int32)
        if array.size and not limits.min <= array.min() <= array.max() <= limits.max:
            raise ShapeError(
                f"The array {name!r} holds integers beyond 32 bits (from {array.min()} to "
                f"{array.max()}). Send them as float64."
            )
        return array.astype(np.int32)
    raise ShapeError(
        f"The array {name!r} is of type {array.dtype.name}, which does not travel. "
        f"The types that do: {', '.join(DTYPES)}."
    )


def _padded(raw: bytes, filling: bytes, *, before: int = 0) -> bytes:
    return raw + filling * (-(before + len(raw)) % _ALIGNMENT)


# Windows


def windows(run: ArraySource, items: Sequence[ArrayItem], limit: int) -> Answer:
    """Answer ``array``: windows of steps of a trace and of a model's weights.

    Args:
        run: a traced sentence.
        items: which arrays, and how much of each. Attention's ``contributions``, weight times
            value ["batch heads query_len key_len value_dim"], are computed for the window alone.
        limit: how many numbers at most, in all of them together.

    Returns:
        ``{"items": [{path, window, shape, dtype}]}``, ``shape`` being that of the whole array,
        and arrays named "0", "1", ... in the order of the items.

    Raises:
        TraceError: there is no such step or weight; near ones are named.
        ShapeError: a window does not lie in its array, or there are too many numbers.
    """
    shapes = [shape_of(run, item.path) for item in items]
    complete = [
        checked_window(item.path, shape, item.window)
        for item, shape in zip(items, shapes, strict=True)
    ]
    check_numbers(map(window_size, complete), limit)
    arrays = [read(run, item.path, window) for item, window in zip(items, complete, strict=True)]
    return windows_answer([item.path for item in items], complete, shapes, arrays)


def windows_answer(
    paths: Sequence[str],
    windows: Sequence[Window],
    shapes: Sequence[tuple[int, ...]],
    arrays: Sequence[Array],
) -> Answer:
    """Return the answer to ``array``.

    Args:
        paths: of the arrays, in the order of the question.
        windows: of each array, all its axes.
        shapes: of the whole arrays.
        arrays: the numbers in the windows.
    """
    items: list[ArrayWindow] = [
        {
            "path": path,
            "window": [list(span) for span in window],
            "shape": list(shape),
            "dtype": "int32" if array.dtype.kind in "iu" else array.dtype.name,
        }
        for path, window, shape, array in zip(paths, windows, shapes, arrays, strict=True)
    ]
    answer: ArraysAnswer = {"items": items}
    return Answer(answer, {str(number): array for number, array in enumerate(arrays)})


def shape_of(run: ArraySource, path: str) -> tuple[int, ...]:
    """Return the shape of a whole step, of contributions, or of a weight."""
    attention = _attention_of_contributions(run.trace, path)
    if attention is not None:
        value = run.trace[f"{attention}.value"]
        return (*run.trace[f"{attention}.weights"].shape, value.shape[-1])
    return tuple(_whole(run, path).shape)


def read(run: ArraySource, path: str, window: Window) -> Array:
    """Return a window of a step, of contributions or of a weight, that `windows` has checked."""
    attention = _attention_of_contributions(run.trace, path)
    spans = tuple(slice(start, stop) for start, stop in window)
    if attention is None:
        numbers = _whole(run, path)[spans]
        # Weights may lie in another type; as float64 they are the numbers that are computed with.
        return numbers.astype(np.float64) if path.startswith(WEIGHTS) else numbers
    batch, heads, queries, keys, columns = spans
    weights = run.trace[f"{attention}.weights"].value
    value = run.trace[f"{attention}.value"].value
    group = weights.shape[1] // value.shape[1]  # query heads that share a head of values
    shared = np.arange(heads.start, heads.stop) // group
    carried = value[batch, :, keys, columns][:, shared]
    return weights[batch, heads, queries, keys, None] * carried[:, :, None]


def _attention_of_contributions(trace: Steps, path: str) -> str | None:
    """Return the attention whose contributions a path names; None if the trace holds them."""
    attention, _, name = path.rpartition(".")
    if name != CONTRIBUTIONS or path in trace or f"{attention}.weights" not in trace:
        return None
    return attention


def _whole(run: ArraySource, path: str) -> Array:
    if path.startswith(WEIGHTS):
        name, weights = path.removeprefix(WEIGHTS), run.reference.weights
        if name in weights:
            return weights[name]
        raise TraceError(f"This model has no weight called {name!r}.{_near(name, [*weights])}")
    if path in run.trace:
        return run.trace[path].value
    raise TraceError(f"No step of this run is called {path!r}.{_near(path, run.trace.paths)}")


def _near(name: str, names: list[str]) -> str:
    import difflib  # only errors need it

    last = name.rpartition(".")[2]
    namesakes = [other for other in names if other.rpartition(".")[2] == last]
    near = difflib.get_close_matches(name, names, n=5) or namesakes[:5] or names[:5]
    return f" There are, for example: {', '.join(near)}."


def checked_window(path: str, shape: tuple[int, ...], window: Window | None) -> Window:
    """Return a window with all axes.

    Raises:
        ShapeError: it does not lie in an array of this shape.
    """
    if window is None:
        return tuple((0, size) for size in shape)
    if len(window) != len(shape):
        raise ShapeError(
            f"The window of {path!r} has {len(window)} axes; the array has {len(shape)}, "
            f"{_sizes(shape)}. Give one [start, stop] for each axis, or null for all of it."
        )
    for axis, ((start, stop), size) in enumerate(zip(window, shape, strict=True)):
        if not 0 <= start < stop <= size:
            raise ShapeError(
                f"The window of {path!r} asks for [{start}, {stop}] of axis {axis}, which has "
                f"{size} entries ({_sizes(shape)}). It needs 0 <= start < stop <= {size}."
            )
    return window


def window_size(window: Window) -> int:
    """Return how many numbers a window holds."""
    return math.prod(stop - start for start, stop in window)


def check_numbers(counts: Iterable[int], limit: int) -> None:
    """Raise ShapeError where arrays of these sizes hold more numbers than one answer may."""
    count = sum(counts)
    if count > limit:
        raise ShapeError(
            f"{count:,} numbers were asked for, and at most {limit:,} are sent at a time. "
            "Ask for smaller windows."
        )


def _sizes(shape: tuple[int, ...]) -> str:
    return "its shape being " + (" x ".join(map(str, shape)) or "that of one number")
