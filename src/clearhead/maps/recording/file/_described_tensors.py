"""The tensors in the file of a recording, each checked before a map uses it."""

from __future__ import annotations

import torch
from torch import Tensor

from ....file_reading import FileProblem
from ....json_fields import Fields
from ....visible import quoted

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
INTEGERS = (torch.int32, torch.int64)

MapShape = tuple[int, int, int, int]


class DescribedTensors:
    """The tensors of a file, by the names in its description."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self._tensors = tensors

    def get(
        self, of: Fields, key: str, dtypes: tuple[torch.dtype, ...], *shape: int | None
    ) -> Tensor:
        """Return the tensor that a member of a description names.

        Args:
            of: the description.
            key: its member.
            dtypes: the dtypes that the tensor may have.
            shape: the shape that it must have; None allows any size, and -n allows n or 1.

        Raises:
            FileProblem: there is no such tensor, or it is of another dtype or shape.
        """
        name = of.text(key)
        if name not in self._tensors:
            raise FileProblem(
                f"{key!r} of {of.name} names the tensor {quoted(name)}, which is missing"
            )
        tensor = self._tensors[name]
        if tensor.dtype not in dtypes:
            readable = " or ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)
            actual = str(tensor.dtype).removeprefix("torch.")
            raise FileProblem(f"{key!r} of {of.name} is a tensor of {actual}, not of {readable}")
        fits = tensor.ndim == len(shape) and all(
            size is None or actual_size == abs(size) or (size < 0 and actual_size == 1)
            for actual_size, size in zip(tensor.shape, shape, strict=True)
        )
        if not fits:
            raise FileProblem(
                f"{key!r} of {of.name} has the shape {list(tensor.shape)}, which does not fit there"
            )
        return tensor

    def get_optional(
        self, of: Fields, key: str, dtypes: tuple[torch.dtype, ...], *shape: int | None
    ) -> Tensor | None:
        """Return `get`'s tensor, or None where the description has no such member."""
        return self.get(of, key, dtypes, *shape) if of.has(key) else None
