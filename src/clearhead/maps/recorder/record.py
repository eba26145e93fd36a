"""`record`: watch any PyTorch model attend, with its fused kernels on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import ConfigError
from ..attention_map import AttentionMap
from ..measures.base import Measure
from ..measures.per_position import as_measure
from ..provenance import Source
from ..recording.calls import KeptCall, Storage
from ..recording.captured import Captured, without_idle_keys, without_repeated_heads
from ..recording.notes import (
    STRANGER,
    is_compiled,
    say_what_is_compiled,
    say_whose_is_missing,
    say_why_nothing_was_seen,
)
from ..recording.recording import Recording, Refusal, ids_of_length
from ..summary_map import SummaryMap
from .kernels import with_heads_unpacked
from .owners import Lengths, Owner, attention_kind
from .recorder import Recorder
from .unread import WHY, unread_modules

Layers = str | int | Iterable[str | int] | None


@contextmanager
def record(
    model: nn.Module,
    layers: Layers = None,
    *,
    values: bool = False,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    summaries: Sequence[Measure | str] | None = None,
    tokenizer: Any = None,
) -> Iterator[Recording]:
    """Records the attention of a model within a ``with`` block.

    The model is not changed, and its outputs are the same bits as without. Queries, keys and the
    kernel's log-sum-exp are copied, which is linear in the length; weights are computed when a
    map is asked for them. Other models, and other threads, are not recorded.

    Args:
        model: any module. What it is called with, and how often, does not matter.
        layers: which modules: a name, a pattern such as ``"*.self_attn"``, a number (the
            how-manieth attending module, in the order of first calls, from 0), or several of
            these; a name stands for the modules below it, too. None for all.
        values: whether values are kept, for contributions.
        device: where to keep, such as ``"cpu"``; None for where the model computes.
        dtype: what to narrow to, such as ``torch.bfloat16``; the maps are then those of the
            narrowed queries and keys.
        summaries: measures to compute during the forward pass, by name or as objects; nothing
            else is kept.
        tokenizer: labels queries and keys with tokens: something with ``convert_ids_to_tokens``,
            or a function from a list of ids to a list of strings.

    Raises:
        ConfigError: no module has such a name, or there is no such measure.
    """
    if not isinstance(model, nn.Module):
        raise ConfigError(
            f"record() watches a torch.nn.Module; got {type(model).__name__}. Of a pipeline or "
            "wrapper, give the model within it."
        )
    recording = Recording(type(model).__name__)
    keeper = _Keeper(
        recording,
        _Selection(model, layers),
        Storage(None if device is None else torch.device(device), dtype, values),
        None if summaries is None else [as_measure(one) for one in summaries],
        tokenizer,
    )
    recorder = Recorder(model, keeper.captured, keeper.refused, inputs=tokenizer is not None)
    compiled = [name for name, module in recorder.modules if is_compiled(module)]
    try:
        with recorder:
            yield recording
    finally:
        recorder.finish()
        say_what_is_compiled(recording, compiled, keeper.in_graphs)
        say_whose_is_missing(recording, keeper.strangers)
        ran = bool(compiled or recorder.saw_operators)
        say_why_nothing_was_seen(recording, model, ran=ran)
        if ran and not compiled:
            keeper.say_what_is_unread(recorder)


class _Selection:
    """Which modules are recorded."""

    def __init__(self, model: nn.Module, layers: Layers) -> None:
        self._all = layers is None
        given = [layers] if isinstance(layers, str | int) else list(layers or ())
        self._numbers = {one for one in given if isinstance(one, int)}
        self._patterns = [one for one in given if isinstance(one, str)]
        self._order: dict[str, int] = {}
        names = [name for name, _ in model.named_modules()] if self._patterns else []
        for pattern in self._patterns:
            if not any(self._fits(name, pattern) for name in names):
                raise ConfigError(
                    f"layers={pattern!r} fits no module of {type(model).__name__}. Its modules "
                    f"are named {', '.join(map(repr, names[1:6]))}, ...; patterns may have *."
                )
        if any(number < 0 for number in self._numbers):
            raise ConfigError(
                "layers counts attending modules from 0 as they are first called, so that none "
                f"can be counted from the end; got {sorted(self._numbers)}."
            )

    @staticmethod
    def _fits(name: str, pattern: str) -> bool:
        return name == pattern or name.startswith(f"{pattern}.") or fnmatchcase(name, pattern)

    def __contains__(self, name: str) -> bool:
        number = self._order.setdefault(name, len(self._order))
        return (
            self._all
            or number in self._numbers
            or any(self._fits(name, pattern) for pattern in self._patterns)
        )


class _Keeper:
    """Puts into a recording what the recorder tells of."""

    def __init__(
        self,
        recording: Recording,
        selection: _Selection,
        storage: Storage,
        summaries: list[Measure] | None,
        tokenizer: Any,
    ) -> None:
        self._recording, self._selection, self._storage = recording, selection, storage
        self._summaries = summaries
        self._tokens = _token_function(tokenizer)
        self._pass_goes_on = False
        self._sources: dict[int, list[list[str]]] = {}
        self.in_graphs = 0
        self.strangers: Counter[str] = Counter()
        self.seen: set[str] = set()

    def refused(self, owner: Owner, why: str, kernel: str) -> None:
        """An attention that cannot be read."""
        self.seen.add(owner.name)
        if owner.stranger:
            self._of_stranger(owner, kernel)
        elif owner.name in self._selection:
            self._recording._entry(owner.name).calls.append(Refusal(why, kernel))

    def say_what_is_unread(self, recorder: Recorder) -> None:
        """Refusals for what is called attention, ran, and told nothing."""
        for name in unread_modules(recorder.modules, recorder.used, self.seen):
            if name in self._selection:
                self._recording._entry(name).calls.append(Refusal(WHY, "operators of its own"))

    def _of_stranger(self, owner: Owner, kernel: str) -> None:
        """An attention of a module that is not the model's."""
        if not owner.within:
            self.strangers[owner.stranger] += 1
        elif owner.name in self._selection:
            why = STRANGER.format(stranger=owner.stranger)
            self._recording._entry(owner.name).calls.append(Refusal(why, kernel))

    def captured(self, owner: Owner, captured: Captured) -> None:
        """An attention that was read."""
        self.seen.add(owner.name)
        if owner.stranger:
            self._of_stranger(owner, captured.kernel)
            return
        if owner.name not in self._selection:
            return
        captured = without_idle_keys(with_heads_unpacked(owner, captured))
        key, value = without_repeated_heads(captured.key, captured.value)
        captured.key, captured.value = key, value
        if owner.compiled:
            self.in_graphs += 1
            captured.notes += (
                "within a compiled graph: which module inside computed it cannot be seen, and "
                "calls are in the order of the graph",
            )
        entry = self._recording._entry(owner.name)
        last = entry.calls[-1] if entry.calls else None
        kind = _kind(owner, captured, last)
        if self._summaries is not None:
            entry.calls.append(self._summary(owner, kind, captured, len(entry.calls)))
            return
        goes_on = isinstance(last, KeptCall) and last.goes_on(
            kind, captured, pass_goes_on=self._pass_goes_on
        )
        if isinstance(last, KeptCall) and not goes_on and last.is_the_same(captured):
            return  # weights that were asked for, computed beside the fused output
        if kind == "self":
            self._pass_goes_on = goes_on
        if not goes_on:
            last = KeptCall.of(kind, captured, self._storage)
            entry.calls.append(last)
        if self._tokens is not None:
            assert isinstance(last, KeptCall)
            self._label(last, owner, captured)

    def _summary(self, owner: Owner, kind: str, captured: Captured, number: int) -> SummaryMap:
        source = Source(
            model=self._recording.model,
            module=owner.name,
            kind=kind,
            kernel=captured.kernel,
            dropout=captured.dropout,
            call=number,
            notes=captured.notes,
        )
        passing = AttentionMap(
            captured.query,
            captured.key,
            captured.scoring,
            value=captured.value,
            lse=captured.lse,
            source=source,
            query_offset=max(captured.key.shape[2] - captured.query.shape[2], 0)
            if kind == "self"
            else 0,
        )
        assert self._summaries is not None
        found = passing.measure(*self._summaries)
        device = self._storage.device
        if device is not None:
            found = {
                name: result.to(device) if isinstance(result, Tensor) else result
                for name, result in found.items()
            }
        return SummaryMap(passing.shape, source, found)

    def _label(self, call: KeptCall, owner: Owner, captured: Captured) -> None:
        """Tokens of the queries of this step, and of the keys."""
        assert self._tokens is not None
        query_len, key_len = captured.query.shape[2], captured.key.shape[2]
        decoder = "decoder" in owner.name.split(".")
        ids = ids_of_length(owner.inputs, query_len, decoder=decoder)
        if ids is not None and len(ids) == captured.query.shape[0]:
            rows = [self._tokens(row) for row in ids.tolist()]
            known = call.labels.setdefault("query", [[] for _ in rows])
            for row, more in zip(known, rows, strict=True):
                row.extend(more)
            if call.kind == "self":
                self._sources[query_len] = rows
                call.labels["key"] = known
        if call.kind == "cross":
            found = ids_of_length(owner.inputs, key_len, decoder=False)
            if found is not None and len(found) == captured.query.shape[0]:
                call.labels["key"] = [self._tokens(row) for row in found.tolist()]
            elif key_len in self._sources:
                call.labels["key"] = self._sources[key_len]


