"""A safetensors file, checked as a whole before a number of it is read; NumPy alone.

    8 bytes     length of the header, little-endian
    header      JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...,
                "__metadata__": {"key": "text"}}
    numbers     those of all tensors, one after the other and without a gap, little-endian

A header that does not fit to its file is refused before anything is made room for, so that a file
of a kilobyte never takes more than some kilobytes.
"""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from .file_reading import FileProblem, open_file, parse_json
from .json_fields import Fields
from .visible import quoted, visible

if TYPE_CHECKING:
    import torch

Array = np.ndarray[Any, Any]

MOST_HEADER = 100_000_000
"""Bytes of a header; what the safetensors library itself allows."""

# The format's name of a type -> its usual name, and bits of a number.
_TYPES = {
    "BOOL": ("bool", 8),
    "U8": ("uint8", 8),
    "I8": ("int8", 8),
    "U16": ("uint16", 16),
    "I16": ("int16", 16),
    "U32": ("uint32", 32),
    "I32": ("int32", 32),
    "U64": ("uint64", 64),
    "I64": ("int64", 64),
    "F16": ("float16", 16),
    "BF16": ("bfloat16", 16),
    "F32": ("float32", 32),
    "F64": ("float64", 64),
    "C64": ("complex64", 64),
    "F8_E4M3": ("float8_e4m3fn", 8),
    "F8_E5M2": ("float8_e5m2", 8),
    "F8_E8M0": ("float8_e8m0fnu", 8),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 8),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 8),
    "F6_E2M3": ("float6_e2m3", 6),
    "F6_E3M2": ("float6_e3m2", 6),
    "F4": ("float4_e2m1", 4),
}
_NOT_OF_NUMPY = ("float8_", "float6_", "float4_")
_FLOATS = ("float16", "bfloat16", "float32", "float64")
_BLOCK = 1 << 18  # numbers that are widened at once
_MOST_AXES = 32
# Of a tensor without a number in it: all sizes but 0 together, which its bytes do not bound.
_MOST_AROUND_NOTHING = 1 << 24


@dataclass(frozen=True)
class Tensor:
    """What a header says of one tensor.

    Attributes:
        dtype: the usual name of its type: ``"float32"``, ``"bfloat16"``, ...
        shape: its sizes.
        begin, end: where its bytes are, counted from the first after the header.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class TensorFile:
    """The tensors of a safetensors file, each read when it is asked for.

    Use it in a ``with`` statement, or close it.

    Attributes:
        metadata: the header's texts.
        tensors: what the header says of each tensor, by name.

    Raises:
        FileProblem: there is no such file, or its header does not fit to it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._file = open_file(path)
        try:
            self._size = os.fstat(self._file.fileno()).st_size
            self._map: mmap.mmap | None = None
            self.metadata, self.tensors = self._read_header()
        except FileProblem as error:
            self._file.close()
            raise FileProblem(error.reason, path) from error

    def _read_header(self) -> tuple[dict[str, str], dict[str, Tensor]]:
        if self._size < 8:
            raise FileProblem(
                f"it has {self._size} bytes and no header, so it is no safetensors file"
            )
        length = int.from_bytes(self._file.read(8), "little")
        self._start = 8 + length
        if length > MOST_HEADER or self._start > self._size:
            raise FileProblem(
                f"its header would have {length:,} bytes, and the file has {self._size:,}; it is "
                f"no safetensors file, or was not copied whole"
            )
        content = self._file.read(length)
        if not content.startswith(b"{"):
            raise FileProblem("its header is no JSON object, so it is no safetensors file")
        try:
            header = Fields(parse_json(content), "the header")
        except FileProblem as error:
            raise FileProblem(f"in its header: {error.reason}") from error
        metadata = header.object("__metadata__") if header.has("__metadata__") else None
        texts = {key: metadata.text(key) for key in metadata.names()} if metadata else {}
        names = [name for name in header.names() if name != "__metadata__"]
        tensors = {name: _tensor(header, name) for name in names}
        _check_places(tensors, self._size - self._start)
        return texts, tensors

    def __enter__(self) -> TensorFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was read of it stays."""
        self._file.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    @property
    def numbers(self) -> int:
        """How many numbers all tensors hold together."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors.values())

    def raw(self, name: str) -> Array:
        """Read a tensor as its bytes are: of bfloat16 the bits, as uint16.

        Raises:
            FileProblem: NumPy has no such type, or the file cannot be read to its end.
        """
        tensor = self.tensors[name]
        dtype = "uint16" if tensor.dtype == "bfloat16" else tensor.dtype
        if dtype.startswith(_NOT_OF_NUMPY):
            raise FileProblem(
                f"its tensor {quoted(name)} is of type {dtype}, which is not read here; convert it "
                f"to float32, float16 or bfloat16",
                self._path,
            )
        array = np.empty(tensor.shape, np.dtype(dtype).newbyteorder("<"))
        self._fill(array.reshape(-1).view(np.uint8), self._start + tensor.begin)
        if dtype == "bool" and (array.view(np.uint8) > 1).any():
            raise FileProblem(
                f"its tensor {quoted(name)} is of type bool and holds bytes other than 0 and 1",
                self._path,
            )
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    def _fill(self, content: Array, begin: int) -> None:
        """Read so many bytes from there on."""
        try:
            self._file.seek(begin)
            buffer: Any = memoryview(content.data) if len(content) else bytearray()
            count = self._file.readinto(buffer)  # type: ignore[attr-defined]
        except OSError as error:
            raise FileProblem(visible(error.strerror or str(error)), self._path) from error
        if count < len(content):
            raise FileProblem("it became shorter while it was read", self._path)

    def read(self, name: str) -> Array:
        """Read a tensor in a type that NumPy has: bfloat16 as float32, exactly; others as they are.

        Raises:
            FileProblem: as `raw`.
        """
        array = self.raw(name)
        return _widened(array) if self.tensors[name].dtype == "bfloat16" else array

    def view(self, name: str) -> Array:
        """Return a tensor of floats as it lies in the file, read-only, without a copy of it.

        The file is mapped: its pages are read when their numbers are looked at, and are shared
        with others who map it. A view stays when this object is closed. A file that is replaced
        (a new one takes its name) leaves views as they are; one that is written over changes
        them, and to look at one that was cut short ends the process (SIGBUS). Numbers that do not
        lie as this machine needs them (bfloat16, a big-endian machine, an odd place) are copied.

        Raises:
            FileProblem: as `raw`, or it cannot be mapped.
        """
        tensor = self.tensors[name]
        dtype = np.dtype(tensor.dtype if tensor.dtype in _FLOATS[2:] else "uint8").newbyteorder("<")
        at = self._start + tensor.begin
        if tensor.dtype not in _FLOATS[2:] or at % dtype.itemsize or tensor.begin == tensor.end:
            return self.read(name)
        if self._map is None:
            self._map = self._mapped()
        flat = np.frombuffer(self._map, dtype, math.prod(tensor.shape), at)
        return flat.astype(dtype.newbyteorder("="), copy=False).reshape(tensor.shape)

    def _mapped(self) -> mmap.mmap:
        try:
            content = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise FileProblem(f"it cannot be mapped: {visible(str(error))}", self._path) from error
        if len(content) < self._size:
            raise FileProblem("it became shorter while it was read", self._path)
        return content

    def read_as(self, name: str, dtype: Any) -> Array:
        """Read a tensor of floats in another type of floats, with no other copy of it.

        Raises:
            FileProblem: as `raw`, or its numbers are no floats.
        """
        tensor = self.tensors[name]
        if tensor.dtype not in _FLOATS:
            raise FileProblem(
                f"its tensor {quoted(name)} is of type {tensor.dtype}; read here are "
                f"{', '.join(_FLOATS[:-1])} and {_FLOATS[-1]}",
                self._path,
            )
        bits = tensor.dtype == "bfloat16"
        stored_type = np.dtype("uint16" if bits else tensor.dtype).newbyteorder("<")
        array = np.empty(tensor.shape, dtype)
        flat = array.reshape(-1)
        buffer = np.empty(min(_BLOCK, flat.size), stored_type)  # one for all blocks
        for i in range(0, flat.size, _BLOCK):
            part = flat[i : i + _BLOCK]
            block = buffer[: part.size]
            self._fill(block.view(np.uint8), self._start + tensor.begin + i * block.itemsize)
            with np.errstate(over="ignore"):  # what is too large becomes infinite
                part[:] = _widened(block) if bits else block
        return array

    def read_torch(self, name: str) -> torch.Tensor:
        """Read a tensor of PyTorch in the file's own type, bfloat16 too.

        Raises:
            FileProblem: as `raw`.
        """
        import torch

        tensor = torch.from_numpy(self.raw(name))
        return tensor.view(torch.bfloat16) if self.tensors[name].dtype == "bfloat16" else tensor


