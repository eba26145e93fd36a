"""The values that a backward pass needs from the forward pass, and the gradients so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...errors import TraceError
from ...shapes import Array
from ..tracing.step_kind import StepKind
from ..tracing.trace import OFF
from ..tracing.watcher import Watcher


class Tape:
    """Keeps a copy of every step of a forward pass, and passes each on to another watcher.

    Args:
        watcher: sees every step, too. It may not replace any, because the gradient of a replacement
            is unknown.
    """

    enabled = True

    def __init__(self, watcher: Watcher = OFF) -> None:
        self._watcher, self._path = watcher, ""
        self._values: dict[str, Array] = {}

    def record(self, kind: StepKind, value: Array, *, of: Iterable[str] = ()) -> Array:
        """Keep a copy of a step, and return its value.

        Raises:
            TraceError: the watcher returned another value.
        """
        path = f"{self._path}{kind.name}"
        if self._watcher.record(kind, value, of=of) is not value:
            raise TraceError(
                f"The step {path!r} was replaced in a forward pass whose gradients were asked for, "
                "and the derivative of a replacement is not known. Replace gradients instead "
                "(their names begin with d_), or compute gradients without replacements."
            )
        self._values[path] = value.copy()
        return value

    def at(self, path: str) -> Tape:
        """Return this tape with a prefix for the names of its steps."""
        tape = Tape(self._watcher.at(path))
        tape._path, tape._values = f"{self._path}{path}.", self._values
        return tape

    def asks(self, name: str) -> bool:
        """Whether the watcher requests a costly step."""
        return self._watcher.asks(name)

    def visited(self, name: str) -> bool:
        """Whether this scope has had a step of that name."""
        return name in self

    def __contains__(self, name: object) -> bool:
        return f"{self._path}{name}" in self._values

    def __getitem__(self, name: str) -> Array:
        """Return the value of a step in this scope."""
        return self._values[f"{self._path}{name}"]


class Scope:
    """A place in a model during its backward pass, such as ``decoder.layers.0``.

    ``scope["weights"]`` is the value that the step of that name had in the forward pass.

    Args:
        tape: of the forward pass, at this place.
        weights: of the whole model.
        trace: records the steps of the backward pass, at this place.
        path: of this place; "" for the whole model.
        gradients: those of the weights so far, by the weights' names.
    """

    def __init__(
        self,
        tape: Tape,
        weights: Mapping[str, Array],
        trace: Watcher,
        *,
        path: str = "",
        gradients: dict[str, Array] | None = None,
    ) -> None:
        self.tape, self.trace, self.path = tape, trace, path
        self.weights = weights
        self.gradients: dict[str, Array] = {} if gradients is None else gradients

    def at(self, path: str) -> Scope:
        """Return the scope of a part of this place."""
        return Scope(
            self.tape.at(path),
            self.weights,
            self.trace.at(path),
            path=f"{self.path}{path}.",
            gradients=self.gradients,
        )

    def __getitem__(self, step: str) -> Array:
        """Return the value of a step of the forward pass, by its name in this scope."""
        return self.tape[step]

    def __contains__(self, step: object) -> bool:
        return step in self.tape

    def weight(self, name: str = "weight") -> Array:
        """Return a weight, by its name in this scope."""
        return self.weights[self.path + name]

    def has_weight(self, name: str) -> bool:
        """Whether the model has a weight of this name, in this scope."""
        return self.path + name in self.weights

    def record(self, kind: StepKind, value: Array, *, of: Iterable[str] = ()) -> Array:
        """Record a step of the backward pass, and return the value to continue with."""
        return self.trace.record(kind, value, of=of)

    def record_weight(self, kind: StepKind, value: Array, *, of: Iterable[str] = ()) -> None:
        """Record the final gradient of a weight, ``d_weight`` or ``d_bias`` of this scope."""
        name = kind.name.removeprefix("d_")
        self.gradients[self.path + name] = self.record(kind, value, of=of)
