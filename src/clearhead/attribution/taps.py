"""Taps: the tensors that pass a place of a model, and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from ..errors import ConfigError
from ..shapes import Float


class Tap:
    """Notes the tensors that pass one place, one for each call, and passes them on.

    Attributes:
        values: copies without gradient, because a model may overwrite its own tensors later.
        tensors: the tensors passed on, with gradient, if gradients were on.
        edges: their gradient edges, if gradients were on.
    """

    def __init__(self) -> None:
        self.values: list[Tensor] = []
        self.tensors: list[Tensor] = []
        self.edges: list[GradientEdge] = []

    def __call__(self, x: Tensor) -> Tensor:
        """Note a tensor, and return it, with a gradient where gradients are on."""
        self.values.append(x.detach().clone())
        if not torch.is_grad_enabled():
            return x
        if not x.requires_grad:
            x = x.detach().requires_grad_()
        # A product, so that the model may write to the result in place.
        x = x * 1
        self.tensors.append(x)
        self.edges.append(get_gradient_edge(x))
        return x


class Substitute:
    """Replaces the tensors that pass one place, one for each call.

    Args:
        tensors: in the order of the calls; None keeps the tensor that passes.

    Attributes:
        edges: the gradient edges of all tensors passed on.
    """

    def __init__(self, tensors: Sequence[Tensor | None]) -> None:
        self._tensors = list(tensors)
        self.edges: list[GradientEdge] = []

    def __call__(self, x: Tensor) -> Tensor:
        """Return the next of the tensors, with a gradient."""
        other = self._tensors[len(self.edges)]
        x = (x if other is None else other.to(x.device, x.dtype)).detach().requires_grad_()
        x = x * 1
        self.edges.append(get_gradient_edge(x))
        return x


Visitor = Callable[[Tensor], Tensor]


@contextmanager
def on_outputs(model: nn.Module, visitors: dict[str, Visitor]) -> Iterator[None]:
    """Let visitors see, and replace, the first tensor that each of some modules returns.

    Args:
        model: the model.
        visitors: by the names of the modules.
    """

    def hook_of(visitor: Visitor) -> Callable[..., Any]:
        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            return _with_first(output, visitor)

        return hook

    with ExitStack() as stack:
        for name, visitor in visitors.items():
            module = model.get_submodule(name)
            stack.callback(module.register_forward_hook(hook_of(visitor)).remove)
        yield


@contextmanager
def on_inputs(model: nn.Module, visitors: dict[str, Visitor]) -> Iterator[None]:
    """Let visitors see, and replace, the first argument of some modules, one by one.

    Args:
        model: the model.
        visitors: by the names of the modules.
    """

    def hook_of(visitor: Visitor) -> Callable[..., Any]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if args:
                return (visitor(args[0]), *args[1:]), kwargs
            name, x = next((n, x) for n, x in kwargs.items() if isinstance(x, Tensor))
            return args, {**kwargs, name: visitor(x)}

        return hook

    with ExitStack() as stack:
        for name, visitor in visitors.items():
            module = model.get_submodule(name)
            handle = module.register_forward_pre_hook(hook_of(visitor), with_kwargs=True)
            stack.callback(handle.remove)
        yield


def _with_first(output: Any, visitor: Visitor) -> Any:
    """Return an output with its first tensor replaced by the visitor's result."""
    if isinstance(output, Tensor):
        return visitor(output)
    if isinstance(output, tuple | list) and output and isinstance(output[0], Tensor):
        rest = [visitor(output[0]), *output[1:]]
        return type(output)(*rest) if hasattr(output, "_fields") else type(output)(rest)
    raise ConfigError(
        f"A module that is attributed returned {type(output).__name__}, whose first part is no "
        "tensor."
    )


def gradients(
    value: Float[Tensor, ""], edges: Sequence[GradientEdge], *, again: bool = False
) -> list[Tensor | None]:
    """Return the gradients of a number with respect to the tensors at some taps.

    Args:
        value: the number.
        edges: of the taps.
        again: whether more gradients will be taken through the same run.

    Returns:
        a gradient for each; None where the number does not depend on it.

    Raises:
        ConfigError: the number depends on none of them.
    """
    if not value.requires_grad:
        raise ConfigError(
            "The metric does not depend on the model's numbers in a way that has a gradient: it "
            "must compute with the tensors of the output, without .item() or .detach()."
        )
    return list(torch.autograd.grad(value, edges, allow_unused=True, retain_graph=again))
