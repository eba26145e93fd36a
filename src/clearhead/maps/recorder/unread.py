"""Finds modules that are named attention and ran, but from which the recorder read nothing.

Attention without a softmax over products (deformable, linear, recurrent, by elementwise products)
cannot be told from other operators. That it ran is concluded from class names and from the
parameters that were factors of products, so that the recording can report it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from torch import nn

_WHY = "it ran, and no softmax over products of queries and keys was seen in it: {}"
_ANOTHER_WAY = (
    "it attends in another way (linear, deformable, recurrent, element by element), in a compiled "
    "kernel, or not at all"
)
_COMPILED_FLEX = (
    "its configuration chooses FlexAttention, which transformers compiles to a kernel of its own, "
    "and that shows no operators; record the model with another implementation, such as sdpa"
)
# Parts of class names that tell a kind of attention, and why that kind has no map.
_KINDS = {
    r"deformable(?!_?detr)": "by its class a deformable attention, which samples values at a few "
    "places and weighs them by the query alone: there are no keys",
    r"[mb]amba|ssm|statespace|recurrentgemma|rg_?lru": "by its class a state space or linear "
    "recurrence, which passes a state from token to token: there are no weights between tokens "
    "that sum to 1",
    r"rwkv": "by its class RWKV's recurrence, which weighs values by decay and key alone: there "
    "are no products of queries and keys",
    r"retention|retnet": "by its class a retention, whose products are weighed by a decay and not "
    "normalised by a softmax",
    r"delta_?(net|rule|att)": "by its class a delta rule, which writes values to a state and "
    "reads it: there are no weights between tokens that sum to 1",
    r"(?<!kimi)linear_?(self_?)?att|performer|favor|lightning_?att": "by its class a linear "
    "attention, which multiplies keys with values first, without a softmax over keys",
    r"lsh|reformerattention": "by its class attention by locality-sensitive hashing, which sorts "
    "keys into buckets, attends within these, and joins several rounds by their sums",
    r"fourier|fnet": "by its class a Fourier transform over tokens: there are no weights",
}
_ATTENTION = re.compile(r"attention|attn|attend|[mb]amba|rwkv|retention|deltanet", re.IGNORECASE)
_STEP = re.compile(
    r"(output|mask|bias|norm|normgated|embeddings?|dropout|gate|intermediate|cache|structure|"
    r"feed_?forward|mlp)$",
    re.IGNORECASE,
)


def is_called_attention(module: nn.Module) -> bool:
    """Return whether a module's class is named an attention, or a substitute for one."""
    name = type(module).__name__
    return _ATTENTION.search(name) is not None and _STEP.search(name) is None


def why_unread(module: nn.Module) -> str:
    """Return why nothing was read from a module, as far as its class and settings tell."""
    config = getattr(module, "config", None)
    if getattr(config, "_attn_implementation", None) == "flex_attention":
        return _WHY.format(_COMPILED_FLEX)
    return _WHY.format(kind_of_class(module) or _ANOTHER_WAY)


def kind_of_class(module: nn.Module) -> str | None:
    """Return the kind of attention that a module's class name tells; None if it tells none."""
    name = type(module).__name__
    kinds = (words for pattern, words in _KINDS.items() if re.search(pattern, name, re.IGNORECASE))
    return next(kinds, None)


def unread_modules(
    modules: Sequence[tuple[str, nn.Module]],
    parameters: Collection[int],
    attending: Collection[str],
) -> list[str]:
    """Return the innermost modules that are named attention and ran, but were not read.

    Args:
        modules: all of the model's by name, as ``named_modules`` has them.
        parameters: storages of the parameters that were factors of a product.
        attending: names of modules of which there is a map or a refusal.

    Returns:
        Their names.
    """
    names = [name for name, module in modules if name and is_called_attention(module)]
    by_name = dict(modules)
    unread = []
    for name in names:
        if any(other.startswith(f"{name}.") for other in names):
            continue
        related = (other for other in attending if other)
        if any(_is_within(other, name) or _is_within(name, other) for other in related):
            continue
        if _ran(by_name, name, parameters):
            unread.append(name)
    return unread


def _is_within(name: str, other: str) -> bool:
    return name == other or name.startswith(f"{other}.")


def _ran(modules: Mapping[str, nn.Module], name: str, multiplied: Collection[int]) -> bool:
    """Return whether parameters of a module, or of the one around it, were factors of products."""
    while True:
        parameters = list(_storages(modules[name])) if name in modules else []
        if parameters:
            return any(storage in multiplied for storage in parameters)
        if not name:
            return True  # a model without parameters gives no evidence
        name = name.rpartition(".")[0]


def _storages(module: nn.Module) -> Iterator[int]:
    for parameter in module.parameters():
        yield parameter.untyped_storage()._cdata
