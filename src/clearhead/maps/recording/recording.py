"""`Recording`: the attention maps of a model's run, by module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import TraceError
from .beams import map_of_call
from .calls import Call, Map, Refusal
from .contents import Contents
from .file import write_contents
from .growing_call import GrowingCall
from .outputs import HeadOutputs, ModuleOutputs
from .table import table

if TYPE_CHECKING:
    from ..generation.generation import Generation
    from ..heads.kinds import HeadKinds

__all__ = ["Map", "Recording", "Refusal"]


class Recording:
    """The attention maps of one recording, by module name in the order of their first calls.

    ``recording["encoder.layers.0.self_attention"]`` is an `AttentionMap`; ``recording[0]`` that
    of the first module. A module that was called several times has one map per call:
    ``recording.calls(name)``; the steps of a generation with a cache count as one call. Printing
    a recording shows a table.

    Attributes:
        model: the class of the model.
        notes: remarks on the recording as a whole.
    """

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self.model, self.notes = contents.model, contents.notes

    # As a mapping

    def keys(self) -> list[str]:
        """Return the names of the modules that attended, in the order of their first calls."""
        return list(self._contents.calls)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._contents.calls)

    def __contains__(self, name: object) -> bool:
        return name in self._contents.calls

    def values(self) -> list[Map]:
        """Return the maps, in the order of `keys`."""
        return [self[name] for name in self]

    def items(self) -> list[tuple[str, Map]]:
        """Return names and maps."""
        return [(name, self[name]) for name in self]

    def __getitem__(self, index: str | int | tuple[str | int, int]) -> Map:
        """Return the map of a module, by name or by its place in `keys`.

        A second number is the index of one of its calls: ``recording["encoder", 1]``.

        Raises:
            TraceError: there is no such module, it was called several times, or its attention
                could not be read exactly.
        """
        if isinstance(index, tuple):
            name = self._name(index[0])
            calls = self._contents.calls[name]
            return self._map(name, calls[range(len(calls))[index[1]]])
        name = self._name(index)
        calls = self._contents.calls[name]
        if len(calls) > 1:
            raise TraceError(_several_calls(name, calls))
        return self._map(name, calls[0])

    def calls(self, name: str | int) -> list[Map]:
        """Return one map per call of a module, in order; merged steps of a generation are one.

        Raises:
            TraceError: there is no such module, or a call could not be read exactly.
        """
        name = self._name(name)
        return [self._map(name, call) for call in self._contents.calls[name]]

    def count_calls(self, name: str | int) -> int:
        """Return the number of calls of a module, those that could not be read included.

        Raises:
            TraceError: there is no such module.
        """
        return len(self._contents.calls[self._name(name)])

    @property
    def refusals(self) -> dict[str, Refusal]:
        """The first refusal of each module that has one, by name."""
        return self._contents.refusals()

    def _name(self, name: str | int) -> str:
        """Return the name of a module, from its name or its place in `keys`."""
        if isinstance(name, int):
            try:
                return self.keys()[name]
            except IndexError:
                raise TraceError(
                    f"The recording has {len(self)} attending modules; there is none at {name}."
                ) from None
        if name not in self:
            close = get_close_matches(name, self.keys(), n=3)
            hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
            raise TraceError(
                f"Nothing was recorded under {name!r}.{hint} Recorded were: "
                f"{', '.join(map(repr, self)) or 'no attention at all'}."
            )
        return name

    def _map(self, name: str, call: Call) -> Map:
        """Return the map of a call.

        Raises:
            TraceError: it could not be read exactly.
        """
        if isinstance(call, Refusal):
            raise TraceError(
                f"The attention of {name!r} (computed by {call.kernel}) cannot be read exactly: "
                f"{call.why}."
            )
        if isinstance(call, GrowingCall):
            return map_of_call(self._contents, call)
        return call.map()

    # Other results

    @property
    def outputs(self) -> ModuleOutputs:
        """The outputs of the modules that ``record(model, outputs=[...])`` named, by name."""
        return ModuleOutputs(self._contents)

    @property
    def head_outputs(self) -> HeadOutputs:
        """The outputs of the heads of each attending module, by name: weights times values."""
        return HeadOutputs(self)

    # Inspecting

    @property
    def nbytes(self) -> int:
        """Memory of what is kept, in bytes."""
        return self._contents.nbytes

    def __repr__(self) -> str:
        return table(self._contents)

    def rollout(self, *args: Any, **kwargs: Any) -> Any:
        """Return attention through all layers by query: see `clearhead.maps.rollout.rollout`."""
        from .. import rollout

        return rollout.rollout(self, *args, **kwargs)

    def flow_to(self, *args: Any, **kwargs: Any) -> Any:
        """Return attention through all layers by key: see `clearhead.maps.rollout.flow_to`."""
        from .. import rollout

        return rollout.flow_to(self, *args, **kwargs)

    def generation(self, *args: Any, **kwargs: Any) -> Generation:
        """Return one run of ``generate``: `clearhead.maps.recording.generated.generation_of`."""
        from .generated import generation_of

        return generation_of(self._contents, *args, **kwargs)

    def heads(self, *args: Any, **kwargs: Any) -> HeadKinds:
        """Find out what kind each head is: see `clearhead.maps.heads.table_of_maps.head_kinds`."""
        from ..heads.table_of_maps import head_kinds

        return head_kinds(self, *args, **kwargs)

    def plot(self, *args: Any, **kwargs: Any) -> Any:
        """Draw layers by heads: see `clearhead.maps.pictures.layer_grid.plot_recording`."""
        from ..pictures.layer_grid import plot_recording

        return plot_recording(self, *args, **kwargs)

    def save(self, path: str | Path) -> Path:
        """Write all maps to one safetensors file, described in JSON; nothing is pickled.

        Raises:
            ConfigError: a map has a score_mod, which is code, or only summaries were kept.
        """
        return write_contents(self._contents, Path(path))


def _several_calls(name: str, calls: Sequence[Call]) -> str:
    """Return the message that a module has several maps, and how to select one."""
    count = len(calls)
    reason = f"{name!r} was called {count} times, and each call has a map of its own"
    if any(isinstance(call, GrowingCall) and call.cut_back for call in calls):
        reason = (
            f"The keys of {name!r} were cut back between its {count} calls, as a cache is that "
            "begins another text, so they are not one attention"
        )
    return f"{reason}: take recording.calls({name!r}), or one of them with recording[{name!r}, i]."
