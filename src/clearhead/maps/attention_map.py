"""AttentionMap: any weight of an attention, computed when it is asked for.

A map keeps queries and keys (and values where contributions are asked for) and answers from them,
in memory linear in the length: w_ij = exp(score_ij - lse_i), where lse_i is the log-sum-exp that
fused kernels compute anyway (FlashAttention, arXiv 2205.14135). It is kept as two numbers, the
highest score of the row and the rest, so that weights are as exact far from zero as near it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..errors import ConfigError, ShapeError
from .map_view import MapView
from .measures.base import Measure, PassContext
from .measures.per_position import Diagonal, Distance, Entropy, Received, Sink, as_measure
from .measures.pooled import Mass, Pooled
from .measures.topk import TopK, TopKeys
from .provenance import Labels, Source, checked_labels
from .scores.denominators import Denominators, RowDenominators
from .scores.exact_scores import ExactScores
from .scores.key_ranges import ALL, Positions
from .scores.precision import FAR, score_dtype
from .scores.scoring import Scoring, score_shape
from .tiles import Pass

if TYPE_CHECKING:
    import numpy as np

Dtype = torch.dtype  # a method of the class below is called torch
DENSE_LIMIT = 1 << 30


class AttentionMap:
    """The attention weights of one call of one module, none of which is stored.

    ``m[0, 3, 17]`` are the weights of query 17 in head 3, ``m[0, :, 100:110, :]`` those of ten
    queries in all heads; only what is asked for is computed. ``m.scores[...]`` gives the scores
    before the softmax (-inf where a query may not attend), ``m.contributions[...]`` weight times
    the norm of the value. All is exact to the rounding of float32 (of float64 for such inputs),
    however large scores are; half-precision inputs are computed in float32. A bias is added to
    scores of float32, as a model adds it: where a mask of -1e9 hides all keys, nothing is left of
    them, and the weights are even. A query that may attend to nothing has weights of zero.

    Args:
        query: Float["batch heads query_len head_dim"], as the kernel got it.
        key: Float["batch kv_heads key_len head_dim"]; each head serves a group of query heads.
        scoring: how scores come from them.
        value: Float["batch kv_heads key_len value_dim"]; needed for contributions only.
        lse: Float["batch heads query_len"], natural log of the denominator, the sinks' share
            included; None to compute it when it is needed. Ignored where its rounding would
            show: for half-precision inputs, and far from zero.
        denominators: the same without that rounding, as `denominators` of another map told it.
        source: where the map came from.
        query_labels, key_labels: a token for each query and key, or such a list for each batch row.
        query_offset: the key at which query 0 stands, for distances: key_len - query_len for new
            tokens after a cache.

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
        self._lse = self._possible(lse)
        self._denominators = denominators
        self._exact_scores = ExactScores(self.query, self.key, scoring)

    @classmethod
    def of(
        cls,
        query: Tensor,
        key: Tensor,
        value: Tensor | None = None,
        *,
        lse: Tensor | None = None,
        source: Source | None = None,
        query_labels: Labels | None = None,
        key_labels: Labels | None = None,
        **scoring: Any,
    ) -> AttentionMap:
        """The map of an attention that would be called with these tensors and arguments.

        Args:
            scoring: the keywords of :meth:`Scoring.of`: scale, softcap, mask, causal,
                causal_offset, window, bias, score_mod, mask_mod, sinks.
        """
        return cls(
            query,
            key,
            Scoring.of(query, key, **scoring),
            value=value,
            lse=lse,
            source=source,
            query_labels=query_labels,
            key_labels=key_labels,
            query_offset=scoring.get("causal_offset", 0),
        )

    # What was asked for, and nothing else

    def __getitem__(self, index: Any) -> Tensor:
        """Weights, indexed like a tensor of the map's shape."""
        return self.weights[index]

    @property
    def weights(self) -> MapView:
        """To be indexed: the same as the map itself."""
        return MapView(self, "weights")

    @property
    def scores(self) -> MapView:
        """To be indexed: the scores before the softmax, -inf where a query may not attend."""
        return MapView(self, "scores")

    @property
    def contributions(self) -> MapView:
        """To be indexed: each weight times the Euclidean norm of its key's value."""
        self._require_values()
        return MapView(self, "contributions")

    def row(self, query: int) -> Tensor:
        """The weights of one query: Float["batch heads key_len"]."""
        return self[:, :, query]

    def column(self, key: int) -> Tensor:
        """The weights with which all queries attend to one key: Float["batch heads query_len"]."""
        return self[:, :, :, key]

    def dense(self, *, max_bytes: int = DENSE_LIMIT) -> Tensor:
        """All weights at once: Float["batch heads query_len key_len"].

        Raises:
            ConfigError: they would need more memory than ``max_bytes``.
        """
        count = self.shape[0] * self.shape[1] * self.shape[2] * self.shape[3]
        size = count * self.dtype.itemsize
        if size > max_bytes:
            raise ConfigError(
                f"The dense map {list(self.shape)} would take {size / 1e9:,.1f} GB, more than the "
                f"{max_bytes / 1e9:,.1f} GB allowed. Ask for a part, m[0, 3, 100:110], or a "
                f"picture, m.pooled(512, 512), or allow it: dense(max_bytes={size})."
            )
        return self[...]

    def torch(self, *, max_bytes: int = DENSE_LIMIT) -> Tensor:
        """The same as :meth:`dense`."""
        return self.dense(max_bytes=max_bytes)

    def numpy(self, *, max_bytes: int = DENSE_LIMIT) -> np.ndarray[Any, Any]:
        """:meth:`dense` as a NumPy array."""
        found: np.ndarray[Any, Any] = self.dense(max_bytes=max_bytes).cpu().numpy()
        return found

    # Measures

    def measure(
        self, *measures: Measure | str, check: Callable[[], object] | None = None
    ) -> dict[Any, Any]:
        """Several measures in one pass over the map.

        Args:
            measures: ``Entropy()``, ``TopK(8)``, ...; the name of one stands for its usual
                settings: ``"entropy"``, ``"received"``, ``"topk"``.
            check: called again and again on the way, so that a long pass can be ended: what it
                raises comes out here. It may be called from several threads.

        Returns:
            The result of each, under what it was asked for with.

        Raises:
            ConfigError: there is no such measure, or it needs values that were not kept.
        """
        asked = {name: as_measure(name) for name in measures}
        if any(measure.needs_values for measure in asked.values()):
            self._require_values()
        context = PassContext(
            self.shape, self.dtype, self.query.device, self.query_offset, self.value_norms()
        )
        wanted = dict.fromkeys(asked.values())
        # The denominators are kept where it costs nothing to have them.
        needs_scores = any(measure.needs_scores for measure in wanted)
        if needs_scores and self._denominators is None:
            wanted.setdefault(RowDenominators())
        running = {measure: measure.begin(context) for measure in wanted}
        across = Pass(
            self.query,
            self.key,
            self.scoring,
            needs_scores=needs_scores,
            far=self.is_far,
            check=check,
        )
        across.run([*running.values()])
        found = {measure: run.result() for measure, run in running.items()}
        self._denominators = found.get(RowDenominators(), self._denominators)
        return {name: found[measure] for name, measure in asked.items()}

    def _measured(self, measure: Measure) -> Any:
        return self.measure(measure)[measure]

    def entropy(self) -> Tensor:
        """-sum_j w_ij ln w_ij of each query: Float["batch heads query_len"], in nats."""
        found: Tensor = self._measured(Entropy())
        return found

    def received(self) -> Tensor:
        """sum_i w_ij, what each key receives: Float["batch heads key_len"]."""
        found: Tensor = self._measured(Received())
        return found

    def distance(self) -> Tensor:
        """sum_j w_ij |i - j|: Float["batch heads query_len"], in tokens; see :class:`Distance`."""
        found: Tensor = self._measured(Distance())
        return found

    def sink(self, count: int = 1) -> Tensor:
        """The weight on the first ``count`` keys: Float["batch heads query_len"]."""
        found: Tensor = self._measured(Sink(count))
        return found

    def diagonal(self, offset: int = 0) -> Tensor:
        """The weight of key i + offset in query i: Float["batch heads query_len"]; 0 if none."""
        found: Tensor = self._measured(Diagonal(offset))
        return found

    def topk(self, k: int = 8, *, by: str = "weight") -> TopKeys:
        """The keys that each query attends to most: ``.values`` and ``.indices``.

        Args:
            k: how many; where a query may attend to fewer, the rest has value 0 and index -1.
            by: ``"weight"``, or ``"contribution"``, weight times the norm of the value.
        """
        found: TopKeys = self._measured(TopK(k, by))
        return found

    def mass(
        self, query_spans: Iterable[Sequence[int]], key_spans: Iterable[Sequence[int]]
    ) -> Tensor:
        """Attention from stretch to stretch: Float["batch heads query_spans key_spans"].

        Args:
            query_spans, key_spans: (begin, end) of each stretch, the end not included.

        Returns:
            For each pair the mean over its queries of the weight that falls on its keys.
        """
        found: Tensor = self._measured(Mass(query_spans, key_spans))
        return found

    def pooled(self, height: int, width: int, reduce: str = "mean") -> Tensor:
        """A picture of each head: Float["batch heads height width"]; see :class:`Pooled`."""
        found: Tensor = self._measured(Pooled(height, width, reduce))
        return found

    @property
    def known_lse(self) -> Tensor | None:
        """:attr:`lse` if it was given and can be used, or has been computed."""
        known = self.known_denominators
        return None if known is None else known.lse

    @property
    def lse(self) -> Tensor:
        """Log of the softmax's denominator: Float["batch heads query_len"]; computed once.

        Rounded to the dtype of the answers, which far from zero leaves nothing to compute weights
        from: :attr:`denominators` has the rest.
        """
        return self.denominators.lse

    @property
    def known_denominators(self) -> Denominators | None:
        """:attr:`denominators` if they can be had without a pass over the map."""
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
            self._measured(RowDenominators())
        assert self._denominators is not None
        return self._denominators

    # Showing

    def plot(self, *args: Any, **kwargs: Any) -> Any:
        """A picture with matplotlib; the arguments are `clearhead.maps.pictures.plots.plot`'s."""
        from .pictures.plots import plot

        return plot(self, *args, **kwargs)

    def to_dataframe(self, *args: Any, **kwargs: Any) -> Any:
        """A pandas table; the arguments are those of ``clearhead.maps.frames.to_dataframe``."""
        from .frames import to_dataframe

        return to_dataframe(self, *args, **kwargs)

    def __repr__(self) -> str:
        batch, heads, query_len, key_len = self.shape
        groups = "" if self.key.shape[1] == heads else f" ({self.key.shape[1]} of keys)"
        parts = [
            f"{batch} x {heads} heads{groups} x {query_len} queries x {key_len} keys",
            str(self.source),
            f"{str(self.query.dtype).removeprefix('torch.')} on {self.query.device}",
            str(self.scoring),
            f"{self.nbytes / 1e6:,.1f} MB kept",
        ]
        return f"AttentionMap({'; '.join(parts)})"

    @property
    def dtype(self) -> Dtype:
        """Of the answers: float32, or float64 for float64 inputs."""
        return score_dtype(self.query)

    @property
    def nbytes(self) -> int:
        """Memory of what the map keeps."""
        held = (self.query, self.key, self.value, self._lse, self._denominators)
        return self.scoring.nbytes + sum(x.nbytes for x in held if x is not None)

    # Behind it

    def _possible(self, lse: Tensor | None) -> Tensor | None:
        if lse is None or self.query.dtype in (torch.float16, torch.bfloat16):
            return None
        if tuple(lse.shape) != self.shape[:3]:
            raise ShapeError(
                f"lse holds one number per query, {list(self.shape[:3])}; got {list(lse.shape)}."
            )
        allowed = self.scoring.allowed
        if allowed is None or self.scoring.sinks is not None:
            return lse.detach()
        # The CPU kernel says 0 for a query that may attend to nothing.
        return lse.detach().masked_fill(~allowed.sees(), -torch.inf)

    @property
    def is_far(self) -> bool:
        """Whether products of queries and keys may be too large for float32."""
        return self._exact_scores.are_far

    def scores_at(
        self,
        rows: Positions,
        columns: Positions = ALL,
        batch: Positions = ALL,
        heads: Positions = ALL,
        denominators: Denominators | None = None,
    ) -> Tensor:
        """Float["batch heads rows columns"], as exact as weights need them: see `ExactScores`."""
        return self._exact_scores.at(rows, columns, batch, heads, denominators)

    def _require_values(self) -> None:
        if self.value is None:
            raise ConfigError(
                "Contributions are weights times the norms of values, and this map has kept no "
                "values: record with values=True, or give AttentionMap.of a value."
            )

    def value_norms(self) -> Tensor | None:
        """Euclidean norms of the values, Float["batch heads key_len"]; None without values."""
        if self.value is None:
            return None
        norms = torch.linalg.vector_norm(self.value, dim=-1, dtype=self.dtype)
        group = self.shape[1] // norms.shape[1]
        return norms[:, :, None].expand(-1, -1, group, -1).flatten(1, 2)
