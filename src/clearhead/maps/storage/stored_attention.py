"""StoredAttention: queries, keys and scoring, from which any score and any measure is computed.

`AttentionMap` adds indexing, pictures and tables to this class; code that only measures needs no
more than this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError, ShapeError
from ...shapes import Float
from ..measures.base import Measure, PassContext, Result
from ..measures.per_position import as_measure
from ..scores.denominators import Denominators, RowDenominators
from ..scores.exact_scores import ExactScores
from ..scores.precision import FAR, score_dtype
from ..scores.score_shape import score_shape
from ..scores.scoring import Scoring
from .provenance import Labels, Source, checked_labels
from .tiles import TilePass


class StoredAttention:
    """One attention as it is stored: queries and keys, and never a weight.

    The arguments are those of `AttentionMap`, which describes them.

    Raises:
        ShapeError: the tensors do not fit together.
    """

    def __init__(
        self,
        query: Tensor,
        key: Tensor,
        scoring: Scoring,
        *,
        value: Tensor | None = None,
        lse: Tensor | None = None,
        denominators: Denominators | None = None,
        source: Source | None = None,
        query_labels: Labels | None = None,
        key_labels: Labels | None = None,
        query_offset: int = 0,
    ) -> None:
        self.shape = score_shape(query, key)
        batch, _, query_len, key_len = self.shape
        self.query, self.key = query.detach(), key.detach()
        self.value = None if value is None else value.detach()
        if value is not None and value.shape[:3] != key.shape[:3]:
            raise ShapeError(
                f"value {tuple(value.shape)} must have the batch, heads and length of key "
                f"{tuple(key.shape)}."
            )
        self.scoring = scoring
        self.source = source or Source()
        self.query_labels = checked_labels(query_labels, batch, query_len, "query_labels")
        self.key_labels = checked_labels(key_labels, batch, key_len, "key_labels")
        self.query_offset = query_offset
        self._lse = self._usable_lse(lse)
        self._denominators = denominators
        self._exact_scores = ExactScores(self.query, self.key, scoring)

    def _usable_lse(self, lse: Tensor | None) -> Float[Tensor, "batch heads query_len"] | None:
        """Return the log-sum-exp of a kernel where it is exact enough to compute weights from."""
        if lse is None or self.query.dtype in (torch.float16, torch.bfloat16):
            return None
        if tuple(lse.shape) != self.shape[:3]:
            raise ShapeError(
                f"lse holds one number per query, {list(self.shape[:3])}; got {list(lse.shape)}."
            )
        mask = self.scoring.mask
        if mask is None or self.scoring.sinks is not None:
            return lse.detach()
        # The CPU kernel returns 0 for a query that may attend to nothing.
        return lse.detach().masked_fill(~mask.sees(), -torch.inf)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the answers: float32, or float64 for float64 inputs."""
        return score_dtype(self.query)

    @property
    def nbytes(self) -> int:
        """The memory of what the map keeps."""
        tensors = (self.query, self.key, self.value, self._lse, self._denominators)
        return self.scoring.nbytes + sum(x.nbytes for x in tensors if x is not None)

    @property
    def is_far(self) -> bool:
        """Whether products of queries and keys may be too large for float32."""
        return self._exact_scores.are_far

    @property
    def scores_at(self) -> Callable[..., Float[Tensor, "batch heads rows columns"]]:
        """A function that computes some scores, as exact as weights need them: `ExactScores.at`."""
        return self._exact_scores.at

    def value_norms(self) -> Float[Tensor, "batch heads key_len"] | None:
        """Return the Euclidean norms of the values of each query head; None without values."""
        if self.value is None:
            return None
        norms = torch.linalg.vector_norm(self.value, dim=-1, dtype=self.dtype)
        group = self.shape[1] // norms.shape[1]
        return norms[:, :, None].expand(-1, -1, group, -1).flatten(1, 2)

    def _require_values(self) -> None:
        if self.value is None:
            raise ConfigError(
                "Contributions are weights times the norms of values, and this map has kept no "
                "values: record with values=True, or give AttentionMap.of a value."
            )

    # Measures

    def measure(
        self, *measures: Measure[Any] | str, check: Callable[[], object] | None = None
    ) -> dict[Any, Any]:
        """Compute several measures in one pass over the map.

        Args:
            measures: ``Entropy()``, ``TopK(8)``, ...; the name of one stands for its usual
                settings: ``"entropy"``, ``"received"``, ``"topk"``.
            check: called before each tile; raising an exception in it ends a long pass. It may be
                called from several threads.

        Returns:
            The result of each measure, by the name or object that was passed.

        Raises:
            ConfigError: there is no such measure, or it needs values that were not kept.
        """
        by_request = {request: as_measure(request) for request in measures}
        if any(measure.needs_values for measure in by_request.values()):
            self._require_values()
        context = PassContext(
            self.shape, self.dtype, self.query.device, self.query_offset, self.value_norms()
        )
        # A pass that computes all they need also stores the denominators.
        distinct = dict.fromkeys(by_request.values())
        needs_scores = any(measure.needs_scores for measure in distinct)
        if needs_scores and self._denominators is None:
            distinct.setdefault(RowDenominators())
        accumulators = {measure: measure.begin(context) for measure in distinct}
        tile_pass = TilePass(
            self.query,
            self.key,
            self.scoring,
            needs_scores=needs_scores,
            far=self.is_far,
            check=check,
        )
        tile_pass.run([*accumulators.values()])
        results = {measure: sums.result() for measure, sums in accumulators.items()}
        self._denominators = results.get(RowDenominators(), self._denominators)
        return {request: results[measure] for request, measure in by_request.items()}

    def result_of(self, measure: Measure[Result]) -> Result:
        """Compute one measure, whose result has the type that the measure declares."""
        result: Result = self.measure(measure)[measure]
        return result

    # What the softmax divides by

    @property
    def known_denominators(self) -> Denominators | None:
        """:attr:`denominators`, if they are available without a pass over the map."""
        if self._denominators is None and self._lse is not None:
            lse, self._lse = self._lse, None
            near = (lse.abs() <= FAR) | (lse == -torch.inf)
            if bool(near.all()) and not self.is_far:
                self._denominators = Denominators(lse, torch.zeros_like(lse))
        return self._denominators

    @property
    def denominators(self) -> Denominators:
        """What the softmax divides by, exactly; computed once."""
        if self.known_denominators is None:
            self.result_of(RowDenominators())
        assert self._denominators is not None
        return self._denominators

    @property
    def known_lse(self) -> Float[Tensor, "batch heads query_len"] | None:
        """:attr:`lse` if one came with the map and can be used, or has been computed."""
        denominators = self.known_denominators
        return None if denominators is None else denominators.lse

    @property
    def lse(self) -> Float[Tensor, "batch heads query_len"]:
        """Log of the softmax's denominator; computed once.

        It is rounded to the dtype of the answers; far from zero that is too coarse to compute
        weights from, which is what :attr:`denominators` are for.
        """
        return self.denominators.lse
