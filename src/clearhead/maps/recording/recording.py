"""Recording: what a model attended to while it ran, by the names of its modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from torch import Tensor

from ...errors import TraceError
from ..attention_map import AttentionMap
from ..provenance import Source
from ..summary_map import SummaryMap
from .calls import KeptCall

Map = AttentionMap | SummaryMap


@dataclass(frozen=True)
class Refusal:
    """An attention that took place and cannot be told exactly.

    Attributes:
        why: what stands in the way.
        kernel: what computed it.
    """

    why: str
    kernel: str


@dataclass
class Entry:
    """All calls of one module."""

    name: str
    calls: list[KeptCall | Map | Refusal] = field(default_factory=list)
    query_tokens: list[Any] = field(default_factory=list)
    key_tokens: list[Any] = field(default_factory=list)


class Recording:
    """The attention maps of one recording, by module name in the order of their first calls.

    ``recording["encoder.layers.0.self_attention"]`` is an `AttentionMap`; ``recording[0]`` that
    of the first module. A module that was called several times has one map per call:
    ``recording.calls(name)``; the steps of a generation with a cache count as one call. Printing
    a recording shows a table.

    Attributes:
        model: the class of the model.
        notes: what else there is to say of the recording as a whole.
    """

    def __init__(self, model: str = "") -> None:
        self.model = model
        self.notes: list[str] = []
        self._entries: dict[str, Entry] = {}
        self._maps: dict[tuple[str, int], tuple[int, Map]] = {}

    # As a mapping

    def keys(self) -> list[str]:
        """Names of the modules that attended, in the order of their first calls."""
        return list(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def values(self) -> list[Map]:
        """The maps, in the order of `keys`."""
        return [self[name] for name in self]

    def items(self) -> list[tuple[str, Map]]:
        """Names and maps."""
        return [(name, self[name]) for name in self]

    def __getitem__(self, index: str | int | tuple[str | int, int]) -> Map:
        """The map of a module, by name or by its place in `keys`; with a second number, that
        of one of its calls.

        Raises:
            TraceError: there is no such module, it was called several times, or its attention
                could not be read exactly.
        """
        if isinstance(index, tuple):
            name = self._name(index[0])
            return self._call(name, range(self._count(name))[index[1]])
        name = self._name(index)
        entry = self._entries[name]
        if len(entry.calls) > 1:
            raise TraceError(self._several(entry))
        return self._call(name, 0)

    def calls(self, name: str | int) -> list[Map]:
        """One map per call of a module, in order; merged steps of a generation are one.

        Raises:
            TraceError: there is no such module, or a call could not be read exactly.
        """
        name = self._name(name)
        return [self._call(name, call) for call in range(self._count(name))]

    @property
    def refusals(self) -> dict[str, Refusal]:
        """The first refusal of each module that has one, by name."""
        found = {}
        for name, entry in self._entries.items():
            refused = [call for call in entry.calls if isinstance(call, Refusal)]
            if refused:
                found[name] = refused[0]
        return found

    def _count(self, name: str) -> int:
        return len(self._entries[name].calls)

    def _name(self, name: str | int) -> str:
        if isinstance(name, int):
            try:
                return self.keys()[name]
            except IndexError:
                raise TraceError(
                    f"The recording has {len(self)} attending modules; there is none at {name}."
                ) from None
        if name not in self._entries:
            close = get_close_matches(name, self._entries, n=3)
            hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
            raise TraceError(
                f"Nothing was recorded under {name!r}.{hint} Recorded were: "
                f"{', '.join(map(repr, self._entries)) or 'no attention at all'}."
            )
        return name

    def _several(self, entry: Entry) -> str:
        count = len(entry.calls)
        said = f"{entry.name!r} was called {count} times, and each call has a map of its own"
        if any(isinstance(call, KeptCall) and call.reordered for call in entry.calls):
            said = (
                f"The rows of the batch changed places between the steps of {entry.name!r}, as in "
                f"beam search, so its {count} calls are not one attention"
            )
        return (
            f"{said}: take recording.calls({entry.name!r}), or one of them with "
            f"recording[{entry.name!r}, i]."
        )

    def _call(self, name: str, number: int) -> Map:
        entry = self._entries[name]
        call = entry.calls[number]
        if isinstance(call, Refusal):
            raise TraceError(
                f"The attention of {name!r} (computed by {call.kernel}) cannot be read exactly: "
                f"{call.why}."
            )
        if isinstance(call, AttentionMap | SummaryMap):
            return call
        known = self._maps.get((name, number))
        if known is None or known[0] != call.steps:
            known = call.steps, self._build(entry, number, call)
            self._maps[name, number] = known
        return known[1]

    def _build(self, entry: Entry, number: int, call: KeptCall) -> AttentionMap:
        query, key, value, lse, scoring = call.whole()
        source = self._source(entry.name, number, call)
        query_labels, key_labels = labels(call, query.shape[2], key.shape[2])
        first = call.parts[0]
        offset = first.key_len - first.query_len if call.kind == "self" else 0
        return AttentionMap(
            query,
            key,
            scoring,
            value=value,
            lse=lse,
            source=source,
            query_labels=query_labels,
            key_labels=key_labels,
            query_offset=0 if call.static else max(offset, 0),
        )

    def _source(self, name: str, number: int, call: KeptCall) -> Source:
        notes = call.notes
        if call.steps > 1:
            notes = (*notes, f"{call.steps} steps with a cache, taken together")
        if call.dropout:
            notes = (*notes, f"weights before dropout of {call.dropout:g}")
        return Source(
            model=self.model,
            module=name,
            kind=call.kind,
            kernel=call.kernel,
            dropout=call.dropout,
            call=number,
            notes=notes,
        )

    # Filling, by the recorder

    def _entry(self, name: str) -> Entry:
        return self._entries.setdefault(name, Entry(name))

    # Looking

    @property
    def nbytes(self) -> int:
        """Memory of what is kept, in bytes."""
        total = 0
        for entry in self._entries.values():
            for call in entry.calls:
                if isinstance(call, KeptCall):
                    parts = (call.query, call.key, call.value, call.lse)
                    total += sum(part.tensor.nbytes for part in parts if part is not None)
                    total += sum(part.scoring.nbytes for part in call.parts)
                elif isinstance(call, AttentionMap):
                    total += call.nbytes
        return total

    def __repr__(self) -> str:
        from .table import table

        return table(self)

    def rollout(self, *args: Any, **kwargs: Any) -> Any:
        """What positions draw on through all layers: see `clearhead.maps.rollout.rollout`."""
        from .. import rollout

        return rollout.rollout(self, *args, **kwargs)

    def flow_to(self, *args: Any, **kwargs: Any) -> Any:
        """How a position is drawn on: see `clearhead.maps.rollout.flow_to`."""
        from .. import rollout

        return rollout.flow_to(self, *args, **kwargs)

    def plot(self, *args: Any, **kwargs: Any) -> Any:
        """Draw layers by heads: see `clearhead.maps.pictures.layer_grid.plot_recording`."""
        from ..pictures.layer_grid import plot_recording

        return plot_recording(self, *args, **kwargs)

    def save(self, path: str | Path) -> Path:
        """Writes all maps to one safetensors file, described in JSON; nothing is pickled.

        Raises:
            ConfigError: a map has a score_mod, which is code, or only summaries were kept.
        """
        from .writing import save_recording

        return save_recording(self, Path(path))


def labels(
    call: KeptCall, query_len: int, key_len: int
) -> tuple[Sequence[Sequence[str]] | None, Sequence[Sequence[str]] | None]:
    """Token labels of queries and keys, where as many are known as there are of them."""
    found = []
    for which, length in (("query", query_len), ("key", key_len)):
        rows = call.labels.get(which)
        fits = rows is not None and all(len(row) == length for row in rows)
        found.append(rows if fits else None)
    return found[0], found[1]


def ids_of_length(inputs: dict[str, Tensor], length: int, *, decoder: bool) -> Tensor | None:
    """The token ids of this length among a model's inputs, the decoder's first if asked for."""
    fitting = [(name, ids) for name, ids in inputs.items() if ids.shape[1] == length]
    fitting.sort(key=lambda pair: ("decoder" in pair[0]) is not decoder)
    return fitting[0][1] if fitting else None
