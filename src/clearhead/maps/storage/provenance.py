"""Where an attention map came from, and the labels of its queries and keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import ShapeError

Labels = Sequence[str] | Sequence[Sequence[str]]


@dataclass(frozen=True)
class Source:
    """The call that an attention map was read from.

    Attributes:
        model: the class of the model.
        module: the name of the module that attended.
        kind: ``"self"`` or ``"cross"``.
        kernel: what computed the attention.
        dropout: its probability in the call; the map's weights are those before it.
        call: the number of the call among those of its module in the recording, from 0.
        notes: remarks for a reader of the numbers.
    """

    model: str = ""
    module: str = ""
    kind: str = "self"
    kernel: str = ""
    dropout: float = 0.0
    call: int = 0
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        module = f" of {self.module}" if self.module else ""
        model = f" in {self.model}" if self.model else ""
        kernel = f", computed by {self.kernel}" if self.kernel else ""
        return f"{self.kind}-attention{module}{model}{kernel}"


def checked_labels(
    labels: Labels | None, batch: int, length: int, what: str
) -> tuple[tuple[str, ...], ...] | None:
    """Return a tuple of tokens for each batch row."""
    if labels is None:
        return None
    one_row = all(isinstance(label, str) for label in labels)
    rows = [tuple(labels)] * batch if one_row else [tuple(row) for row in labels]
    lengths = [len(row) for row in rows]
    if lengths != [length] * batch:
        raise ShapeError(
            f"{what} must be {length} tokens, or such a list for each of {batch} batch rows; got "
            f"lengths {lengths}."
        )
    return tuple(rows)  # type: ignore[arg-type]
