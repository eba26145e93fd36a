"""Modules that are called attention, ran, and told the recorder nothing.

Attention without a softmax over products (deformable, linear, recurrent, by element-wise products)
passes by unnoticed among other operators. That it took place is known from the names of classes
and from the parameters that were multiplied with, so that silence does not look like an answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from torch import nn

WHY = (
    "it ran, and no softmax over products of queries and keys was seen in it: it attends in "
    "another way (linear, deformable, recurrent, element by element) or not at all"
)
_ATTENTION = re.compile(r"attention|attn|attend|mamba|rwkv|retention|deltanet", re.IGNORECASE)
_STEP = re.compile(
    r"(output|mask|bias|norm|embeddings?|dropout|gate|intermediate|cache|structure)$", re.I
)


def is_called_attention(module: nn.Module) -> bool:
    """Whether a module's class has the name of an attention, or of what stands in its place."""
    name = type(module).__name__
    return _ATTENTION.search(name) is not None and _STEP.search(name) is None


def unread_modules(
    modules: Sequence[tuple[str, nn.Module]], used: Collection[int], known: Collection[str]
) -> list[str]:
    """Names of the innermost modules that are called attention, ran, and are not known.

    Args:
        modules: all of the model's by name, as ``named_modules`` has them.
        used: storages of the parameters that were multiplied with.
        known: names of modules of which there is a map or a refusal.
    """
    names = [name for name, module in modules if name and is_called_attention(module)]
    by_name = dict(modules)
    unread = []
    for name in names:
        if any(other.startswith(f"{name}.") for other in names):
            continue
        if any(_is_within(other, name) or _is_within(name, other) for other in known if other):
            continue
        if _ran(by_name, name, used):
            unread.append(name)
    return unread


def _is_within(name: str, other: str) -> bool:
    return name == other or name.startswith(f"{other}.")


def _ran(modules: Mapping[str, nn.Module], name: str, used: Collection[int]) -> bool:
    """Whether a module's parameters were used; of one without any, those around it."""
    while True:
        parameters = list(_storages(modules[name])) if name in modules else []
        if parameters:
            return any(storage in used for storage in parameters)
        if not name:
            return True  # there is nothing in the model by which to know
        name = name.rpartition(".")[0]


def _storages(module: nn.Module) -> Iterator[int]:
    for parameter in module.parameters():
        yield parameter.untyped_storage()._cdata
