"""The one pass over an attention map that all measures share.

A tile is some rows with all the keys that they may attend to. So its softmax is final, no
log-sum-exp is needed beforehand, and keys that none of the rows may see are never computed: half
of a causal map. On a CPU each worker thread goes through whole heads on its own, with tiles that
stay in its cache: threads that wait for each other at every operator take twice as long.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .key_ranges import DenseMask, KeyRanges
from .measuring import Running, Tile
from .scoring import Scoring, score_dtype

# Entries of a tile. On a CPU scores and weights of one stay in the cache of a core; a GPU wants
# as much work as there is memory for.
CPU_TILE, GPU_TILE = 1 << 20, 1 << 25
# Fewer rows than this make the products slow, however large the tile then is.
LEAST_ROWS = 64
# With less work than this (entries of the map) threads cost more than they bring.
_WORTH_THREADS = 1 << 21


@dataclass(frozen=True)
class _Work:
    """Some rows of neighbouring heads, which have their own keys."""

    batch: slice
    kv_heads: slice
    rows: slice


@dataclass(frozen=True)
class _Plan:
    works: list[_Work]
    rows: int  # of a tile
    entries: int  # of the largest tile


class Pass:
    """Goes through a map and tells measures of each tile.

    Args:
        query: Float["batch heads query_len head_dim"].
        key: Float["batch kv_heads key_len head_dim"].
        scoring: how scores come from them.
        needs_scores: whether tiles carry ``lse`` and ``mean_score``.
        check: called before each tile; what it raises ends the pass.
    """

    def __init__(
        self,
        query: Tensor,
        key: Tensor,
        scoring: Scoring,
        *,
        needs_scores: bool = True,
        check: Callable[[], object] | None = None,
    ) -> None:
        self.query, self.key = query.detach(), key.detach()
        self.scoring, self.needs_scores = scoring, needs_scores
        self.check = check or (lambda: None)
        self.dtype = score_dtype(query)
        self.group = query.shape[1] // max(key.shape[1], 1)
        self.lowest = torch.finfo(self.dtype).min
        # A bias or a score_mod may be -inf, and so leave a query nothing.
        self.may_be_infinite = scoring.bias is not None or scoring.score_mod is not None
        self.may_be_dead = self.may_be_infinite or not (
            scoring.allowed is None or bool(scoring.allowed.sees().all())
        )

    def run(self, measures: Sequence[Running]) -> None:
        """Tells each of the measures of each tile once."""
        if not self.query.numel() or not self.key.numel():
            return
        workers = self._workers()
        plan = self._plan(workers)
        if workers == 1:
            self._work_off(iter(plan.works), plan, measures)
            return
        before = torch.get_num_threads()
        works = _Shared(plan.works)
        failures: list[BaseException] = []

        def worker() -> None:
            try:
                torch.set_num_threads(1)
                with torch.no_grad():
                    self._work_off(works, plan, measures)
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=worker, daemon=True) for _ in range(workers)]
        try:
            for thread in threads:
                thread.start()
        finally:
            for thread in threads:
                thread.join()
            # Set for each thread apart, but threads that begin later take the number set last.
            torch.set_num_threads(before)
        if failures:
            raise failures[0]

    def _workers(self) -> int:
        batch, heads, query_len, _ = self.query.shape
        entries = batch * heads * query_len * self.key.shape[2]
        if self.query.is_cuda or entries < _WORTH_THREADS:
            return 1
        return torch.get_num_threads()

    def _plan(self, workers: int) -> _Plan:
        batch, _, query_len, _ = self.query.shape
        kv_heads, key_len = self.key.shape[1:3]
        wanted = GPU_TILE if self.query.is_cuda else CPU_TILE
        head_entries = self.group * query_len * key_len
        kv_step = min(max(wanted // head_entries, 1), kv_heads)
        batch_step = 1
        if kv_step == kv_heads:
            batch_step = min(max(wanted // (head_entries * kv_heads), 1), batch)
        rows = max(wanted // (key_len * self.group), -(-LEAST_ROWS // self.group))
        rows = min(rows, query_len) if kv_step == 1 else query_len
        parts = -(-batch // batch_step) * -(-kv_heads // kv_step)
        row_step = query_len
        if workers > 1 and parts < 2 * workers:
            # A multiple of a tile, so that several workers find something to do in one head.
            row_step = -(-query_len * parts // (4 * workers))
            row_step = -(-row_step // rows) * rows
        works = [
            _Work(b, h, r)
            for b in _steps(batch, batch_step)
            for h in _steps(kv_heads, kv_step)
            for r in _steps(query_len, row_step)
        ]
        return _Plan(works, rows, batch_step * kv_step * self.group * rows * key_len)

    def _work_off(self, works: Iterator[_Work], plan: _Plan, measures: Sequence[Running]) -> None:
        buffers = [torch.empty(plan.entries, dtype=self.dtype, device=self.query.device)]
        buffers.append(torch.empty_like(buffers[0]))
        for work in works:
            key = self.key[work.batch, work.kv_heads].to(self.dtype).contiguous()
            for part in _steps(work.rows.stop - work.rows.start, plan.rows):
                self.check()
                rows = slice(work.rows.start + part.start, work.rows.start + part.stop)
                tile = self._tile(key, work, rows, buffers)
                if tile is not None:
                    for measure in measures:
                        measure.add(tile)

    def _tile(
        self, key: Tensor, work: _Work, rows: slice, buffers: Sequence[Tensor]
    ) -> Tile | None:
        heads = slice(work.kv_heads.start * self.group, work.kv_heads.stop * self.group)
        columns, hull = slice(0, key.shape[2]), None
        allowed = self.scoring.allowed
        if isinstance(allowed, DenseMask):
            allowed = allowed.within
        if isinstance(allowed, KeyRanges):
            hull = allowed.hull(rows, work.batch, heads)
            columns = slice(hull.first, hull.end)
            if hull.end <= hull.first:
                return None
        scores = self._products(key, work.batch, heads, rows, columns, buffers[0])
        scores = self.scoring.finish(
            scores,
            rows,
            columns,
            batch=work.batch,
            heads=heads,
            forbidden=self.lowest,
            hull=hull,
        )
        return self._weighted(scores, buffers[1], work.batch, heads, rows, columns)

    def _products(
        self, key: Tensor, batch: slice, heads: slice, rows: slice, columns: slice, buffer: Tensor
    ) -> Tensor:
        """scale * q . k, each key multiplied with the queries of its whole group."""
        query = self.query[batch, heads, rows].to(self.dtype) * self.scoring.scale
        shape = (*query.shape[:3], columns.stop - columns.start)
        lead = key.shape[0] * key.shape[1]
        query = query.reshape(lead, -1, query.shape[3])
        keys = key.flatten(0, 1)[:, columns].mT
        scores = buffer[: shape[0] * shape[1] * shape[2] * shape[3]]
        scores = scores.view(lead, query.shape[1], shape[3])
        if lead == 1:
            torch.mm(query[0], keys[0], out=scores[0])
        else:
            torch.bmm(query, keys, out=scores)
        return scores.view(shape)

    def _weighted(
        self,
        scores: Tensor,
        buffer: Tensor,
        batch: slice,
        heads: slice,
        rows: slice,
        columns: slice,
    ) -> Tile:
        scoring = self.scoring
        if self.may_be_infinite:  # 0 times -inf would not be 0
            scores = torch.clamp(scores, min=self.lowest, out=scores)
        weights = torch.softmax(scores, -1, out=buffer[: scores.numel()].view(scores.shape))
        lse = mean_score = total = None
        if self.needs_scores or scoring.sinks is not None or self.may_be_dead:
            highest = scores.amax(-1)
            # The largest weight is exp(highest - lse).
            lse = highest - weights.amax(-1).log_()
            dead = highest <= self.lowest
            if self.may_be_dead and bool(dead.any()):
                weights.masked_fill_(dead[..., None], 0)
                scores.masked_fill_(dead[..., None], 0)
                lse.masked_fill_(dead, -torch.inf)
        if scoring.sinks is not None:
            assert lse is not None
            without, lse = lse, torch.logaddexp(lse, scoring.sinks[heads].to(self.dtype)[:, None])
            total = (without - lse).exp_()
            weights *= total[..., None]
        if self.needs_scores:
            mean_score = torch.mul(weights, scores, out=scores).sum(-1)
        return Tile(batch, heads, rows, columns, weights, scores, lse, mean_score, total)


class _Shared(Iterator[_Work]):
    """Hands out work to several threads."""

    def __init__(self, works: Sequence[_Work]) -> None:
        self._works, self._lock = iter(works), threading.Lock()

    def __next__(self) -> _Work:
        with self._lock:
            return next(self._works)


def _steps(length: int, step: int) -> Iterator[slice]:
    for first in range(0, length, step):
        yield slice(first, min(first + step, length))
