"""The header of a safetensors file, checked completely before any of its numbers is read.

A header that does not fit its file is refused before memory is allocated for it, so a file of a
kilobyte never takes more than a few kilobytes of memory.

A flipped bit in a weight gives another valid weight, which neither shape nor type reveals. So files
that this package writes have a text (`CHECKSUMS`) in their metadata, with the CRC-32 of each
tensor's bytes and of other content that belongs to the file: for a model, its settings and its
tokenizer. Files without it are read without this check.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

from .file_reading import FileProblem, parse_json
from .json_fields import MOST_SUM, Fields
from .visible import quoted

MOST_HEADER = 100_000_000
"""The largest header in bytes, which is the limit of the safetensors library too."""

CHECKSUMS = "clearhead.crc32"

# The format's name of a type -> its usual name, and the bits of a number.
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
_MOST_AXES = 32
# For a tensor with no elements: the limit on the product of its other sizes.
_MOST_AROUND_NOTHING = 1 << 24


@dataclass(frozen=True)
class Tensor:
    """A header's entry for one tensor.

    Attributes:
        dtype: the usual name of its type: ``"float32"``, ``"bfloat16"``, ...
        shape: its sizes.
        begin, end: the range of its bytes, counted from the first byte after the header.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class Header(NamedTuple):
    """The content before the numbers.

    Attributes:
        start: the offset of the first byte after it.
        metadata: its texts.
        tensors: the entry of each tensor, by name.
    """

    start: int
    metadata: dict[str, str]
    tensors: dict[str, Tensor]


def read_header(file: BinaryIO, size: int) -> Header:
    """Read the header of a file.

    Raises:
        FileProblem: there is none, or it does not fit the file.
    """
    if size < 8:
        raise FileProblem(f"it has {size} bytes and no header, so it is no safetensors file")
    length = int.from_bytes(file.read(8), "little")
    start = 8 + length
    if length > MOST_HEADER or start > size:
        raise FileProblem(
            f"its header would have {length:,} bytes, and the file has {size:,}; it is "
            f"no safetensors file, or was not copied whole"
        )
    content = file.read(length)
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
    _check_places(tensors, size - start)
    return Header(start, texts, tensors)


def _tensor(header: Fields, name: str) -> Tensor:
    """Read one entry of a header, and check it by itself."""
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


def checksum_metadata(tensors: Mapping[str, Any] | None, **others: bytes) -> dict[str, str]:
    """Return metadata with checksums, all in one text, since the library writes texts in any order.

    Args:
        tensors: of the file, by name; for PyTorch tensors, their bytes. None: no checksums of
            tensors.
        others: other content that belongs to the file, by name: in its metadata, or beside it.
    """
    content = {"others": {name: zlib.crc32(x) for name, x in others.items()}}
    if tensors is not None:
        content["tensors"] = {name: zlib.crc32(_bytes(array)) for name, array in tensors.items()}
    return {CHECKSUMS: json.dumps(content, sort_keys=True)}


def _bytes(array: Any) -> bytes:
    return bytes(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())


class Checksums:
    """The checksums in a file's metadata: of its tensors and of other content that belongs to it.

    Args:
        metadata: of the file.

    Raises:
        FileProblem: the entry is not a list of checksums.
    """

    def __init__(self, metadata: Mapping[str, str]) -> None:
        self._tensors: Fields | None = None
        self._others: Fields | None = None
        if CHECKSUMS in metadata:
            content = Fields(parse_json(metadata[CHECKSUMS]), "the checksums in the header")
            self._others = content.object("others")
            self._tensors = content.object("tensors") if content.has("tensors") else None

    def of(self, tensor: str) -> int | None:
        """Return the checksum of a tensor's bytes; None if the file has no checksums.

        Raises:
            FileProblem: the file has checksums of other tensors, but not of this one.
        """
        if self._tensors is None:
            return None
        return self._tensors.integer(tensor, least=0, most=MOST_SUM)

    def check(self, tensor: str, actual: int) -> None:
        """Refuse a tensor whose checksum is not the one stated.

        Raises:
            FileProblem: the checksums differ.
        """
        if self.of(tensor) not in (None, actual):
            raise FileProblem(
                f"its tensor {quoted(tensor)} is not what was written: the checksum is another one"
            )

    def belongs(self, name: str, content: bytes) -> bool:
        """Return whether the content is the one that the file was written with; True if not stated.

        Raises:
            FileProblem: the stated value is not a checksum.
        """
        if self._others is None or not self._others.has(name):
            return True
        return self._others.integer(name, least=0, most=MOST_SUM) == zlib.crc32(content)
