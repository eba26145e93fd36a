"""TilePass: the one pass over an attention map that all measures share.

A tile is some rows with all the keys that they may attend to. So its softmax is final, no
log-sum-exp is needed beforehand, and scores with keys that none of the rows may attend to, half of
a causal map, are never computed. On a CPU each worker thread processes whole heads on its own, with
tiles that stay in its cache; threads that share each operator, and wait for each other, take twice
as long.

For each tile `TilePass` computes the scores (`_scores`: products, then `Scoring.finish`), then the
weights and the sums that measures need (`_weighted`). Both are written into memory that the worker
reuses for its next tile (`tile_room.Room`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ...shapes import Float
from ..measures.base import Accumulator, Tile
from ..scores.denominators import with_sinks
from ..scores.precision import (
    any_far,
    exact_dtype,
    highest_norm,
    lies_far,
    score_dtype,
    without_autocast,
)
from ..scores.scoring import Scoring
from .tile_plan import (
    SLANTED_PARTS,
    Plan,
    SharedWorks,
    Work,
    plan_of,
    steps,
    worker_count,
)
from .tile_room import Keys, Place, Room, room_for

# The mean of scores up to this size is exact to 5e-7.
_AWAY = 8.0


class TilePass:
    """Goes through a map and hands each tile to the sums of measures.

    Args:
        query, key: of the map.
        scoring: how scores come from them.
        needs_scores: whether tiles carry ``highest``, ``log_sum`` and ``mean_gap``.
        far: whether scores of some tiles may need float64; None to compute it.
        check: called before each tile; what it raises ends the pass.
    """

    def __init__(
        self,
        query: Float[Tensor, "batch heads query_len head_dim"],
        key: Float[Tensor, "batch kv_heads key_len head_dim"],
        scoring: Scoring,
        *,
        needs_scores: bool = True,
        far: bool | None = None,
        check: Callable[[], object] | None = None,
    ) -> None:
        self.query, self.key = query.detach(), key.detach()
        self.scoring, self.needs_scores = scoring, needs_scores
        self.check = check or (lambda: None)
        self.dtype, self.widest = score_dtype(query), exact_dtype(query.device)
        if far is None:
            far = lies_far(highest_norm(self.query), highest_norm(self.key), scoring.scale)
        self.far = far and self.dtype != self.widest
        self.group = query.shape[1] // max(key.shape[1], 1)
        self.lowest = torch.finfo(self.dtype).min
        # A bias or a score_mod may be -inf and so hide all keys of a query. Without them no score
        # is as low as the lowest number.
        self.forbidden = -torch.inf if scoring.adds else self.lowest
        self._ranges = None if scoring.mask is None else scoring.mask.ranges
        self.may_be_dead = scoring.adds or not (
            scoring.mask is None or bool(scoring.mask.sees().all())
        )

    def run(self, sums: Sequence[Accumulator[Any]]) -> None:
        """Hand each tile once to each of the sums."""
        if not self.query.numel() or not self.key.numel():
            return
        workers = worker_count(self.query, self.key)
        plan = plan_of(self.query, self.key, workers, slanted=self._is_slanted())
        if workers == 1:
            with without_autocast(self.query.device):
                self._work_off(iter(plan.works), plan, sums)
            return
        # Several workers, each with one PyTorch thread.
        before = torch.get_num_threads()
        works = SharedWorks(plan.works)
        failures: list[BaseException] = []

        def worker() -> None:
            try:
                torch.set_num_threads(1)
                with torch.no_grad():  # autocast is off in a new thread
                    self._work_off(works, plan, sums)
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=worker, daemon=True) for _ in range(workers)]
        try:
            for thread in threads:
                thread.start()
        finally:
            for thread in threads:
                thread.join()
            # The setting is per thread, but threads started later inherit the number set last.
            torch.set_num_threads(before)
        if failures:
            raise failures[0]

    def _is_slanted(self) -> bool:
        """Return whether the first queries attend to few keys: short tiles then save products."""
        if self._ranges is None:
            return False
        first = self._ranges.hull(slice(0, -(-self.query.shape[2] // SLANTED_PARTS)))
        return first.end - first.first <= self.key.shape[2] // 2

    def _work_off(
        self, works: Iterator[Work], plan: Plan, sums: Sequence[Accumulator[Any]]
    ) -> None:
        """Compute the tiles of some units of work in turn, and add each to the sums."""
        with room_for(plan.entries, self.dtype, self.query.device) as room:
            for work in works:
                keys = Keys(self.key[work.batch, work.kv_heads])
                for part in steps(work.rows.stop - work.rows.start, plan.rows):
                    self.check()
                    rows = slice(work.rows.start + part.start, work.rows.start + part.stop)
                    tile = self._tile(keys, work, rows, room)
                    if tile is not None:
                        for accumulator in sums:
                            accumulator.add(tile)

    def _tile(self, keys: Keys, work: Work, rows: slice, room: Room) -> Tile | None:
        """Compute a tile; None where none of its queries may attend to any key."""
        # Leave out keys that none of the queries may attend to.
        heads = slice(work.kv_heads.start * self.group, work.kv_heads.stop * self.group)
        columns, hull = slice(0, keys.length), None
        if self._ranges is not None:
            hull = self._ranges.hull(rows, work.batch, heads)
            columns = slice(hull.first, hull.end)
            if hull.end <= hull.first:
                return None
        place = Place(work.batch, heads, rows, columns, hull)
        # In float64 where large products are likely to lose digits.
        exact = self.far and lies_far(
            highest_norm(self._query(place)), keys.norm, self.scoring.scale
        )
        scores = self._scores(keys, place, room, exact)
        highest = None
        if self.needs_scores or self.may_be_dead or self.scoring.sinks is not None:
            highest = scores.amax(-1)
            may_need_exact = self.scoring.adds and not exact and self.dtype != self.widest
            # Far from zero the last digits of the terms decide a sum.
            if may_need_exact and any_far(highest):
                scores = self._scores(keys, place, room, True)
                highest = scores.amax(-1)
        return self._weighted(scores, highest, place, room)

    def _query(self, place: Place) -> Float[Tensor, "batch heads rows head_dim"]:
        return self.query[place.batch, place.heads, place.rows]

    def _scores(
        self, keys: Keys, place: Place, room: Room, exact: bool
    ) -> Float[Tensor, "batch heads rows columns"]:
        """Compute the scores of a tile in the room's memory.

        Their dtype is that of the answers, or the widest one if ``exact`` and nothing is added to
        the products.
        """
        batch, heads, rows, columns, hull = place
        dtype = self.widest if exact else self.dtype
        query = self._query(place).to(dtype) * self.scoring.scale
        shape = (*query.shape[:3], columns.stop - columns.start)
        key = keys.of(dtype)
        lead = key.shape[0] * key.shape[1]
        # Queries that share a key head are stacked as rows, so that no key is repeated.
        query = query.reshape(lead, -1, query.shape[3])
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
        self,
        scores: Float[Tensor, "batch heads rows columns"],
        highest: Float[Tensor, "batch heads rows"] | None,
        place: Place,
        room: Room,
    ) -> Tile:
        """Compute the softmax of a tile and, where measures need scores, the sums over its rows."""
        dead, sinks, origin, products_dtype = None, self.scoring.sinks, None, scores.dtype
        # Dead queries may attend to nothing; their highest score is replaced by a finite number.
        if highest is not None and self.may_be_dead:
            dead = highest <= self.forbidden
            dead = dead if bool(dead.any()) else None
        alive = highest if highest is None or dead is None else highest.masked_fill(dead, 0)
        # Subtract the highest score of each row, where scores would lose digits otherwise.
        if scores.dtype != self.dtype or (self.needs_scores and self._is_away(alive)):
            origin = scores.amax(-1) if alive is None else alive
            scores = self._below(scores, origin, room)
        if self.needs_scores and (self.scoring.adds or scores.dtype != products_dtype):
            scores = scores.clamp_(min=self.lowest)  # 0 times -inf would not be 0
        # The softmax, and the part of it that sinks take.
        weights = torch.softmax(scores, -1, out=room.weights[: scores.numel()].view(scores.shape))
        log_sum = mean_gap = total = None
        if self.needs_scores or sinks is not None:
            log_sum = weights.amax(-1).log_().neg_()  # the largest weight is exp(-log_sum)
        if sinks is not None:
            assert alive is not None
            assert log_sum is not None
            log_sum, total = with_sinks(alive, log_sum, sinks[place.heads])
            weights *= total[..., None]
        # Dead queries have weights of zero.
        if dead is not None:
            assert highest is not None
            for x in (weights, log_sum, total):
                if x is not None:
                    x.masked_fill_(dead[..., None] if x.ndim == 4 else dead, 0)
            highest = highest.masked_fill(dead, -torch.inf)
        # The mean distance to the highest score; the memory of the scores becomes scratch.
        if self.needs_scores:
            assert alive is not None
            mean_gap = torch.mul(weights, scores, out=scores).sum(-1).neg_()
            if origin is None:
                mean_gap += alive if total is None else alive * total
        return Tile(*place[:4], weights, scores, highest, log_sum, mean_gap, total)

    def _is_away(self, highest: Float[Tensor, "batch heads rows"] | None) -> bool:
        """Return whether the mean score minus the highest would lose digits.

        If not, the highest score need not be subtracted from every score, which saves a pass.
        """
        return highest is None or bool((highest.abs() > _AWAY).any())

    def _below(
        self,
        scores: Float[Tensor, "batch heads rows columns"],
        origin: Float[Tensor, "batch heads rows"],
        room: Room,
    ) -> Float[Tensor, "batch heads rows columns"]:
        """Return scores minus the highest of their row, in the dtype of the answers."""
        scores = scores.sub_(origin[..., None])
        if scores.dtype != self.dtype:
            scores = room.narrow[: scores.numel()].view(scores.shape).copy_(scores)
        return scores