def _kind(owner: Owner, captured: Captured, last: Any) -> str:
    """Self or cross; what cannot be told is as it was in the call before, of as many keys."""
    batch, _, query_len, _ = captured.query.shape
    key_len = captured.key.shape[2]
    kind = owner.kind or attention_kind(owner.calls, Lengths(batch, query_len, key_len))
    if kind is None and isinstance(last, KeptCall | SummaryMap):
        before = last.kind if isinstance(last, KeptCall) else last.source.kind
        keys = last.key.length if isinstance(last, KeptCall) else last.shape[3]
        return "cross" if before == "cross" and keys == key_len else "self"
    return kind or "self"


def _token_function(tokenizer: Any) -> Callable[[list[int]], list[str]] | None:
    if tokenizer is None:
        return None
    named = getattr(tokenizer, "convert_ids_to_tokens", None)
    if named is not None:
        return lambda ids: [str(token) for token in named(ids)]
    if hasattr(tokenizer, "id_to_token"):
        return lambda ids: [str(tokenizer.id_to_token(one)) for one in ids]
    if callable(tokenizer):
        return lambda ids: [str(token) for token in tokenizer(ids)]
    raise ConfigError(
        "tokenizer must have convert_ids_to_tokens or id_to_token, or be a function from ids to "
        f"tokens; got {type(tokenizer).__name__}."
    )
