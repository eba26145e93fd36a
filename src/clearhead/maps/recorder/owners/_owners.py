"""Which module of a model is attending, read from Python's own call stack.

Hooks on modules would switch the encoder's fast path off, miss methods other than forward, and
change how torch.compile compiles a model. The call stack tells as much, and is read only where an
attention is computed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from ._attention_kind import Calls
from ._model_modules import forward_names, is_stranger
from ._module_chain import Chain, below_dispatch, is_method

# The innermost modules tell whose attention it is, and of which kind; the modules around them may
# tell the size of the batch.
_MODULES_ASKED = 4
# Modules that are never owners, only steps of the attention of the module around them.
_STEPS = (nn.Softmax, nn.Softmax2d, nn.LogSoftmax, nn.Dropout, nn.Identity)
# Code that only a compiled or traced graph runs. torch._dynamo on the stack is no evidence: every
# dispatch mode passes through it, and so does code under torch.compiler.disable.
_GRAPH_FILES = (
    "_functorch/_aot_autograd/runtime_wrappers.py",
    "_inductor/output_code.py",
)
_FLEX_FILE = "nn/attention/flex_attention.py"
_HEADS = ("num_heads", "n_heads", "num_attention_heads", "n_head", "nhead", "heads", "h")


@dataclass(frozen=True, eq=False)
class Owner:
    """The module that is attending.

    Attributes:
        name: the module's name in the model; "" for the model itself.
        module: the module.
        kind: ``"self"`` or ``"cross"`` if it is certain; None if calls and lengths decide.
        compiled: whether a compiled graph lies between the module and its attention, so that the
            attention may belong to any module below this one.
        calls: the innermost modules and their arguments.
        outermost: the arguments of the outermost module; only on request.
        chain: the innermost modules of the model that are running, with their names; this one
            first.
        stranger: the class of the attending module, if it does not belong to the model; else "".
        within: whether the stranger was called within the forward of the model's module ``name``,
            and not beside it, as an assistant model in ``generate()`` is.
    """

    name: str
    module: nn.Module
    kind: str | None = None
    compiled: bool = False
    calls: Calls = field(default_factory=list)
    outermost: Mapping[str, Any] = field(default_factory=dict)
    chain: tuple[tuple[str, nn.Module], ...] = ()
    stranger: str = ""
    within: bool = False

    @property
    def batches(self) -> frozenset[int]:
        """First and second sizes of the tensors that the modules were called with."""
        sizes: set[int] = set()
        for _, call in self.calls:
            for x in call.values():
                if isinstance(x, Tensor) and not x.is_nested and x.ndim > 2:
                    sizes.update(x.shape[:2])
        return frozenset(sizes)

    @property
    def inputs(self) -> dict[str, Tensor]:
        """The tensors of token ids that the outermost module was called with."""
        return {
            name: x
            for name, x in self.outermost.items()
            if isinstance(x, Tensor)
            and x.ndim == 2
            and not x.is_floating_point()
            and "mask" not in name
        }

    @property
    def head_hints(self) -> list[int]:
        """The numbers of heads in the attributes of the module, or else of a module around it.

        A module that only multiplies projected queries and keys often has no such attribute.
        """
        modules = [self.module, *(module for _, module in self.chain[1:3])]
        return next((hints for one in modules if (hints := head_hints(one))), [])


def find_owner(names: Mapping[int, str], *, outermost: bool = False) -> Owner | None:
    """Return the innermost module of the model whose code is running in this thread.

    Args:
        names: the modules' names by their ids: `model_modules.ModuleNames`.
        outermost: whether to search on to the module that was called first.
    """
    stack = _StackReader(names)
    frame: FrameType | None = below_dispatch(sys._getframe(1))
    while frame is not None:
        stack.read(frame)
        if stack.is_enough and not outermost:
            break
        frame = frame.f_back
    return stack.owner(outermost=outermost)


def common_owner(product: Chain, owner: Owner | None) -> Owner | None:
    """Return the owner of an attention, from its product and its softmax.

    The product, the softmax and the dropout of one attention may each be a module of its own. The
    owner is the innermost module that was running at both.

    Args:
        product: what `find_chain` returned at the product of queries and keys.
        owner: what `find_owner` returned at the softmax.

    Returns:
        The owner; None if the attention does not belong to the model. A stranger's product that the
        model normalises is no attention, but the scores of a vocabulary.
    """
    if owner is None or owner.stranger:
        return owner
    if product.stranger:
        return None
    for place, (name, module) in enumerate(owner.chain):
        if id(module) in product.modules:
            inner = {id(one) for _, one in owner.chain[:place]}
            calls = [pair for pair in owner.calls if id(pair[0]) not in inner]
            chain = owner.chain[place:]
            return replace(owner, name=name, module=module, calls=calls, chain=chain)
    return None


class _StackReader:
    """Reads the frames of a stack, from the innermost outwards."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names
        self._compiled = False
        self._calls: list[tuple[nn.Module, FrameType]] = []
        self._first: tuple[nn.Module, FrameType] | None = None
        self._chain: list[nn.Module] = []
        self._entered: set[int] = set()
        self._stranger: nn.Module | None = None
        self._running: nn.Module | None = None

    @property
    def is_enough(self) -> bool:
        """Whether frames further out cannot change the owner."""
        if self._stranger is not None:
            return self._running is not None
        return len(self._entered) >= _MODULES_ASKED

    def read(self, frame: FrameType) -> None:
        """Take from a frame what it tells about the owner."""
        code = frame.f_code
        # Until the first module, a compiled graph may lie between it and the attention.
        if not self._chain:
            if _is_graph(frame):
                self._compiled = True
            elif self._compiled and code.co_filename.replace("\\", "/").endswith(_FLEX_FILE):
                self._compiled = False  # FlexAttention compiles only its own operator
        # A frame belongs to a module if this is its first argument, as `self` is.
        if not code.co_argcount or code.co_name == "_wrapped_call_impl" or _is_call_body(frame):
            return
        module = frame.f_locals.get(code.co_varnames[0])
        if not isinstance(module, nn.Module):
            return
        if id(module) not in self._names:
            # The outermost stranger is more informative than its layer that attends.
            if not self._chain and is_method(frame, module) and is_stranger(module, self._names):
                self._stranger = module
            if id(module) not in self._names:
                return
        self._read_module(frame, module)

    def _read_module(self, frame: FrameType, module: nn.Module) -> None:
        """Take from a frame of one of the model's modules what it tells about the owner."""
        if id(module) in self._entered or (not self._chain and type(module) in _STEPS):
            return
        if self._stranger is not None and not is_method(frame, module):
            return  # a function that takes the model, such as generate(), may run other models
        if all(module is not one for one in self._chain):
            self._chain.append(module)
        entered = frame.f_code.co_name == "_call_impl"
        if entered:
            # Its caller, which may happen to have it as its first argument, is not part of the
            # module.
            self._entered.add(id(module))
            self._first = (module, frame)
            self._running = self._running or module
            if self._calls and self._calls[-1][0] is module and _is_forward(self._calls[-1][1]):
                self._calls.pop()  # the same call, but forward may have reassigned its arguments
        if entered or is_method(frame, module):
            self._calls.append((module, frame))

    def owner(self, *, outermost: bool) -> Owner | None:
        """Return the owner that the frames tell."""
        if not self._chain:
            return None
        module = self._chain[0]
        if self._stranger is not None and self._running is not None:
            module = self._running
        return Owner(
            self._names[id(module)],
            module,
            compiled=self._compiled or _is_scripted(module),
            calls=[(one, _call(frame, one)) for one, frame in self._calls],
            outermost=_call(self._first[1], self._first[0]) if outermost and self._first else {},
            chain=tuple((self._names[id(one)], one) for one in self._chain),
            stranger="" if self._stranger is None else type(self._stranger).__name__,
            within=self._running is not None,
        )


