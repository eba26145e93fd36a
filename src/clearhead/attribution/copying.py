"""Which heads of a PyTorch model copy what they read, computed from its weights.

The matrices W_E, W_V, W_O and W_U are not identified by name. One short run is followed back from
the logits, as in `attribute_logit`, which passes W_U, the norms, each W_O and the embedding table.
W_V of a head is the part of the product whose results are the values that the head weighted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..head_kinds import CopyingScores, copying_of, token_product
from ..maps.attention_map import AttentionMap
from ..maps.recorder.record import record
from ..maps.recording.recording import Recording
from ..shapes import Array, Float
from .running import Inputs, check_model, run, written_out
from .stream.exact import exact
from .stream.frozen_norm import FrozenNorm
from .stream.head_parts import HALF, TOLERANCES, AttentionRows
from .stream.nodes import Leaf, Linear, Node, Norm
from .stream.run import StreamRun
from .stream.tensors import storage_of, tensors_in
from .stream.values import input_at
from .stream.walk import Part, Places, Walk
from .stream.watcher import StreamWatcher
from .target import logits_of

PURPOSE = "A copying score"
NO_WAY = (
    "A copying score follows a token from its embedding through one head to the logits, by "
    "products and norms alone, and {why}."
)


class _NoScoreError(Exception):
    """An attention has no copying score; the message says why."""


def copying_scores(model: nn.Module, inputs: Inputs) -> CopyingScores:
    """Return how far each head copies what it reads into the logits, from -1 to 1.

    `clearhead.head_kinds.CopyingScores` has the formula and its source. The model runs once, to
    find the matrices; the scores follow from these alone, so a few tokens are enough.

    Args:
        model: any module that returns logits of tokens, in eval mode.
        inputs: token ids, or the model's arguments by name.

    Returns:
        The scores by module, named as in a recording, for `Recording.heads(copying=...)`; and the
        reasons why other modules have none.

    Raises:
        ConfigError: the logits are no such product of the stream, the stream is normalised after
            each addition, the stream has no embeddings, or the model is in training mode or
            compiled.
    """
    stream, products = _run_of(model, inputs)
    assert stream.recording is not None
    places = stream.places(0, -1)
    walk = Walk(stream.name, places)
    walk.follow(stream.node, {0: 1.0})
    if walk.norms_in_stream:
        raise _refusal(f"{stream.name} normalises its stream after each sum")
    tokens = _tokens(stream, walk, inputs)
    finder = _Values(stream.recording, products, places, walk)
    rows = AttentionRows(stream.recording, places)
    scores: dict[str, Array] = {}
    notes: dict[str, str] = {}
    for part in walk.parts:
        shares = rows.shares(part)
        if shares is None:
            continue
        try:
            values = finder.of(shares.name)
            scores[shares.name] = copying_of(values, _outputs(part, values, walk), tokens)
        except _NoScoreError as reason:
            notes[shares.name] = str(reason)
    for name in stream.recording:
        if name not in scores:
            notes.setdefault(name, "what it returns is not added to the stream of the logits")
    in_order = {name: scores[name] for name in stream.recording if name in scores}
    return CopyingScores(in_order, _gathered(notes))


def _gathered(notes: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each reason, with the names of its modules."""
    by_reason: dict[str, list[str]] = {}
    for name, why in notes.items():
        by_reason.setdefault(why, []).append(name)
    return tuple(
        f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''} has no copying "
        f"score: {why}"
        for why, names in by_reason.items()
    )


def _run_of(model: nn.Module, inputs: Inputs) -> tuple[StreamRun, list[Linear]]:
    """Run a model once, and keep its stream and all products with its weights."""
    check_model(model, PURPOSE)
    watcher = _ProductWatcher(model)
    with torch.no_grad(), written_out(), watcher, record(model, values=True) as recording:
        logits = logits_of(run(model, inputs))
    node = watcher.node_of(logits)
    return StreamRun(model, logits, node, recording, watcher.reads), watcher.products


