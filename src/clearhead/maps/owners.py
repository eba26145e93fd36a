"""Which module of a model is attending, read from Python's own call stack.

Hooks on modules would switch the encoder's fast path off, do not see methods that are called by
another name than forward, and change what torch.compile makes of a model. The stack tells as
much and is asked only when an attention is met.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from torch import Tensor, nn

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
    }
)
_PAIRS = (("query", "key"), ("q", "k"), ("queries", "keys"), ("query_states", "key_states"))
_COMPILED = ("_dynamo/eval_frame.py", "_functorch/_aot_autograd/runtime_wrappers.py")


_Calls = list[tuple[nn.Module, dict[str, Any]]]
# A module and the one around it tell the kind; a few more may tell the size of a batch.
_MODULES_ASKED = 4


@dataclass(frozen=True, eq=False)
class Owner:
    """Who is attending.

    Attributes:
        name: the module's name in the model; "" for the model itself.
        module: the module.
        kind: ``"self"`` or ``"cross"``.
        compiled: a compiled graph lies between the module and its attention, so the attention
            may belong to any module below this one.
        calls: the innermost modules and what they were called with.
        outermost: what the outermost module was called with; only if it was asked for.
    """

    name: str
    module: nn.Module
    kind: str
    compiled: bool = False
    calls: _Calls = field(default_factory=list)
    outermost: Mapping[str, Any] = field(default_factory=dict)

    @property
    def batches(self) -> frozenset[int]:
        """First and second sizes of the tensors that the modules were called with."""
        sizes: set[int] = set()
        for _, call in self.calls:
            for given in call.values():
                if isinstance(given, Tensor) and not given.is_nested and given.ndim > 2:
                    sizes.update(given.shape[:2])
        return frozenset(sizes)

    @property
    def inputs(self) -> dict[str, Tensor]:
        """The tensors of token ids that the outermost module was called with."""
        return {
            name: given
            for name, given in self.outermost.items()
            if isinstance(given, Tensor)
            and given.ndim == 2
            and not given.is_floating_point()
            and "mask" not in name
        }


def find_owner(names: Mapping[int, str], *, outermost: bool = False) -> Owner | None:
    """The innermost module of the model whose code is running in this thread.

    Args:
        names: the modules' names by their ids.
        outermost: whether to go on to the module that was called first.
    """
    frame: FrameType | None = sys._getframe(1)
    compiled = False
    owner: nn.Module | None = None
    calls: _Calls = []
    first: dict[str, Any] = {}
    entered: set[int] = set()
    while frame is not None:
        code = frame.f_code
        if owner is None and code.co_filename.replace("\\", "/").endswith(_COMPILED):
            compiled = True
        module = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
        known = isinstance(module, nn.Module) and id(module) in names
        if known and id(module) not in entered:
            assert isinstance(module, nn.Module)
            owner = owner or module
            call = _call(frame, module)
            if len(entered) < _MODULES_ASKED and _is_method(frame, module):
                calls.append((module, call))
            if code.co_name == "_call_impl":
                # What calls it, and happens to hold it as its first argument, is not its own.
                entered.add(id(module))
                first = call
                if len(entered) >= _MODULES_ASKED and not outermost:
                    break
        frame = frame.f_back
    if owner is None:
        return None
    name = names[id(owner)]
    return Owner(name, owner, _kind(calls), compiled, calls, first if outermost else {})


def _is_method(frame: FrameType, module: nn.Module) -> bool:
    """Whether a frame runs a method of the module, not a function that was handed the module."""
    method = getattr(type(module), frame.f_code.co_name, None)
    return getattr(inspect.unwrap(method), "__code__", None) is frame.f_code if method else False


def _call(frame: FrameType, module: nn.Module) -> dict[str, Any]:
    """What a frame's function was called with, by name; what it renamed since is not noticed."""
    code, local = frame.f_code, frame.f_locals
    if code.co_name == "_call_impl":  # as it was called, before forward could assign anything
        forward = getattr(type(module), "forward", None)
        inner = getattr(inspect.unwrap(forward), "__code__", None) if forward else None
        given, named = local.get("args", ()), dict(local.get("kwargs", {}))
        positional = () if inner is None else inner.co_varnames[1 : 1 + len(given)]
        return dict(zip(positional, given, strict=False)) | named
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    return {name: local[name] for name in names if name in local}


def _kind(calls: _Calls) -> str:
    """Self or cross, from what the attending module was called with, never from lengths.

    The last call of the innermost module is how it was called from outside: those before are its
    own methods and the functions that it hands queries and keys to.
    """
    if not calls:
        return "self"
    owner = calls[0][0]
    call = [call for module, call in calls if module is owner][-1]
    if any(_takes(owner, name) and _is_sequence(call[name]) for name in _OTHER_SEQUENCE & {*call}):
        return "cross"
    for query, key in _PAIRS:
        one, other = call.get(query), call.get(key)
        if isinstance(one, Tensor) and isinstance(other, Tensor):
            if one.ndim < 4:
                return "self" if one is other else "cross"
            # Projected already: the module around it knows.
            return _kind([pair for pair in calls if pair[0] is not owner])
    return "self"


def _takes(module: nn.Module, name: str) -> bool:
    """Whether a module names such a parameter; others pass through it to modules inside."""
    inner = getattr(inspect.unwrap(type(module).forward), "__code__", None)
    if inner is None or not inner.co_flags & inspect.CO_VARKEYWORDS:
        return True
    return name in inner.co_varnames[: inner.co_argcount + inner.co_kwonlyargcount]


def _is_sequence(given: Any) -> bool:
    if isinstance(given, tuple | list):
        return any(isinstance(x, Tensor) for x in given)
    return isinstance(given, Tensor) and given.ndim > 1


def head_hints(module: nn.Module) -> list[int]:
    """Numbers of heads that a module speaks of, its configuration's last."""
    names = (
        *("num_heads", "n_heads", "num_attention_heads", "n_head", "nhead", "heads", "h"),
        *("num_key_value_heads", "num_kv_heads", "n_kv_heads", "kv_heads"),
    )
    found = []
    for holder in (module, getattr(module, "config", None)):
        for name in names:
            number = getattr(holder, name, None)
            if isinstance(number, int) and not isinstance(number, bool):
                found.append(number)
    return found


def common_owner(one: Owner | None, other: Owner | None) -> Owner | None:
    return other
