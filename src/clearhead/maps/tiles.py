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
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from .denominators import with_sinks
from .key_ranges import DenseMask, Hull, KeyRanges
from .measuring import Running, Tile
from .precision import (
    any_far,
    exact_dtype,
    highest_norm,
    lies_far,
    narrowed,
    score_dtype,
    without_autocast,
)
from .scoring import Scoring

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
        needs_scores: whether tiles carry ``highest``, ``log_sum`` and ``mean_gap``.
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
        self.dtype, self.widest = score_dtype(query), exact_dtype(query.device)
        self.group = query.shape[1] // max(key.shape[1], 1)
        self.lowest = torch.finfo(self.dtype).min
        # A bias or a score_mod may be -inf, and so leave a query nothing. Elsewhere no score is
        # as low as the lowest number.
        self.forbidden = -torch.inf if scoring.adds else self.lowest
        self.may_be_dead = scoring.adds or not (
            scoring.allowed is None or bool(scoring.allowed.sees().all())
        )

    def run(self, measures: Sequence[Running]) -> None:
        """Tells each of the measures of each tile once."""
        if not self.query.numel() or not self.key.numel():
            return
        workers = self._workers()
        plan = self._plan(workers)
        if workers == 1:
            with without_autocast(self.query.device):
                self._work_off(iter(plan.works), plan, measures)
            return
        before = torch.get_num_threads()
        works = _Shared(plan.works)
        failures: list[BaseException] = []

        def worker() -> None:
            try:
                torch.set_num_threads(1)
                with torch.no_grad():  # autocast is off in a new thread
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
        room = _Room(plan.entries, self.dtype, self.query.device)
        for work in works:
            keys = _Keys(self.key[work.batch, work.kv_heads])
            for part in _steps(work.rows.stop - work.rows.start, plan.rows):
                self.check()
                rows = slice(work.rows.start + part.start, work.rows.start + part.stop)
                tile = self._tile(keys, work, rows, room)
                if tile is not None:
                    for measure in measures:
                        measure.add(tile)

    def _tile(self, keys: _Keys, work: _Work, rows: slice, room: _Room) -> Tile | None:
        heads = slice(work.kv_heads.start * self.group, work.kv_heads.stop * self.group)
        columns, hull = slice(0, keys.length), None
        allowed = self.scoring.allowed
        if isinstance(allowed, DenseMask):
            allowed = allowed.within
        if isinstance(allowed, KeyRanges):
            hull = allowed.hull(rows, work.batch, heads)
            columns = slice(hull.first, hull.end)
            if hull.end <= hull.first:
                return None
        place = _Place(work.batch, heads, rows, columns, hull)
        exact = self.dtype != self.widest and self._is_far(keys, place)
        scores = self._scores(keys, place, room, exact)
        highest = None
        if self.needs_scores or self.may_be_dead or self.scoring.sinks is not None:
            highest = scores.amax(-1)
            again = self.scoring.adds and not exact and self.dtype != self.widest
            # Far from zero a sum hangs on the last digits of what it is the sum of.
            if again and any_far(highest):
                scores = self._scores(keys, place, room, True)
                highest = scores.amax(-1)
        return self._weighted(scores, highest, place, room)

    def _is_far(self, keys: _Keys, place: _Place) -> bool:
        query = self.query[place.batch, place.heads, place.rows]
        return narrowed(query.device) or lies_far(
            highest_norm(query), keys.norm, self.scoring.scale
        )

    def _scores(self, keys: _Keys, place: _Place, room: _Room, exact: bool) -> Tensor:
        """Those of a tile: of the dtype of the answers, or of the widest one if exact and nothing
        is added to products."""
        batch, heads, rows, columns, hull = place
        dtype = self.widest if exact else self.dtype
        query = self.query[batch, heads, rows].to(dtype) * self.scoring.scale
        shape = (*query.shape[:3], columns.stop - columns.start)
        key = keys.of(dtype)
        lead = key.shape[0] * key.shape[1]
        query = query.reshape(lead, -1, query.shape[3])
        # Each key is multiplied with the queries of its whole group.
        transposed = key.flatten(0, 1)[:, columns].mT
        products = room.products(dtype)[: shape[0] * shape[1] * shape[2] * shape[3]]
        products = products.view(lead, query.shape[1], shape[3])
        if lead == 1:
            torch.mm(query[0], transposed[0], out=products[0])
        else:
            torch.bmm(query, transposed, out=products)
        return self.scoring.finish(
            products.view(shape),
            rows,
            columns,
            batch=batch,
            heads=heads,
            dtype=self.dtype,
            forbidden=self.forbidden,
            hull=hull,
        )

    def _weighted(
        self, scores: Tensor, highest: Tensor | None, place: _Place, room: _Room
    ) -> Tile:
        below, dead, scoring = scores, None, self.scoring
        if highest is None and scores.dtype != self.dtype:
            highest = scores.amax(-1)
        origin = highest
        if highest is not None and self.may_be_dead:
            dead = highest <= self.forbidden
            dead = dead if bool(dead.any()) else None
            origin = highest if dead is None else highest.masked_fill(dead, 0)
        if origin is not None and (self.needs_scores or scores.dtype != self.dtype):
            below = self._below(scores, origin, room)
        weights = torch.softmax(below, -1, out=room.weights[: below.numel()].view(below.shape))
        log_sum = mean_gap = total = None
        if self.needs_scores or scoring.sinks is not None:
            log_sum = weights.amax(-1).log_().neg_()  # the largest weight is exp(-log_sum)
        if scoring.sinks is not None:
            assert origin is not None
            assert log_sum is not None
            log_sum, total = with_sinks(origin, log_sum, scoring.sinks[place.heads])
            weights *= total[..., None]
        if dead is not None:
            weights.masked_fill_(dead[..., None], 0)
            for x in (log_sum, total):
                if x is not None:
                    x.masked_fill_(dead, 0)
            assert highest is not None
            highest = highest.masked_fill(dead, -torch.inf)
        if self.needs_scores:
            mean_gap = torch.mul(weights, below, out=below).sum(-1).neg_()
        return Tile(*place[:4], weights, below, highest, log_sum, mean_gap, total)

    def _below(self, scores: Tensor, origin: Tensor, room: _Room) -> Tensor:
        """Scores less the highest of their row, in the dtype of the answers."""
        scores = scores.sub_(origin[..., None])
        if scores.dtype != self.dtype:
            scores = room.narrow[: scores.numel()].view(scores.shape).copy_(scores)
        elif not self.scoring.adds:
            return scores
        return scores.clamp_(min=self.lowest)  # 0 times -inf would not be 0


