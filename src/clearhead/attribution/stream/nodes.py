"""The operators that make a residual stream a sum, as a graph that can be followed back.

A model adds the outputs of its sublayers to the stream, scales it by numbers, normalises it and
multiplies it with the output matrix. Everything else (attention, activations, products of two
tensors) ends in a leaf: a tensor that was added.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from ...shapes import Float

Stack = tuple[str, ...]
"""Names of the modules that were running, outermost first; the model itself is ""."""


@dataclass(eq=False)
class Leaf:
    """A tensor that is not followed further back.

    Attributes:
        value: the tensor.
        stack: the modules that were running when it was computed.
        operator: what computed it, such as ``embedding``; ``parameter`` for a weight of the model,
            "" if it came from outside.
        order: its place in the order of the run; 0 for what existed before.
        weight: the name of the model's weight that it is, or was looked up in; "" for neither.
        modules: the modules that returned it, times a factor, innermost first; and the factor.
    """

    value: Tensor
    stack: Stack
    operator: str
    order: int = 0
    weight: str = ""
    modules: dict[str, float] = field(default_factory=dict)


@dataclass(eq=False)
class Sum:
    """A sum: of each term times its factor."""

    terms: tuple[tuple[float, Node], ...]
    stack: Stack
    order: int = 0


@dataclass(eq=False)
class Linear:
    """A product with a matrix, and biases: x @ weight + biases.

    Attributes:
        x: what is multiplied.
        x_node: where it came from, if that is known to be linear; None for a leaf.
        x_stack: the modules that were running when it was computed.
        weight: Float[Tensor, "inputs outputs"].
        biases: vectors that are added.
        stack: the modules that were running.
        factor: of the product alone.
        length_first: whether ``x`` has positions before rows, as the use of the product has shown.
        modules: the modules that returned it, times a factor, innermost first; and the factor.
    """

    x: Tensor
    x_node: Node | None
    x_stack: Stack
    weight: Float[Tensor, "inputs outputs"]
    biases: tuple[Tensor, ...]
    stack: Stack
    order: int = 0
    factor: float = 1.0
    length_first: bool = False
    modules: dict[str, float] = field(default_factory=dict)


@dataclass(eq=False)
class Norm:
    """The output of a module without submodules, of the shape of its input: perhaps a norm.

    Attributes:
        module: the module.
        x, y: its input and output.
        x_node: where ``x`` came from; None for a leaf.
        stack: the modules that were running, this one last.
        modules: the modules that returned ``y``, times a factor, innermost first; and the factor.
    """

    module: nn.Module
    x: Tensor
    y: Tensor
    x_node: Node | None
    stack: Stack
    order: int = 0
    modules: dict[str, float] = field(default_factory=dict)


@dataclass(eq=False)
class SoftCap:
    """A hyperbolic tangent of a tensor, as in soft-capped logits."""

    node: Node
    order: int = 0


Node = Leaf | Sum | Linear | Norm | SoftCap
