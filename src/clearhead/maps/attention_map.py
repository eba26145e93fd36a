"""AttentionMap: any weight of an attention, computed when it is asked for.

A map keeps queries and keys (and values where contributions are asked for) and answers from them,
in memory linear in the length: w_ij = exp(score_ij - lse_i), where lse_i is the log-sum-exp that
fused kernels compute anyway (FlashAttention, arXiv 2205.14135). It is stored as two numbers, the
highest score of the row and the rest, so that weights are exact for large scores, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from ..errors import ConfigError
from ..shapes import Array, Float
from .frames import to_dataframe
from .map_view import MapView
from .measures.per_position import Diagonal, Distance, Entropy, Received, Sink
from .measures.pooled import Mass, Pooled
from .measures.topk import TopK, TopKeys
from .pictures.plots import plot
from .scores.scoring import Scoring
from .storage.numpy_arrays import to_array
from .storage.provenance import Labels, Source
from .storage.stored_attention import StoredAttention

DENSE_LIMIT = 1 << 30


class AttentionMap(StoredAttention):
    """The attention weights of one call of one module, none of which is stored.

    ``m[0, 3, 17]`` are the weights of query 17 in head 3, ``m[0, :, 100:110, :]`` those of ten
    queries in all heads; only what is asked for is computed. ``m.scores[...]`` gives the scores
    before the softmax (-inf where a query may not attend), ``m.contributions[...]`` weight times
    the norm of the value. All is exact to the rounding of float32 (of float64 for such inputs),
    however large scores are; half-precision inputs are computed in float32. A bias is added to
    float32 scores, as a model adds it: if a mask of -1e9 hides all keys of a query, nothing is left
    of the scores, and the weights are even. A query that may attend to nothing has weights of zero.

    Args:
        query: Float[Tensor, "batch heads query_len head_dim"], as the kernel got it.
        key: Float[Tensor, "batch kv_heads key_len head_dim"]; each head serves a group of query
            heads.
        scoring: how scores come from them.
        value: Float[Tensor, "batch kv_heads key_len value_dim"]; needed for contributions only.
        lse: Float[Tensor, "batch heads query_len"], natural log of the denominator, including the
            sinks; None to compute it when needed. It is ignored where its rounding would show: for
            half-precision inputs, and for large scores.
        denominators: the same without that rounding, from `denominators` of another map.
        source: where the map came from.
        query_labels, key_labels: a token for each query and key, or a list of tokens for each batch
            row.
        query_offset: the index of query 0 among the keys, for distances: key_len - query_len for
            new tokens after a cache.

    Raises:
        ShapeError: the tensors do not fit together.
    """

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
        """Return the map of an attention called with these tensors and arguments.

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

    # Weights, scores and contributions, computed where they are indexed

    def __getitem__(self, index: Any) -> Tensor:
        """Return weights, indexed like a tensor of the map's shape."""
        return self.weights[index]

    @property
    def weights(self) -> MapView:
        """The weights, to be indexed: the same as the map itself."""
        return MapView(self, "weights")

    @property
    def scores(self) -> MapView:
        """The scores before the softmax, to be indexed; -inf where a query may not attend."""
        return MapView(self, "scores")

    @property
    def contributions(self) -> MapView:
        """Each weight times the Euclidean norm of its key's value, to be indexed."""
        self._require_values()
        return MapView(self, "contributions")

    def row(self, query: int) -> Float[Tensor, "batch heads key_len"]:
        """Return the weights of one query."""
        return self[:, :, query]

    def column(self, key: int) -> Float[Tensor, "batch heads query_len"]:
        """Return the weights with which all queries attend to one key."""
        return self[:, :, :, key]

    def dense(
        self, *, max_bytes: int = DENSE_LIMIT
    ) -> Float[Tensor, "batch heads query_len key_len"]:
        """Return all weights at once.

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

    def torch(
        self, *, max_bytes: int = DENSE_LIMIT
    ) -> Float[Tensor, "batch heads query_len key_len"]:
        """Return the same as :meth:`dense`."""
        return self.dense(max_bytes=max_bytes)

    def numpy(
        self, *, max_bytes: int = DENSE_LIMIT
    ) -> Float[Array, "batch heads query_len key_len"]:
        """Return :meth:`dense` as a NumPy array."""
        return to_array(self.dense(max_bytes=max_bytes))

    # Measures, each by itself; `measure` computes several in one pass

    def entropy(self) -> Float[Tensor, "batch heads query_len"]:
        """Compute -sum_j w_ij ln w_ij of each query, in nats."""
        return self.result_of(Entropy())

    def received(self) -> Float[Tensor, "batch heads key_len"]:
        """Compute sum_i w_ij, the attention that each key receives."""
        return self.result_of(Received())

    def distance(self) -> Float[Tensor, "batch heads query_len"]:
        """Compute sum_j w_ij |i - j| of each query, in tokens; see :class:`Distance`."""
        return self.result_of(Distance())

    def sink(self, count: int = 1) -> Float[Tensor, "batch heads query_len"]:
        """Compute the weight of each query on the first ``count`` keys."""
        return self.result_of(Sink(count))

    def diagonal(self, offset: int = 0) -> Float[Tensor, "batch heads query_len"]:
        """Compute the weight of key i + offset in query i; 0 where there is no such key."""
        return self.result_of(Diagonal(offset))

    def topk(self, k: int = 8, *, by: str = "weight") -> TopKeys:
        """Find the keys that each query attends to most: ``.values`` and ``.indices``.

        Args:
            k: how many; where a query may attend to fewer, the rest has value 0 and index -1.
            by: ``"weight"``, or ``"contribution"``, weight times the norm of the value.
        """
        return self.result_of(TopK(k, by))

    def mass(
        self, query_spans: Iterable[Sequence[int]], key_spans: Iterable[Sequence[int]]
    ) -> Float[Tensor, "batch heads query_spans key_spans"]:
        """Compute the attention from stretch to stretch.

        Args:
            query_spans, key_spans: (begin, end) of each stretch, the end not included.

        Returns:
            For each pair the mean over its queries of the weight that falls on its keys.
        """
        return self.result_of(Mass(query_spans, key_spans))

    def pooled(
        self, height: int, width: int, reduce: str = "mean"
    ) -> Float[Tensor, "batch heads height width"]:
        """Compute a picture of each head; see :class:`Pooled`."""
        return self.result_of(Pooled(height, width, reduce))

    # Showing

    def plot(self, *args: Any, **kwargs: Any) -> Any:
        """Draw a picture with matplotlib: the arguments of `clearhead.maps.pictures.plots.plot`."""
        return plot(self, *args, **kwargs)

    def to_dataframe(self, *args: Any, **kwargs: Any) -> Any:
        """Make a pandas table: the arguments of ``clearhead.maps.frames.to_dataframe``."""
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