def _widened(bits: Array) -> Array:
    """Return numbers of bfloat16 as float32, of which they are the first half of the bits."""
    wide = bits.astype(np.uint32)
    wide <<= np.uint32(16)
    return wide.view(np.float32)


def _tensor(header: Fields, name: str) -> Tensor:
    """Read one entry of a header, checked by itself."""
    entry = header.object(name)
    type_name = entry.text("dtype")
    shape = entry.integers("shape")
    offsets = entry.integers("data_offsets")
    about = f"its tensor {quoted(name)}"
    if type_name not in _TYPES:
        raise FileProblem(f"{about} is of type {quoted(type_name)}, which is not known here")
    dtype, bits = _TYPES[type_name]
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        raise FileProblem(f"{about} has data_offsets {quoted(offsets)}, not a begin and an end")
    if len(shape) > _MOST_AXES:
        raise FileProblem(f"{about} has {len(shape)} axes; at most {_MOST_AXES} are read")
    around = math.prod(size for size in shape if size)
    if 0 in shape and around > _MOST_AROUND_NOTHING:
        raise FileProblem(f"{about} holds no number and has the shape {quoted(shape)}")
    bit_count = math.prod(shape) * bits
    if bit_count != 8 * (offsets[1] - offsets[0]):
        raise FileProblem(
            f"{about} of type {dtype} and shape {quoted(shape)} does not fit to the "
            f"{offsets[1] - offsets[0]:,} bytes that it has"
        )
    return Tensor(dtype, tuple(shape), offsets[0], offsets[1])


def _check_places(tensors: dict[str, Tensor], size: int) -> None:
    """Refuse tensors that overlap or leave a gap, and a file that is too short or too long."""
    end, before = 0, "the header"
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if tensor.begin != end:
            how = "overlap" if tensor.begin < end else "have a gap between them"
            raise FileProblem(f"its tensor {quoted(name)} and {before} {how}")
        end, before = tensor.end, quoted(name)
    if end != size:
        raise FileProblem(
            f"its tensors have {end:,} bytes by the header, and the file holds {size:,}; it was "
            f"not copied whole, or is damaged"
        )
