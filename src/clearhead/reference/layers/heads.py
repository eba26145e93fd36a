"""Prepares queries and keys for their scores: a norm of each head, and a rotation."""

from __future__ import annotations

from ...shapes import Array, Float
from ..rotary import Rotation, rotate
from ..tracing.step_kind import StepKind
from ..tracing.steps import attention as steps
from ..tracing.steps import heads as head_steps
from ..tracing.watcher import Watcher
from .norms import rms_norm

PLAIN_ROTATION = (False, "", "none")
"""The whole head, the model's base, no scaling: see `clearhead.reference.tracing.steps.heads`."""

Heads = Float[Array, "batch heads length head_dim"]


class HeadPreparation:
    """The norms of queries and keys, where a layer has them, and their rotation.

    Args:
        query_norm, key_norm: the weights of the norms; None without them.
        epsilon: of the norms.
        rotation: whether only a part of each head is rotated, which base it has, and how it is
            scaled: a key of `clearhead.reference.tracing.steps.heads.ROTATED_QUERY`.
    """

    def __init__(
        self,
        query_norm: Float[Array, "head_dim"] | None,
        key_norm: Float[Array, "head_dim"] | None,
        *,
        epsilon: float,
        rotation: tuple[bool, str, str],
    ) -> None:
        self._query_norm, self._key_norm = query_norm, key_norm
        self.normed = query_norm is not None or key_norm is not None
        self._epsilon = epsilon
        self._rotation = rotation

    def query(
        self, x: Heads, rotation: Rotation | None, *, trace: Watcher, of: tuple[str, ...]
    ) -> Heads:
        """Normalise, rotate and record the queries; ``of`` is the step that the layer reads."""
        if self._query_norm is None and rotation is None:
            return trace.record(steps.QUERY, x, of=of)
        x = trace.record(steps.QUERY_PROJECTED, x, of=of)
        kinds = (head_steps.NORMED_QUERY, head_steps.ROTATED_QUERY[self._rotation])
        return self._prepare(
            x, "query", self._query_norm, rotation, kinds, trace, "query_projected"
        )

    def key(
        self, x: Heads, rotation: Rotation | None, *, new: bool, trace: Watcher, of: tuple[str, ...]
    ) -> Heads:
        """Normalise, rotate and record the keys; ``new`` says that a cache has earlier ones."""
        if self._key_norm is None and rotation is None:
            return trace.record(steps.NEW_KEY if new else steps.KEY, x, of=of)
        x = trace.record(steps.NEW_KEY_PROJECTED if new else steps.KEY_PROJECTED, x, of=of)
        name = "new_key_projected" if new else "key_projected"
        kinds = (
            head_steps.NORMED_NEW_KEY if new else head_steps.NORMED_KEY,
            (head_steps.ROTATED_NEW_KEY if new else head_steps.ROTATED_KEY)[self._rotation],
        )
        return self._prepare(x, "key", self._key_norm, rotation, kinds, trace, name)

    def memory_key(self, x: Heads, *, trace: Watcher, of: tuple[str, ...]) -> Heads:
        """Normalise and record the keys of another sequence, which are not rotated."""
        if self._key_norm is None:
            return trace.record(steps.MEMORY_KEY, x, of=of)
        x = trace.record(steps.MEMORY_KEY_PROJECTED, x, of=of)
        kinds = (head_steps.NORMED_KEY, head_steps.NORMED_KEY)
        return self._prepare(x, "key", self._key_norm, None, kinds, trace, "key_projected")

    def _prepare(
        self,
        x: Heads,
        part: str,
        norm: Float[Array, "head_dim"] | None,
        rotation: Rotation | None,
        kinds: tuple[StepKind, StepKind],
        trace: Watcher,
        of: str,
    ) -> Heads:
        """Normalise and rotate queries or keys.

        Args:
            x: after the projection.
            part: ``query`` or ``key``.
            norm: the weight of their norm; None without one.
            rotation: None without one.
            kinds: of the step that the result is, without and with a rotation.
            trace: records them.
            of: the name of the step that ``x`` is.
        """
        if norm is not None:
            x = self._normed(x, norm, trace.at(f"{part}_norm"), of)
            of = f"{part}_norm.output"
        if rotation is None:
            return trace.record(kinds[0], x, of=(of,))
        return rotate(x, rotation, kind=kinds[1], of=(of,), trace=trace)

    def _normed(self, x: Heads, weight: Float[Array, "head_dim"], trace: Watcher, of: str) -> Heads:
        return rms_norm(
            x, weight, epsilon=self._epsilon, kinds=head_steps.HEAD_NORM, trace=trace, of=(of,)
        )
