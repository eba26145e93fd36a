"""Where an attention map came from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """What an attention map was read from.

    Attributes:
        model: the class of the model.
        module: the name of the module that attended.
        kind: ``"self"`` or ``"cross"``.
        kernel: what computed the attention.
        dropout: its probability in the call; the map's weights are those before it.
        call: the how-manieth call of the module in the recording, from 0.
        notes: what else a reader of the numbers should know.
    """

    model: str = ""
    module: str = ""
    kind: str = "self"
    kernel: str = ""
    dropout: float = 0.0
    call: int = 0
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = f" of {self.module}" if self.module else ""
        model = f" in {self.model}" if self.model else ""
        kernel = f", computed by {self.kernel}" if self.kernel else ""
        return f"{self.kind}-attention{named}{model}{kernel}"
