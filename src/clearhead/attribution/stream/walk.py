"""The walk back from a logit to the parts of the residual stream.

A direction is followed from the logits through the output matrix and the last norm into the
stream, and on to everything that was added there. Each added vector times the direction is its
share of the logit. `clearhead.lens` does the same for the models of `clearhead.reference`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...errors import ConfigError
from ...shapes import Float
from .exact import exact, product
from .frozen_norm import FrozenNorm, frozen_norm
from .nodes import Leaf, Linear, Node, Norm, SoftCap, Stack, Sum

NO_SUM = (
    "What {model} computes between its last hidden vectors and the logits is more than a norm, a "
    "product with a matrix and a bias ({what}), so a logit is no sum of what its layers add."
)


@dataclass(frozen=True)
class Places:
    """The place of the position of interest in the tensors of a run.

    Attributes:
        batch, length: of the logits.
        row, position: of interest.
    """

    batch: int
    length: int
    row: int
    position: int

    def vector(self, x: Tensor, *, length_first: bool = False) -> Float[Tensor, "width"]:
        """Return a tensor's vector at the position, in float64.

        Args:
            x: [batch, length, width], with both on one axis, or without one of them.
            length_first: whether positions are before rows.

        Raises:
            ConfigError: its axes are not those of the logits.
        """
        if length_first and x.shape[:-1] == (self.batch * self.length,):
            x = x.unflatten(0, (self.length, self.batch))
        if length_first and x.ndim == 3:
            x = x.transpose(0, 1)
        width, shape = x.shape[-1], tuple(x.shape[:-1])
        axes = (self.batch, self.length)
        if len(shape) == 2 and all(n in (1, full) for n, full in zip(shape, axes, strict=True)):
            row, position = (i if n > 1 else 0 for i, n in zip(self._place, shape, strict=True))
            return exact(x[row, position])
        if x.numel() == width:
            return exact(x.reshape(width))
        if shape == (self.batch * self.length,):
            return exact(x[self.row * self.length + self.position])
        if shape == (self.length,):
            return exact(x[self.position])
        raise ConfigError(
            f"A part of the residual stream has the shape {list(x.shape)}, in which the position "
            f"of interest cannot be told: the logits have {self.batch} rows of {self.length} "
            "positions. Ask for the logits of all positions, with rows before positions."
        )

    @property
    def _place(self) -> tuple[int, int]:
        return self.row, self.position


@dataclass(frozen=True, eq=False)
class Part:
    """Something that was added to the stream.

    Attributes:
        node: the product or the tensor that was added.
        direction: its share of the logit is the node's vector times this direction.
        parent: the modules that were running at the addition.
        addend: the node that was added, if a norm follows the product; else the same as ``node``.
        factor: the factor of ``addend`` on its way.
        outer: the outermost norm of the stream itself that it went through, and that norm's factor;
            None if there is none.
    """

    node: Leaf | Linear | Norm
    direction: Float[Tensor, "d_model"]
    parent: Stack
    addend: Leaf | Linear | Norm
    factor: float
    outer: tuple[Norm, float] | None = None


@dataclass(frozen=True, eq=False)
class _Branch:
    """A branch that is still to be followed, with the fields that a `Part` at its end needs."""

    node: Node
    direction: Float[Tensor, "d_model"]
    parent: Stack
    addend: Leaf | Linear | Norm | None = None
    factor: float = 1.0
    outer: tuple[Norm, float] | None = None


@dataclass(frozen=True)
class Bias:
    """The share of a bias between the stream and the logit.

    Attributes:
        path: the module whose bias it is.
        value: its share.
        order: its place among what ran.
    """

    path: str
    value: float
    order: int


class Walk:
    """One way back from a direction among the logits.

    Args:
        model: the name of the model's class, for errors.
        places: of interest.

    Attributes:
        parts: what was added to the stream, in no order.
        biases: of the norms and the output.
        path: from the logits to the stream: the nodes between them.
        stream: the node of the last residual stream.
        norms_in_stream: the norms of the stream itself, in models that normalise after each
            addition.
    """

    def __init__(self, model: str, places: Places) -> None:
        self._model, self._places = model, places
        self.parts: list[Part] = []
        self.biases: list[Bias] = []
        self.path: list[Node] = []
        self.stream: Sum | None = None
        self.norms_in_stream: list[Norm] = []

    def follow(self, node: Node, tokens: Mapping[int, float]) -> None:
        """Follow the logits of some tokens, each times its factor, to the parts.

        Raises:
            ConfigError: the logits are no sum of vectors in the stream.
        """
        node, direction = self._to_hidden(node, tokens)
        while not (isinstance(node, Sum) and len(node.terms) > 1):
            node, direction = self._before(node, direction)
        self.stream = node
        self._split(node, direction)

    def _to_hidden(
        self, node: Node | None, tokens: Mapping[int, float]
    ) -> tuple[Node, Float[Tensor, "d_model"]]:
        """Go back from the logits to the input of the output matrix."""
        factor = 1.0
        while not isinstance(node, Linear):
            if node is None or isinstance(node, Leaf | Norm):
                raise ConfigError(self._no_sum("a tensor that no matrix gave"))
            self.path.append(node)
            if isinstance(node, SoftCap):
                node = node.node  # the logit before the cap is meant, so the cap is skipped
            elif len(node.terms) == 1:
                factor *= node.terms[0][0]
                node = node.terms[0][1]
            else:
                raise ConfigError(
                    self._no_sum("a sum with something other than a bias of the model")
                )
        self.path.append(node)
        columns = torch.stack([exact(node.weight[:, token]) for token in tokens], 1)
        factors = columns.new_tensor(list(tokens.values())) * factor
        for bias in node.biases:
            self._add_bias(node, float(exact(bias)[list(tokens)] @ factors))
        if node.x_node is None:
            raise ConfigError(self._no_sum("an activation, or a choice of positions"))
        return node.x_node, columns @ (factors * node.factor)

    def _before(
        self, node: Node, direction: Float[Tensor, "d_model"]
    ) -> tuple[Node, Float[Tensor, "d_model"]]:
        """Go one step back, while the stream is not reached."""
        self.path.append(node)
        if isinstance(node, Sum):
            return node.terms[0][1], direction * node.terms[0][0]
        if isinstance(node, Norm) and node.x_node is not None:
            norm = self.fit(node)
            if norm is not None:
                self._add_norm_bias(node, norm, direction)
                return node.x_node, norm.before(direction)
        if isinstance(node, Linear) and node.x_node is not None:
            for bias in node.biases:
                self._add_bias(node, float(exact(bias) @ direction))
            return node.x_node, product(direction * node.factor, node.weight.t())
        raise ConfigError(self._no_sum(_what(node)))

    def _split(self, node: Sum, direction: Float[Tensor, "d_model"]) -> None:
        """Go through the stream, to everything that was added to it."""
        parts: dict[int, Part] = {}
        stack = [_Branch(node, direction, node.stack)]
        while stack:
            branch = stack.pop()
            at, g = branch.node, branch.direction
            if isinstance(at, Sum):
                parent = at.stack if len(at.terms) > 1 else branch.parent
                stack.extend(
                    replace(
                        branch,
                        node=term,
                        direction=g * factor,
                        parent=parent,
                        factor=branch.factor * factor,
                    )
                    for factor, term in at.terms
                )
                continue
            if isinstance(at, SoftCap):
                raise ConfigError(
                    f"{self._model} adds a hyperbolic tangent to its stream, which cannot be "
                    f"divided into parts."
                )
            addend = branch.addend or at
            norm = self.fit(at) if isinstance(at, Norm) and at.x_node is not None else None
            if norm is not None and isinstance(at, Norm) and at.x_node is not None:
                self._add_norm_bias(at, norm, g)
                inner = replace(branch, node=at.x_node, direction=norm.before(g), addend=addend)
                if isinstance(at.x_node, Sum) and len(at.x_node.terms) > 1:
                    self.norms_in_stream.append(at)
                    outer = branch.outer or (at, branch.factor)
                    inner = replace(inner, addend=None, factor=1.0, outer=outer)
                stack.append(inner)
                continue
            before = parts.get(id(at))
            g = g if before is None else before.direction + g
            parts[id(at)] = Part(at, g, branch.parent, addend, branch.factor, branch.outer)
        self.parts = list(parts.values())

    def fit(self, node: Norm) -> FrozenNorm | None:
        """Return the norm that a module applied at the position; None if it is no norm."""
        x, y = self._places.vector(node.x), self._places.vector(node.y)
        return frozen_norm(node.module, x, y, node.x.dtype)

    def _add_norm_bias(
        self, node: Norm, norm: FrozenNorm, direction: Float[Tensor, "d_model"]
    ) -> None:
        if norm.bias is not None:
            value = float(norm.bias @ direction)
            self.biases.append(Bias(f"{node.stack[-1]}.bias", value, node.order))

    def _add_bias(self, node: Linear, value: float) -> None:
        path = node.stack[-1] if node.stack else ""
        self.biases.append(Bias(f"{path}.bias" if path else "bias", value, node.order))

    def _no_sum(self, what: str) -> str:
        return NO_SUM.format(model=self._model, what=what)


def _what(node: Node) -> str:
    if isinstance(node, Norm):
        return f"{node.stack[-1]!r}, {type(node.module).__name__}, which is no norm that is known"
    if isinstance(node, Leaf):
        return f"the operator {node.operator!r}"
    return "a soft cap" if isinstance(node, SoftCap) else "an activation"
