"""Scoring: how the scores of an attention map come from its queries and keys.

    score   = scale * q . k
    capped  = softcap * tanh(score / softcap)       only with a softcap (Gemma 2, arXiv 2408.00118)
    bent    = score_mod(capped, b, h, i, j)         only with FlexAttention's score_mod
    biased  = bent + bias
    weights = softmax of biased over the keys that the query may attend to

The order of the steps is that of the ONNX operator Attention and of Hugging Face's eager attention.
A sink (arXiv 2309.17453; gpt-oss) is one more logit in the denominator that belongs to no key. Only
the sums with a bias are rounded as the model rounds them (see `precision`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...errors import ConfigError
from ...shapes import Bool, Float
from .bias import DenseBias, ToeplitzBias
from .masks.combined_mask import Bias, MaskMod, Window, combined_mask
from .masks.compact_mask import CompactMask
from .masks.flex_modifications import over_all_places
from .masks.forbidding import forbid
from .masks.key_mask import KeyMask
from .masks.key_ranges import Hull
from .positions import ALL, Positions, explicit, pick, take, vector
from .precision import any_far, exact_dtype, highest_norm, lies_far, score_dtype, without_autocast
from .products import owners_of, scaled_products
from .score_shape import check_sinks, score_shape

ScoreMod = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Scoring:
    """How scores come from queries and keys: everything but these two tensors themselves.

    Attributes:
        scale: factor of the products q . k.
        softcap: scores are bent into (-softcap, softcap); None for no bending.
        mask: which keys a query may attend to; None for all.
        bias: what is added to the scaled (and capped) scores.
        score_mod: FlexAttention's ``score_mod(score, b, h, q_idx, k_idx)``.
        sinks: a logit per head that joins the denominator only.
        flat: the queries whose scores were lost in a sum with hugely negative finite numbers of a
            mask: they attend evenly, as in the model.
        added_in: the dtype in which the model added the bias, if it is not the dtype of the
            answers: attention written out in operators adds in the model's half precision.
    """

    scale: float
    softcap: float | None = None
    mask: KeyMask | None = None
    bias: ToeplitzBias | DenseBias | None = None
    score_mod: ScoreMod | None = None
    sinks: Float[Tensor, "heads"] | None = None
    flat: Bool[Tensor, "#batch #heads query_len"] | None = None
    added_in: torch.dtype | None = None

    @classmethod
    def of(
        cls,
        query: Tensor,
        key: Tensor,
        *,
        scale: float | None = None,
        softcap: float | None = None,
        mask: Tensor | CompactMask | None = None,
        causal: bool = False,
        causal_offset: int = 0,
        window: Window | None = None,
        bias: Bias | None = None,
        score_mod: ScoreMod | None = None,
        mask_mod: MaskMod | None = None,
        sinks: Tensor | None = None,
        added_in: torch.dtype | None = None,
    ) -> Scoring:
        """Return the scoring of an attention that was called with these arguments.

        Args:
            query: Float["batch heads query_len head_dim"].
            key: Float["batch kv_heads key_len head_dim"].
            scale: None means 1 / sqrt(head_dim).
            softcap: None or 0 for none.
            mask: boolean or float, broadcast to Shaped["batch heads query_len key_len"]. A boolean
                mask is True where a query may attend. Entries of a float mask at or below half the
                lowest number of its dtype forbid; the others are a bias. A query with -inf for
                every key has weights of zero; one whose entries are all that low but finite attends
                evenly to the highest of them, as in any softmax.
            causal: query i attends to no key after i + causal_offset.
            causal_offset: the index of query 0 among the keys: 0 as in
                scaled_dot_product_attention, key_len - query_len for queries at the end of the
                keys.
            window: (before, after): how many keys on each side of its own a query may attend to,
                None for no limit; one number stands for both sides.
            bias: broadcast as the mask is, and added to it.
            score_mod, mask_mod: as FlexAttention takes them.
            sinks: Float["heads"].
            added_in: the dtype in which the model adds mask and bias. None means that of the
                answers, except that a query whose whole row of a float16 mask is the lowest number
                attends evenly, as in a float16 model. Fused kernels add in float32, in which that
                number does not erase the scores: pass float32 for them.

        Raises:
            ShapeError: the tensors do not fit together.
            ConfigError: a setting makes no sense.
        """
        shape = score_shape(query, key)
        if softcap is not None and softcap < 0:
            raise ConfigError(f"softcap must be above 0, or None for none; got {softcap}.")
        effect = combined_mask(
            mask,
            bias,
            shape,
            score_dtype(query),
            query.device,
            causal=causal,
            causal_offset=causal_offset,
            window=window,
            mask_mod=mask_mod,
            has_sinks=sinks is not None,
            added_in=added_in,
        )
        check_sinks(sinks, shape[1])
        return cls(
            scale=1 / math.sqrt(query.shape[-1]) if scale is None else float(scale),
            softcap=softcap or None,
            mask=effect.mask,
            bias=effect.bias,
            score_mod=score_mod,
            sinks=None if sinks is None else sinks.detach(),
            flat=effect.flat,
            added_in=added_in,
        )

    def tile(
        self,
        query: Float[Tensor, "batch heads query_len head_dim"],
        key: Float[Tensor, "batch kv_heads key_len head_dim"],
        rows: Positions = ALL,
        columns: Positions = ALL,
        *,
        batch: Positions = ALL,
        heads: Positions = ALL,
        exact: bool | None = None,
        key_norm: Float[Tensor, "batch kv_heads"] | None = None,
    ) -> Float[Tensor, "some_batch some_heads rows columns"]:
        """Compute the scores of some queries and keys, -inf where the query may not attend.

        Args:
            query, key: of the whole map.
            rows, columns, batch, heads: the part to compute: slices of step 1, or index vectors.
            exact: whether products are computed in float64; None to decide by their size.
            key_norm: the `highest_norm` of the keys, if it has been computed.

        Returns:
            float64 scores for float64 inputs; otherwise float32, or float64 where products were
            computed in it and nothing was added to them.
        """
        rows, columns = explicit(rows, query.shape[2]), explicit(columns, key.shape[2])
        batch, heads = explicit(batch, query.shape[0]), explicit(heads, query.shape[1])
        q = pick(pick(pick(query.detach(), 0, batch), 1, heads), 2, rows)
        owners = owners_of(heads, query.shape[1] // key.shape[1], key.device)
        k = pick(pick(pick(key.detach(), 0, batch), 1, owners), 2, columns)
        dtype, widest = score_dtype(query), exact_dtype(query.device)

        def scores_of(exact: bool) -> Tensor:
            products = scaled_products(q, k, self.scale, widest if exact else dtype)
            return self.finish(products, rows, columns, batch=batch, heads=heads, dtype=dtype)

        with without_autocast(query.device):
            if exact is not None or dtype == widest:
                return scores_of(bool(exact))
            if key_norm is None:
                norm = highest_norm(k)
            else:
                norm = pick(pick(key_norm, 0, batch), 1, owners)
            if lies_far(highest_norm(q), norm, self.scale):
                return scores_of(True)
            scores = scores_of(False)
            # Far from zero, the last digits of the terms decide the sum.
            if self.adds and scores.numel() and any_far(scores.amax(-1)):
                return scores_of(True)
            return scores

    def between(
        self,
        query: Float[Tensor, "batch heads rows head_dim"],
        key: Float[Tensor, "batch kv_heads key_len head_dim"],
        rows: Tensor,
        *,
        batch: slice,
        heads: Tensor,
    ) -> Float[Tensor, "batch heads rows key_len"]:
        """Compute the scores of some queries and keys, gathered beforehand, in the widest dtype.

        Args:
            query: only the queries at these places.
            key: only their keys.
            rows, batch, heads: which they are in the whole map.
        """
        columns = slice(0, key.shape[2])
        with without_autocast(query.device):
            products = scaled_products(query, key, self.scale, exact_dtype(query.device))
            dtype = score_dtype(query)
            return self.finish(products, rows, columns, batch=batch, heads=heads, dtype=dtype)

    @property
    def adds(self) -> bool:
        """Whether a bias or a score_mod changes the scaled products."""
        return self.bias is not None or self.score_mod is not None

    def finish(
        self,
        scores: Float[Tensor, "batch heads rows columns"],
        rows: Positions,
        columns: Positions,
        *,
        batch: Positions,
        heads: Positions,
        dtype: torch.dtype | None = None,
        forbidden: float = -torch.inf,
        hull: Hull | None = None,
    ) -> Float[Tensor, "batch heads rows columns"]:
        """Turn scaled products into scores, in place where possible.

        Args:
            scores: scale * q . k.
            dtype: of the answers, to which scores are rounded before anything is added to them;
                None for that of the products.
            rows, columns, batch, heads: which these are: vectors, or slices with both ends.
            forbidden: what stands where a query may not attend.
            hull: of these rows, where it has been computed.
        """
        if self.softcap is not None:
            scores.div_(self.softcap).tanh_().mul_(self.softcap)
        if self.adds:
            dtype = dtype or scores.dtype
            scores = scores.to(self.added_in or dtype)
            if self.score_mod is not None:
                scores = self._bent(scores, rows, columns, batch, heads)
            if self.bias is not None:
                scores += self.bias.tile(rows, columns, batch, heads)
            scores = scores.to(dtype)
        if self.flat is not None:
            flat = take(take(take(self.flat, 2, rows), 1, heads), 0, batch)
            scores.masked_fill_(flat[..., None], 0)
        if self.mask is not None:
            forbid(scores, self.mask, rows, columns, batch, heads, value=forbidden, hull=hull)
        return scores

    def _bent(
        self,
        scores: Float[Tensor, "batch heads rows columns"],
        rows: Positions,
        columns: Positions,
        batch: Positions,
        heads: Positions,
    ) -> Float[Tensor, "batch heads rows columns"]:
        """Apply the score_mod."""
        assert self.score_mod is not None
        places = (vector(x, scores.device) for x in (batch, heads, rows, columns))
        return over_all_places(self.score_mod, with_score=True)(scores, *places)

    def to(self, device: torch.device | str) -> Scoring:
        """Return the same on another device."""
        return replace(
            self,
            mask=None if self.mask is None else self.mask.to(device),
            bias=None if self.bias is None else self.bias.to(device),
            sinks=None if self.sinks is None else self.sinks.to(device),
            flat=None if self.flat is None else self.flat.to(device),
        )

    def __str__(self) -> str:
        parts = [
            f"scale {self.scale:.6g}",
            f"softcap {self.softcap:g}" if self.softcap else "",
            self.mask.describe() if self.mask is not None else "no mask",
            self.bias.describe() if self.bias is not None else "",
            "a score_mod" if self.score_mod is not None else "",
            "sinks" if self.sinks is not None else "",
        ]
        return ", ".join(part for part in parts if part)

    @property
    def nbytes(self) -> int:
        """The memory of mask, bias and sinks."""
        parts = (self.mask, self.bias, self.sinks, self.flat)
        return sum(x.nbytes for x in parts if x is not None)
