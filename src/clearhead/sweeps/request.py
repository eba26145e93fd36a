"""The arguments of a sweep other than model and texts, and whether they fit together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from torch import Tensor

from ..attribution.running import Inputs, check_same_shapes
from ..errors import ConfigError
from .path_runs import Receiver
from .units import OVER, Over, Places

Edit = Literal["zero", "mean"]
Patterns = str | Sequence[str] | None
LOGITS = "logits"
_MEASURES = {
    "zero": "effect of setting to 0",
    "mean": "effect of setting to the mean",
    "patch": "effect of patching",
    "remove": "effect of removing the edge",
}


@dataclass(frozen=True)
class Request:
    """The arguments of `sweep` that say what to edit.

    Attributes:
        over, edit, to, freeze, modules, heads, positions, queries, keys: as in `sweep`.
        patches: whether numbers of another run are patched in.
    """

    over: Over
    edit: Edit
    to: Receiver | Literal["logits"] | None
    freeze: Patterns
    modules: Patterns
    heads: Places
    positions: Places
    queries: Places
    keys: Places
    patches: bool

    @property
    def kind(self) -> str:
        """The kind of edit: zero, mean, patch or remove."""
        if self.over == "edges":
            return "remove"
        return "patch" if self.patches else self.edit

    @property
    def measure(self) -> str:
        """What the numbers of the result are."""
        return _MEASURES[self.kind]

    @property
    def receiver(self) -> Receiver | None:
        """The component that paths lead to; None for the model's output, or without paths."""
        return self.to if isinstance(self.to, Receiver) else None

    @property
    def paths(self) -> dict[str, Any] | None:
        """The end of the paths, in the form that files store; None without paths."""
        if self.to is None:
            return None
        end = {"module": "", "part": "output", "head": None}
        if self.receiver is not None:
            end = asdict(self.receiver)
        patterns = [self.freeze] if isinstance(self.freeze, str) else list(self.freeze or ())
        return {**end, "freeze": patterns}

    def check(self) -> None:
        """Check that the arguments fit together.

        Raises:
            ConfigError: they do not.
        """
        if self.over not in OVER:
            raise ConfigError(f"over is one of {', '.join(OVER)}; got {self.over!r}.")
        if self.edit not in ("zero", "mean"):
            raise ConfigError(f"edit is 'zero' or 'mean'; got {self.edit!r}.")
        if self.over == "edges" and self.patches:
            raise ConfigError(
                "Edges are removed and not patched: give inputs in place of clean and corrupted. "
                "attribute_edges estimates what patching edges between parts would do."
            )
        self._check_paths()

    def _check_paths(self) -> None:
        if self.to is None:
            if self.freeze is not None:
                raise ConfigError("freeze= is of path patching: it needs to=, where paths lead.")
            return
        if not isinstance(self.to, Receiver) and self.to != LOGITS:
            raise ConfigError(f"to is a Receiver, or 'logits'; got {self.to!r}.")
        if not self.patches or self.over == "edges":
            raise ConfigError(
                "to= asks for the paths from heads, layers or positions to a component, with "
                "clean= and corrupted=."
            )
        if self.over != "heads" and self.modules is None:
            raise ConfigError(
                "Paths begin at what adds to the residual stream, and a block's output is the "
                "stream itself. Say which modules send: modules='*.mlp', or over='heads'."
            )


def texts_of(
    inputs: Inputs | None, clean: Inputs | None, corrupted: Inputs | None
) -> tuple[Inputs, Inputs | None]:
    """Return the inputs of the edited run, and those of the run to patch from.

    Raises:
        ConfigError: the inputs are neither one run nor two.
        ShapeError: the two have different token counts.
    """
    if (clean is None) != (corrupted is None) or (inputs is None) == (clean is None):
        raise ConfigError(
            "A sweep ablates one run, inputs, or patches from one run into another, clean= and "
            "corrupted=: give either inputs or both of these."
        )
    if inputs is not None:
        return inputs, None
    assert clean is not None
    assert corrupted is not None
    check_same_shapes(clean, corrupted)
    return corrupted, clean


def check_no_padding(inputs: Inputs) -> None:
    """Check that no mask hides tokens, which a mean would count.

    Raises:
        ConfigError: one does.
    """
    arguments = {} if isinstance(inputs, Tensor) else inputs
    for name, x in arguments.items():
        if "mask" in name and isinstance(x, Tensor) and x.ndim == 2 and not bool(x.all()):
            raise ConfigError(
                f"{name} hides some of the tokens, and edit='mean' would count them. Sweep over "
                "texts of one length, or one by one."
            )