class _ProductWatcher(StreamWatcher):
    """Also keeps products with weights that no bias is added to.

    Concatenated weights of the model count as a weight, too.
    """

    def __init__(self, model: nn.Module) -> None:
        self.products: list[Linear] = []
        self._side_by_side: list[Tensor] = []
        super().__init__(model)

    def _note(self, node: Node | None, name: str, args: Sequence[Any], out: Any) -> None:
        super()._note(node, name, args, out)
        if name == "cat" and all(storage_of(x) in self._weights for x in tensors_in(args)):
            self._side_by_side.append(out)  # so that its storage is not reused
            self._weights[storage_of(out) or 0] = ""

    def _multiply(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Node | None:
        node = super()._multiply(name, args, kwargs)
        if isinstance(node, Linear):
            self.products.append(node)
        return node


def _tokens(stream: StreamRun, walk: Walk, inputs: Inputs) -> Float[Array, "d_model d_model"]:
    """Return W_U W_E, with the norms before the logits folded in."""
    outputs = [node for node in walk.path if isinstance(node, Linear)]
    if len(outputs) != 1:
        raise _refusal(f"{stream.name} has {len(outputs)} matrices between its stream and logits")
    unembedding = outputs[0].weight
    tables = {
        node.weight: (_array(stream.model.get_parameter(node.weight)), node)
        for node in (part.node for part in walk.parts)
        if isinstance(node, Leaf) and node.operator == "embedding" and node.weight
    }
    fitting = [pair for pair in tables.values() if len(pair[0]) == unembedding.shape[1]]
    if len(fitting) > 1:  # a table of positions may have as many rows
        fitting = [pair for pair in fitting if _is_looked_up(*pair, inputs)]
    if len(fitting) != 1:
        raise _refusal(
            f"{len(fitting) or 'no'} tables of embeddings, one for each of the "
            f"{unembedding.shape[1]} tokens of the logits, are added to the stream of "
            f"{stream.name} as they are, where there should be one"
        )
    product = token_product(_array(unembedding.t()), fitting[0][0])
    for node in walk.path:
        if isinstance(node, Norm):
            norm = walk.fit(node)
            assert norm is not None  # because the walk went through it
            product = _before(norm, product)
    return product


def _is_looked_up(table: Array, node: Leaf, inputs: Inputs) -> bool:
    """Return whether a tensor holds the rows of a table at the ids of an input."""
    tensors = inputs.values() if isinstance(inputs, Mapping) else [inputs]
    rows = _array(node.value)
    return any(
        rows.shape[:-1] == ids.shape and np.array_equal(table[ids.cpu().numpy()], rows)
        for ids in tensors
        if isinstance(ids, Tensor) and ids.dtype in (torch.int64, torch.int32)
        and int(ids.max()) < len(table)
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Values:
    """Finds the matrices from which the values of attentions are computed.

    Attributes:
        recording: of the run, with values.
        products: of the run.
        places: of interest.
        walk: fits norms.
    """

    recording: Recording
    products: Sequence[Linear]
    places: Places
    walk: Walk

    def of(self, name: str) -> Float[Array, "heads d_model head_dim"]:
        """Return W_V of each query head, with the norm before it folded in."""
        calls = self.recording.calls(name)
        if len(calls) != 1 or not isinstance(calls[0], AttentionMap):
            raise _NoScoreError(f"it attended {len(calls)} times in one pass")
        (one,) = calls
        if one.source.kind == "cross":
            raise _NoScoreError("it reads what another stack returns, and no embeddings")
        assert one.value is not None
        value = exact(one.value[self.places.row, :, self.places.position])
        limit = TOLERANCES.get(one.value.dtype, HALF) * float(value.abs().max().clamp_min(1e-30))
        of_heads = [self._of_head(name, head, limit) for head in value]
        return np.stack(of_heads).repeat(one.shape[1] // len(of_heads), axis=0)

    def _of_head(
        self, name: str, value: Float[Tensor, "head_dim"], limit: float
    ) -> Float[Array, "d_model head_dim"]:
        """Return the columns of a product that compute a head's value."""
        for node in self.products:
            if name not in node.stack or node.weight.shape[1] < len(value):
                continue
            windows = self._output(node).unfold(0, len(value), 1)
            apart = (windows - value).abs().amax(-1)
            start = int(apart.argmin())
            if float(apart[start]) <= limit:
                weight = _array(node.weight[:, start : start + len(value)])
                return self._before_norm(node, weight * node.factor)
        raise _NoScoreError("its values are no product of what it reads with a weight of the model")

    def _output(self, node: Linear) -> Float[Tensor, "outputs"]:
        output = input_at(node, self.places).to(node.weight.device) @ node.weight.detach().double()
        output = output.cpu() * node.factor
        for bias in node.biases:
            output = output + exact(bias)
        return output

    def _before_norm(
        self, node: Linear, weight: Float[Array, "d_model head_dim"]
    ) -> Float[Array, "d_model head_dim"]:
        if not isinstance(node.x_node, Norm):
            if node.x_node is None or isinstance(node.x_node, Linear):
                raise _NoScoreError("its values are not made of the stream itself")
            return weight
        norm = self.walk.fit(node.x_node)
        if norm is None:
            module = type(node.x_node.module).__name__
            raise _NoScoreError(f"a {module} stands before its values, which is no norm")
        return _before(norm, weight)


def _outputs(
    part: Part, values: Float[Array, "heads d_model head_dim"], walk: Walk
) -> Float[Array, "heads head_dim d_model"]:
    """Return W_O of each head, with the norm after it folded in."""
    if not isinstance(part.node, Linear):
        raise _NoScoreError("its heads are added to the stream without a matrix")
    projection = _array(part.node.weight) * (part.node.factor * part.factor)
    if part.addend is not part.node:
        assert isinstance(part.addend, Norm)
        norm = walk.fit(part.addend)
        if norm is None or part.addend.x_node is not part.node:
            raise _NoScoreError("more than a norm stands between its matrix and the stream")
        centred = projection - projection.mean(1, keepdims=True) if norm.centred else projection
        projection = centred * norm.scale.numpy()
    heads, _, head_dim = values.shape
    return projection.reshape(heads, head_dim, -1)


def _before(norm: FrozenNorm, matrix: Float[Array, "d_model n"]) -> Float[Array, "d_model n"]:
    """Carry directions, one in each column, from after a norm to before it."""
    scaled = matrix * norm.scale.numpy()[:, None]
    return scaled - scaled.mean(0) if norm.centred else scaled


def _array(x: Tensor) -> Array:
    """Return a weight as an array, with half precision widened to float32."""
    x = x.detach().cpu()
    return (x if x.dtype == torch.float64 else x.float()).numpy()


def _refusal(why: str) -> ConfigError:
    return ConfigError(NO_WAY.format(why=why))
