"""Decides whether a sequence attends to itself (self) or to another one (cross).

The decision follows from the arguments of the attending module and the number of queries and keys:

    one sequence, or the same memory twice                       self
    two, queries and keys as many as both together (joint)       self
    two, queries and keys as many as the first, not the second   self
    two otherwise: keys of the other, or of both, or unclear     cross
    queries that are a parameter of the module (latents)         cross

A module that was called with projected queries and keys does not see sequences, so the module
around it decides. More keys than queries are no evidence by themselves, because of caches.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ._model_modules import code_of
from ._sequence_lengths import Lengths

Calls = list[tuple[nn.Module, dict[str, Any]]]
_Call = Mapping[str, Any]
_Sequences = list[tuple[str, Tensor]]
_Modules = list[tuple[nn.Module, list[dict[str, Any]]]]

# Parameters' names by which models hand the other sequence to cross-attention.
_OTHER_SEQUENCE = frozenset(
    {
        "key_value_states",
        "encoder_hidden_states",
        "cross_attention_states",
        "encoder_output",
        "encoder_outputs",
        "encoder_out",
        "memory",
        "context",
        "key_value",
        "kv_states",
        "inputs",
        "latents",
    }
)
_PAIRS = (
    ("query", "key"),
    ("q", "k"),
    ("queries", "keys"),
    ("query_states", "key_states"),
    ("hidden_states", "key_states"),
)
_AT_MOST = 4
# Words in the names of arguments that are as long as a sequence but are not attended to.
_NO_SEQUENCE = re.compile(
    "(^|_)(pos|positions?|positional|pe|rot|rotary|rope|freqs?|cos|sin|alibi|rel|relative|past"
    "|caches?|mems?|residual|skip|gate|shift|scale|values?|time|timesteps?)(_|$)"
    "|mask|bias|cache|^t?emb$|object_queries"
)


def attention_kind(calls: Calls, lengths: Lengths) -> str | None:
    """Return the kind of an attention.

    Args:
        calls: the running modules with their arguments, the attending one first; a module's own
            methods come before the call of the module itself.
        lengths: the sizes of the attention.

    Returns:
        ``"self"`` or ``"cross"``; None if neither calls nor lengths decide and there are more keys
        than queries, as with a cache, which cross-attention may have, too.
    """
    modules = _by_module(calls)
    for place, (module, its_calls) in enumerate(modules):
        around = modules[place + 1 :]
        # Its methods tell more about this attention than its own call, which may be for several.
        for method_call in its_calls[:-1]:
            kind = _kind_of_method(method_call, its_calls[-1], lengths)
            if kind is not None:
                return kind
        call = _own_arguments(module, its_calls[-1])
        pair = _pair(call)
        if pair is None:
            if not around or not _is_projected(module, call):
                return _kind_of_call(module, call, lengths)
        elif same_memory(*pair):
            return "self"
        elif pair[0].ndim < 4:
            return _kind_of_pair(pair, around, lengths)
    return "self" if lengths.query == lengths.key else None


def same_memory(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors are the same elements in memory, as two views can be."""
    if one is other:
        return True
    if one.shape != other.shape or one.dtype != other.dtype or one.device != other.device:
        return False
    try:
        return one.stride() == other.stride() and 0 != one.data_ptr() == other.data_ptr()
    except (RuntimeError, NotImplementedError):  # nested, or of a transform such as vmap
        return False


def _by_module(calls: Calls) -> _Modules:
    """Return modules in the order of their first calls, with all calls of each."""
    modules: dict[int, tuple[nn.Module, list[dict[str, Any]]]] = {}
    for module, call in calls:
        modules.setdefault(id(module), (module, []))[1].append(call)
    return list(modules.values())


def _kind_of_method(call: _Call, whole: _Call, lengths: Lengths) -> str | None:
    """Return the kind that the call of a method tells, if a module has one for each attention."""
    pair = _pair(call)
    if pair is not None:
        return "self" if same_memory(*pair) else None
    sequences = _sequences(call)
    if any(name in _OTHER_SEQUENCE for name, _ in sequences):
        return _kind_of_several(sequences, lengths)
    if len(sequences) == 1 and len(_sequences(whole)) > 1 and lengths.query == lengths.key:
        return "self" if lengths.query in lengths.of(sequences[0][1]) else None
    return None


def _kind_of_call(module: nn.Module, call: _Call, lengths: Lengths) -> str | None:
    """Return the kind that a module's call with one or several sequences tells."""
    sequences = _sequences(call)
    kind = _kind_of_several(sequences, lengths)
    if kind is not None:
        return kind
    if lengths.query == lengths.key:
        return "self"
    if sequences:
        own = lengths.of(sequences[0][1])
        if lengths.key in own or lengths.key - lengths.query in own:
            learned = lengths.query not in own and _learned_queries(module, lengths.query)
            return "cross" if learned else "self" if lengths.key in own else None
    return None


