"""Collects the attentions that a recorder reads, or cannot read, into a recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from torch import Tensor, nn

from ..attention_map import AttentionMap
from ..measures.base import Measure
from ..recording.calls import Call, FinishedCall, Refusal
from ..recording.captured import CapturedAttention, without_idle_keys, without_repeated_heads
from ..recording.contents import Contents
from ..recording.growing_call import GrowingCall
from ..recording.notes import STRANGER
from ..recording.steps.cache_overlap import Continuation
from ..recording.storage import Storage
from ..storage.provenance import Source
from ..storage.summary_map import SummaryMap
from .kernels import with_heads_unpacked
from .owners import Lengths, Owner, attention_kind, is_draft, is_drafting
from .selection import Selection
from .token_labels import TokenLabels
from .unread import kind_of_class, unread_modules, why_unread

_EXPLICIT = "explicit"  # attention written out in operators
_DRAFTS = (
    "attention of the model's own layers, run to draft tokens that it then checks, was left out"
)
_IN_GRAPH = (
    "within a compiled graph: which module inside computed it cannot be seen, and calls are in the "
    "order of the graph"
)


class Collector:
    """Decides what each attention becomes: a step of a call, a call of its own, or a refusal.

    Args:
        contents: of the recording.
        selection: the modules that are recorded.
        storage: how tensors are kept.
        summaries: the measures to compute at once; None to keep queries and keys.
        labels: labels queries and keys with tokens, if anything does.

    Attributes:
        calls_in_graphs: the number of attentions that compiled graphs computed.
        strangers: the number of attentions of other models, by their class.
        attending: names of the modules that have a map or a refusal.
    """

    def __init__(
        self,
        contents: Contents,
        selection: Selection,
        storage: Storage,
        summaries: Sequence[Measure] | None,
        labels: TokenLabels | None,
    ) -> None:
        self._contents, self._selection, self._storage = contents, selection, storage
        self._summaries, self._labels = summaries, labels
        # How the last self-attention continued a generation; None if it did not.
        self._continuation: Continuation | None = None
        self.calls_in_graphs = 0
        self.strangers: Counter[str] = Counter()
        self.attending: set[str] = set()

    def refuse(self, owner: Owner, why: str, kernel: str) -> None:
        """Add an attention that cannot be read."""
        self.attending.add(owner.name)
        if owner.stranger:
            self._add_stranger(owner, kernel)
        elif self._selection.includes(owner.name):
            kind = kind_of_class(owner.module)
            why = f"{why} ({kind})" if kind and kernel == _EXPLICIT else why
            self._contents.of_module(owner.name).append(Refusal(why, kernel))

    def refuse_unread(
        self, modules: Sequence[tuple[str, nn.Module]], parameters: Collection[int]
    ) -> None:
        """Refuse modules that are named attention and ran, but from which nothing was read.

        Args:
            modules: all modules of the model by name.
            parameters: storages of the parameters that were factors of a product.
        """
        by_name = dict(modules)
        for name in unread_modules(modules, parameters, self.attending):
            if self._selection.includes(name):
                refusal = Refusal(why_unread(by_name[name]), "operators of its own")
                self._contents.of_module(name).append(refusal)

    def _add_stranger(self, owner: Owner, kernel: str) -> None:
        """Add an attention of a module that does not belong to the model."""
        if not owner.within:
            self.strangers[owner.stranger] += 1
        elif self._selection.includes(owner.name):
            why = STRANGER.format(stranger=owner.stranger)
            self._contents.of_module(owner.name).append(Refusal(why, kernel))

    def add(self, owner: Owner, captured: CapturedAttention) -> None:
        """Add an attention that was read."""
        self.attending.add(owner.name)
        if owner.stranger:
            self._add_stranger(owner, captured.kernel)
            return
        if not self._selection.includes(owner.name):
            return
        if is_draft():
            if _DRAFTS not in self._contents.notes:
                self._contents.notes.append(_DRAFTS)
            return
        # Undo what the model did to the tensors for the sake of the kernel.
        captured = without_idle_keys(with_heads_unpacked(owner, captured))
        key, value = without_repeated_heads(captured.key, captured.value)
        captured.key, captured.value = key, value
        if owner.compiled:
            self.calls_in_graphs += 1
            captured.notes += (_IN_GRAPH,)
        calls = self._contents.of_module(owner.name)
        last = calls[-1] if calls else None
        kind = _kind(owner, captured, last)
        source = Source(
            model=self._contents.model,
            module=owner.name,
            kind=kind,
            kernel=captured.kernel,
            dropout=captured.dropout,
            call=len(calls),
            notes=captured.notes,
        )
        if self._summaries is not None:
            calls.append(FinishedCall(self._summarise(source, captured, self._summaries)))
            return
        call = self._step_or_call(calls, source, captured)
        if call is not None and self._labels is not None:
            self._labels.add(call, owner, captured)

    def _step_or_call(
        self, calls: list[Call], source: Source, captured: CapturedAttention
    ) -> GrowingCall | None:
        """Continue a module's last call with an attention, or begin another call.

        Returns:
            The call; None where the attention is the last one, computed a second time to get the
            weights beside a fused kernel's output.
        """
        last = calls[-1] if calls else None
        continuation = None
        if isinstance(last, GrowingCall):
            continuation = last.extend(
                source.kind,
                captured,
                previous=self._continuation,
                is_drafting=is_drafting,
            )
            if continuation is None and last.is_same_attention(captured):
                return None
        if source.kind == "self":
            self._continuation = continuation
        if isinstance(last, GrowingCall) and continuation is not None:
            return last
        call = GrowingCall.of(source, captured, self._storage)
        call.drafts = is_drafting()
        calls.append(call)
        return call

    def _summarise(
        self, source: Source, captured: CapturedAttention, measures: Sequence[Measure]
    ) -> SummaryMap:
        """Measure an attention whose queries and keys are not kept."""
        offset = max(captured.key.shape[2] - captured.query.shape[2], 0)
        attention_map = AttentionMap(
            captured.query,
            captured.key,
            captured.scoring,
            value=captured.value,
            lse=captured.lse,
            source=source,
            query_offset=offset if source.kind == "self" else 0,
        )
        results = attention_map.measure(*measures)
        device = self._storage.device
        if device is not None:
            results = {
                measure: result.to(device) if isinstance(result, Tensor) else result
                for measure, result in results.items()
            }
        return SummaryMap(attention_map.shape, source, results)


def _kind(owner: Owner, captured: CapturedAttention, last: Call | None) -> str:
    """Return whether an attention is self- or cross-attention.

    If neither the module's calls nor the lengths decide, it is of the kind of the previous call
    with as many keys.
    """
    batch, _, query_len, _ = captured.query.shape
    key_len = captured.key.shape[2]
    kind = owner.kind or attention_kind(owner.calls, Lengths(batch, query_len, key_len))
    if kind is None and last is not None and not isinstance(last, Refusal):
        before = last.outline
        return "cross" if before.kind == "cross" and before.key_len == key_len else "self"
    return kind or "self"
