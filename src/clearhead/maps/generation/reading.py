"""How much of each span of a prompt was read while each new token was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError, require
from ...shapes import Float


@dataclass(frozen=True, eq=False)
class SpanReading:
    """New tokens by spans, for each module that attends.

    ``reading["model.layers.0.self_attn"]`` is Float["batch heads new spans"]. `mean` is the average
    over layers and heads. Rows behind the end of a sequence are 0.

    Attributes:
        names: of the spans, in the order of the last axis.
        sums: by module.
        by: what is summed: ``"weight"``, or ``"contribution"``, weight times the norm of the value.
        lengths: how many new tokens each sequence has.
    """

    names: tuple[str, ...]
    sums: Mapping[str, Float[Tensor, "batch heads new spans"]]
    by: str
    lengths: tuple[int, ...]

    def __getitem__(self, module: str) -> Float[Tensor, "batch heads new spans"]:
        """Return the sums of a module.

        Raises:
            ConfigError: there is none of that name.
        """
        if module not in self.sums:
            raise ConfigError(f"Nothing was summed of {module!r}, but of {', '.join(self.sums)}.")
        return self.sums[module]

    def __iter__(self) -> Iterator[str]:
        return iter(self.sums)

    def __len__(self) -> int:
        return len(self.sums)

    def mean(self) -> Float[Tensor, "batch new spans"]:
        """Return the mean over the heads of all modules, each head with the same weight."""
        return torch.cat([x.double() for x in self.sums.values()], 1).mean(1)

    def of(self, name: str) -> Float[Tensor, "batch new"]:
        """Return the mean for one span.

        Raises:
            ConfigError: there is none of that name.
        """
        if name not in self.names:
            raise ConfigError(f"There is no span {name!r}; the spans are {', '.join(self.names)}.")
        return self.mean()[..., self.names.index(name)]

    def to_dataframe(self) -> Any:
        """Return a table for pandas: sequence, module, head, token, span, and the sum.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        pandas = require("pandas", extra="frames", purpose="A table of spans")
        rows = [
            (sequence, module, head, token, name, float(x[sequence, head, token, place]))
            for module, x in self.sums.items()
            for sequence, length in enumerate(self.lengths)
            for head in range(x.shape[1])
            for token in range(length)
            for place, name in enumerate(self.names)
        ]
        columns = ["sequence", "module", "head", "token", "span", self.by]
        return pandas.DataFrame(rows, columns=columns)

    def __repr__(self) -> str:
        width = max(8, *map(len, self.names))
        lines = [f"{self.by.capitalize()} by new token and span, mean of {len(self)} modules"]
        lines.append("sequence  token  " + "  ".join(name.rjust(width) for name in self.names))
        mean = self.mean().tolist()
        for sequence, length in enumerate(self.lengths):
            for token in range(length):
                cells = "  ".join(f"{x:.4f}".rjust(width) for x in mean[sequence][token])
                lines.append(f"{sequence:>8}  {token:>5}  {cells}")
        return "\n".join(lines)