def _kind_of_pair(pair: tuple[Tensor, Tensor], around: _Modules, lengths: Lengths) -> str:
    """Return the kind for queries and keys that differ.

    They belong to one sequence only if the calls around have no other.
    """
    if not around or lengths.query != lengths.key:
        return "cross"
    module, calls = around[0]
    call = _own_arguments(module, calls[-1])
    outer = _pair(call)
    if outer is not None:
        return "self" if same_memory(*outer) else _kind_of_pair(outer, around[1:], lengths)
    sequences = _sequences(call)
    if any(same_memory(one, sequence) for one in pair for _, sequence in sequences):
        return "cross"  # one was passed in unchanged, the other was not
    kind = _kind_of_several(sequences, lengths)
    if kind is not None:
        return kind
    alone = bool(sequences) and lengths.query in lengths.of(sequences[0][1])
    return "self" if alone and not _learned_queries(module, lengths.query) else "cross"


def _kind_of_several(sequences: _Sequences, lengths: Lengths) -> str | None:
    """Return the kind for a first sequence and others; None if there are no others."""
    if len(sequences) < 2:
        return None
    own = next((s for s in sequences if s[0] not in _OTHER_SEQUENCE), sequences[0])
    others = [s for s in sequences if s is not own]
    if lengths.query == lengths.key and _is_joint(own[1], [x for _, x in others], lengths):
        return "self"
    kinds = [_kind_of_two(own[1], name, other, lengths) for name, other in others]
    return next((kind for kind in ("cross", "self") if kind in kinds), None)


def _is_joint(own: Tensor, others: list[Tensor], lengths: Lengths) -> bool:
    """Return whether there are at least as many queries as positions in all sequences together."""
    others = [other for other in others if _fit(own, other)]
    if not others or any(same_memory(own, other) for other in others):
        return False
    sums = lengths.of(own)
    for other in others:
        sums = sums | {one + two for one in sums for two in lengths.of(other)}
    apart = lengths.of(own).union(*(lengths.of(other) for other in others))
    least = max(lengths.of(own)) + min(max(lengths.of(other)) for other in others)
    return lengths.query not in apart and (lengths.query in sums or lengths.query >= least)


def _kind_of_two(own: Tensor, name: str, other: Tensor, lengths: Lengths) -> str | None:
    """Return the kind for a sequence and another one, whose name may tell that it is a memory."""
    is_memory = name in _OTHER_SEQUENCE
    if same_memory(own, other):
        return "self" if is_memory else None
    mine, others = lengths.of(own), lengths.of(other)
    if is_memory:
        alone = lengths.query == lengths.key and lengths.key in mine
        return "self" if alone and lengths.key not in others else "cross"
    if not _fit(own, other):
        return None
    apart = [(one, two) for one in mine for two in others]
    fits = (lengths.query, lengths.key) in apart or (lengths.key, lengths.query) in apart
    both = any(
        lengths.query in (one, two) and lengths.key == one + two for one, two in apart if one != two
    )
    return "cross" if fits or both else None


def _fit(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors may be sequences of one batch."""
    if one.ndim == other.ndim == 2:
        return one.shape[0] != other.shape[0] or one.shape == other.shape
    if one.ndim == other.ndim == 3:
        return one.shape[0] == other.shape[0] or one.shape[1] == other.shape[1]
    return min(one.ndim, other.ndim) > 2 and one.shape[0] == other.shape[0]


def _sequences(call: _Call) -> _Sequences:
    """Return the tensors of a call that may be attended to: neither masks nor positions."""
    sequences = []
    for name, argument in call.items():
        is_memory = name in _OTHER_SEQUENCE
        several = list(argument) if isinstance(argument, tuple | list) else [argument]
        tensors = [x for x in several[:_AT_MOST] if isinstance(x, Tensor)]
        for x in tensors[:1] if is_memory else tensors:
            if x.is_nested or x.ndim < 2:
                continue
            if is_memory or (x.is_floating_point() and not _NO_SEQUENCE.search(name)):
                sequences.append((name, x))
    return sequences


def _pair(call: _Call) -> tuple[Tensor, Tensor] | None:
    """Return the queries and keys that a module was called with, if their names say so."""
    for query, key in _PAIRS:
        one, other = call.get(query), call.get(key)
        if isinstance(one, Tensor) and isinstance(other, Tensor):
            return one, other
    return None


def _is_projected(module: nn.Module, call: _Call) -> bool:
    """Return whether a module that projects nothing was called with projected tensors."""
    sequences = _sequences(call)
    if len(sequences) < 2 or any(name in _OTHER_SEQUENCE for name, _ in sequences):
        return False
    return not any(parameter.ndim > 1 for parameter in module.parameters())


def _learned_queries(module: nn.Module, query_len: int) -> bool:
    """Return whether a module has a parameter that may be its queries: [1, query_len, width]."""
    return any(
        "pos" not in name and p.shape[-2] == query_len and p.numel() == query_len * p.shape[-1]
        for name, p in module.named_parameters(recurse=False)
        if p.ndim > 1
    )


def _own_arguments(module: nn.Module, call: _Call) -> _Call:
    """Return a call without the other sequence, if the module only passes it to its submodules."""
    inner = code_of(type(module), "forward")
    if inner is None or not inner.co_flags & inspect.CO_VARKEYWORDS:
        return call
    names = inner.co_varnames[: inner.co_argcount + inner.co_kwonlyargcount]
    passed_on = _OTHER_SEQUENCE.difference(names)
    return {name: x for name, x in call.items() if name not in passed_on}
