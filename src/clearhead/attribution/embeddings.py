"""The embeddings that a run looks up, from which an attribution over tokens starts.

An embedding is a module without submodules that returns one vector for each integer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..shapes import Float, Int
from .running import Inputs


@dataclass(frozen=True, eq=False)
class EmbeddingCall:
    """One look-up.

    Attributes:
        module: the name of the module.
        ids: the integers.
        vectors: what the module returned, without gradient.
    """

    module: str
    ids: Int[Tensor, "*axes"]
    vectors: Float[Tensor, "*axes d_model"]


@contextmanager
def on_embeddings(
    model: nn.Module, visitor: Callable[[str, Tensor, Tensor], Tensor | None]
) -> Iterator[None]:
    """Let a visitor see, and replace, the vectors of each look-up in turn.

    Args:
        model: the model.
        visitor: gets the module's name, the integers and the vectors; returns vectors, or None to
            keep them.
    """

    def hook_of(name: str) -> Callable[..., Any]:
        def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
            if args and is_lookup(args[0], output):
                return visitor(name, args[0], output)
            return None

        return hook

    with ExitStack() as stack:
        for name, module in model.named_modules():
            if not any(True for _ in module.children()):
                stack.callback(module.register_forward_hook(hook_of(name)).remove)
        yield


def is_lookup(ids: object, vectors: object) -> bool:
    """Return whether a module returned one vector for each integer."""
    return (
        isinstance(ids, Tensor)
        and isinstance(vectors, Tensor)
        and not (ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool)
        and vectors.is_floating_point()
        and vectors.shape[:-1] == ids.shape
    )


@contextmanager
def note_embeddings(model: nn.Module) -> Iterator[list[EmbeddingCall]]:
    """Note the look-ups of a run."""
    calls: list[EmbeddingCall] = []

    def note(name: str, ids: Tensor, vectors: Tensor) -> None:
        calls.append(EmbeddingCall(name, ids.detach().clone(), vectors.detach().clone()))

    with on_embeddings(model, note):
        yield calls


def token_calls(calls: list[EmbeddingCall], inputs: Inputs) -> dict[int, str]:
    """Return which look-ups are of tokens: of integers in the model's inputs.

    Args:
        calls: of a run.
        inputs: of the run.

    Returns:
        the name of the input, by the index of the call.

    Raises:
        ConfigError: there is none.
    """
    names = {name: x for name, x in _integers(inputs).items() if x.numel()}
    places: dict[int, str] = {}
    for place, call in enumerate(calls):
        for name, ids in names.items():
            same = ids.numel() == call.ids.numel() and torch.equal(
                ids.flatten().to(call.ids.device, call.ids.dtype), call.ids.flatten()
            )
            if same and name not in places.values():
                places[place] = name
                break
    if not places:
        raise ConfigError(
            "No module looks up the token ids that the model was called with, so there are no "
            f"embeddings to attribute to. The inputs that could be ids are "
            f"{', '.join(names) or 'none'}."
        )
    return places


def _integers(inputs: Inputs) -> Mapping[str, Tensor]:
    if isinstance(inputs, Tensor):
        return {"input_ids": inputs}
    other = ("mask", "position", "type", "label")
    return {
        name: x
        for name, x in inputs.items()
        if isinstance(x, Tensor)
        and not (x.is_floating_point() or x.dtype == torch.bool)
        and not any(word in name for word in other)
    }
