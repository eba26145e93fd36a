"""Reads safetensors files with NumPy alone; the header is checked before any tensor is read.

    8 bytes     length of the header, little-endian
    header      JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...,
                "__metadata__": {"key": "text"}}
    numbers     those of all tensors, one after another without a gap, little-endian

`tensor_header` reads the header, and refuses one that does not fit its file.
"""

from __future__ import annotations

import math
import mmap
import os
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from .file_reading import FileProblem, open_file
from .tensor_header import Checksums, read_header
from .visible import quoted, visible

if TYPE_CHECKING:
    import torch

Array = np.ndarray[Any, Any]

_NOT_OF_NUMPY = ("float8_", "float6_", "float4_")
_FLOATS = ("float16", "bfloat16", "float32", "float64")
_BLOCK = 1 << 18  # numbers converted at once


class TensorFile:
    """The tensors of a safetensors file, each read on demand.

    Use it in a ``with`` statement, or close it.

    Attributes:
        metadata: the header's texts.
        tensors: the header's entry for each tensor, by name.
        checksums: the tensors' checksums from the metadata; each tensor that is read is compared.

    Raises:
        FileProblem: the file does not exist, or its header does not fit it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        self._file = open_file(path)
        try:
            self._size = os.fstat(self._file.fileno()).st_size
            self._map: mmap.mmap | None = None
            self._start, self.metadata, self.tensors = read_header(self._file, self._size)
            self.checksums = Checksums(self.metadata)
        except FileProblem as error:
            self._file.close()
            raise FileProblem(error.reason, path) from error

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
        """Close the file; arrays that were read remain valid."""
        self._file.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    def __contains__(self, name: object) -> bool:
        return name in self.tensors

    def raw(self, name: str) -> Array:
        """Read a tensor in its stored type; bfloat16 is returned as its bits, in uint16.

        Raises:
            FileProblem: NumPy has no such type, the file cannot be read to its end, or the tensor's
                checksum differs.
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
        content = array.reshape(-1).view(np.uint8)
        self._fill(content, self._start + tensor.begin)
        self._check(name, content)
        if dtype == "bool" and (array.view(np.uint8) > 1).any():
            raise FileProblem(
                f"its tensor {quoted(name)} is of type bool and holds bytes other than 0 and 1",
                self._path,
            )
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    def _check(self, name: str, content: Any, before: int = 0) -> None:
        """Compare a tensor's bytes, of which ``content`` is the last part, with its checksum."""
        try:
            if self.checksums.of(name) is not None:
                self.checksums.check(name, zlib.crc32(content, before))
        except FileProblem as error:
            raise FileProblem(error.reason, self._path) from error

    def _fill(self, content: Array, begin: int) -> None:
        """Fill an array with the bytes of the file that start at ``begin``."""
        try:
            self._file.seek(begin)
            buffer: Any = memoryview(content.data) if len(content) else bytearray()
            count = self._file.readinto(buffer)  # type: ignore[attr-defined]
        except OSError as error:
            raise FileProblem(visible(error.strerror or str(error)), self._path) from error
        if count < len(content):
            raise FileProblem("it became shorter while it was read", self._path)

    def read(self, name: str) -> Array:
        """Read a tensor in a NumPy type: bfloat16 as float32, exactly; other types unchanged.

        Raises:
            FileProblem: as `raw`.
        """
        array = self.raw(name)
        return _widened(array) if self.tensors[name].dtype == "bfloat16" else array

    def view(self, name: str) -> Array:
        """Return a read-only view of a tensor of floats in the mapped file, without copying it.

        The file is memory-mapped: its pages are read on first access, and are shared with other
        processes that map it. A view remains valid after this object is closed. If the file is
        replaced by a new one of the same name, views do not change. If it is overwritten in place,
        they change, and reading from a file that was truncated ends the process (SIGBUS). Numbers
        whose layout does not suit this machine (bfloat16, big-endian, misaligned) are copied.

        Raises:
            FileProblem: as `raw`, or the file cannot be mapped.
        """
        tensor = self.tensors[name]
        dtype = np.dtype(tensor.dtype if tensor.dtype in _FLOATS[2:] else "uint8").newbyteorder("<")
        at = self._start + tensor.begin
        if tensor.dtype not in _FLOATS[2:] or at % dtype.itemsize or tensor.begin == tensor.end:
            return self.read(name)
        if self._map is None:
            self._map = self._mapped()
        flat = np.frombuffer(self._map, dtype, math.prod(tensor.shape), at)
        self._check(name, flat.view(np.uint8))
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
        """Read a tensor of floats and convert it to another float type, without another copy.

        Raises:
            FileProblem: as `raw`, or its numbers are not floats.
        """
        array = np.empty(self.tensors[name].shape, dtype)
        self.read_into(name, array.reshape(-1))
        return array

    def read_into(self, name: str, out: Array) -> None:
        """Read a tensor of floats into an array of any float type, without another copy.

        Args:
            name: of the tensor.
            out: flat, with as many numbers; values too large for its type become infinite.

        Raises:
            FileProblem: as `raw`, or its numbers are not floats.
        """
        tensor = self.tensors[name]
        if tensor.dtype not in _FLOATS:
            raise FileProblem(
                f"its tensor {quoted(name)} is of type {tensor.dtype}; read here are "
                f"{', '.join(_FLOATS[:-1])} and {_FLOATS[-1]}",
                self._path,
            )
        for begin, block in self.blocks(name, _BLOCK):
            with np.errstate(over="ignore"):  # values that are too large become infinite
                out[begin : begin + block.size] = (
                    _widened(block) if tensor.dtype == "bfloat16" else block
                )

    def blocks(self, name: str, size: int) -> Iterator[tuple[int, Array]]:
        """Read a tensor block by block in its stored type, into one buffer that is reused.

        Args:
            name: of a tensor whose type NumPy has; bfloat16 is given as its bits, in uint16.
            size: numbers in a block; the last may be shorter.

        Yields:
            The index of a block's first number, and the block, flat; valid until the next is read.

        Raises:
            FileProblem: as `raw`.
        """
        tensor = self.tensors[name]
        dtype = np.dtype("uint16" if tensor.dtype == "bfloat16" else tensor.dtype)
        count = math.prod(tensor.shape)
        buffer = np.empty(min(size, count), dtype.newbyteorder("<"))
        so_far, sums = 0, self.checksums.of(name) is not None
        for begin in range(0, count, size):
            block = buffer[: count - begin]
            content = block.view(np.uint8)
            self._fill(content, self._start + tensor.begin + begin * dtype.itemsize)
            if begin + size >= count:
                self._check(name, content, so_far)
            elif sums:
                so_far = zlib.crc32(content.data, so_far)
            yield begin, block

    def read_torch(self, name: str) -> torch.Tensor:
        """Read a tensor as a PyTorch tensor in the file's own type, bfloat16 included.

        Raises:
            FileProblem: as `raw`.
        """
        import torch

        tensor = torch.from_numpy(self.raw(name))
        return tensor.view(torch.bfloat16) if self.tensors[name].dtype == "bfloat16" else tensor


def _widened(bits: Array) -> Array:
    """Return bfloat16 numbers as float32; their bits are the upper half of a float32's bits."""
    wide = bits.astype(np.uint32)
    wide <<= np.uint32(16)
    return wide.view(np.float32)