def _is_graph(frame: FrameType) -> bool:
    """Return whether a frame runs a compiled or traced graph, of whichever backend."""
    code = frame.f_code
    if code.co_name == "_fn":  # torch._dynamo.disable keeps the reason
        return "Dynamo-compiled" in str(getattr(frame.f_locals.get("self"), "msg", ""))
    filename = code.co_filename
    return filename.startswith("<eval_with_key>") or (
        filename.endswith(".py") and filename.replace("\\", "/").endswith(_GRAPH_FILES)
    )


def _is_scripted(module: nn.Module) -> bool:
    """Return whether the modules below are TorchScript, which has no Python frames."""
    return isinstance(module, torch.jit.ScriptModule) and any(True for _ in module.children())


def _is_call_body(frame: FrameType) -> bool:
    """Return whether a frame is the forward, or a hook, of the module that its caller enters."""
    return frame.f_back is not None and frame.f_back.f_code.co_name == "_call_impl"


def _is_forward(frame: FrameType) -> bool:
    return frame.f_code.co_name == "forward"


def _call(frame: FrameType, module: nn.Module) -> dict[str, Any]:
    """Return the arguments of a frame's function by name, with their current values."""
    code, local = frame.f_code, frame.f_locals
    if code.co_name == "_call_impl":  # the arguments before forward could reassign them
        args, kwargs = local.get("args", ()), dict(local.get("kwargs", {}))
        names = forward_names(module)
        more_names = (f"*{place}" for place in range(len(names), len(args)))
        return dict(zip((*names, *more_names), args, strict=False)) | kwargs
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    return {name: local[name] for name in names if name in local}


def head_hints(module: nn.Module) -> list[int]:
    """Return the numbers of heads in a module's attributes, then in its configuration's."""
    hints = []
    for holder in (module, getattr(module, "config", None)):
        for name in _names_of_heads(holder):
            number = getattr(holder, name, None)
            if isinstance(number, int) and not isinstance(number, bool):
                hints.append(number)
    return hints


def _names_of_heads(holder: object) -> Iterable[str]:
    """Return the names that may hold numbers of heads; trying others would cost far more.

    Configurations of transformers compute attributes on access.
    """
    kind = type(holder)
    computes = getattr(kind, "__getattr__", nn.Module.__getattr__) is not nn.Module.__getattr__
    try:
        own = object.__getattribute__(holder, "__dict__")
    except AttributeError:
        return () if holder is None else _HEADS
    aliases = getattr(kind, "attribute_map", ())
    return [
        name for name in _HEADS if computes or name in own or name in aliases or hasattr(kind, name)
    ]