class _Place(NamedTuple):
    """Which part of a map a tile is."""

    batch: slice
    heads: slice
    rows: slice
    columns: slice
    hull: Hull | None


class _Keys:
    """The keys of some heads, in the dtypes that they are wanted in."""

    def __init__(self, key: Tensor) -> None:
        self._key, self._known = key, dict[torch.dtype, Tensor]()
        self.length = key.shape[2]

    def of(self, dtype: torch.dtype) -> Tensor:
        """Float["batch kv_heads key_len head_dim"]."""
        if dtype not in self._known:
            self._known[dtype] = self._key.to(dtype).contiguous()
        return self._known[dtype]

    @cached_property
    def norm(self) -> Tensor:
        """The largest of each head."""
        return highest_norm(self._key)


class _Room:
    """Where one worker computes its tiles, one after the other."""

    def __init__(self, entries: int, dtype: torch.dtype, device: torch.device) -> None:
        self.narrow = torch.empty(entries, dtype=dtype, device=device)
        self.weights = torch.empty_like(self.narrow)
        self._wide: Tensor | None = None

    def products(self, dtype: torch.dtype) -> Tensor:
        """For those of a tile."""
        if dtype == self.narrow.dtype:
            return self.narrow
        if self._wide is None:
            self._wide = self.narrow.new_empty(self.narrow.shape, dtype=dtype)
        return self._wide


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
