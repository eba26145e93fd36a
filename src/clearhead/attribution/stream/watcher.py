"""Watches the operators of one run, and keeps those by which the residual stream is a sum.

It runs below autograd, as the recorder of attention does, so that no list of model families is
needed: wherever a model adds to its stream, an addition runs. A tensor is identified by its
storage, which views share.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from ...maps.recorder.pause import is_paused
from .nodes import Leaf, Linear, Node, Norm, SoftCap, Stack, Sum
from .tensors import is_length_first, is_vectors, may_be_norm, storage_of, tensors_in

_COPIES = ("clone", "_to_copy")
_Handler = Callable[[str, Sequence[Any], Mapping[str, Any]], Node | None]


@dataclass(frozen=True, eq=False)
class Read:
    """A call of a module without submodules, which may read the stream.

    Attributes:
        module: its name.
        node: where its first argument came from; None for a leaf.
        storage: of its first argument.
        order: its place among what ran.
    """

    module: str
    node: Node | None
    storage: int
    order: int


class StreamWatcher(TorchDispatchMode):
    """Keeps the sums of one run of a model; to be used once, with gradients off.

    Args:
        model: the model. Its modules get hooks, which are removed at the end.

    Attributes:
        reads: the calls of modules without submodules whose output differs from their input.
    """

    supports_higher_order_operators = True

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self._model = model
        self._stack: list[str] = []
        self._running: list[Read | None] = []  # for each module of the stack
        self._nodes: dict[int, tuple[Node, int]] = {}  # by storage: the node and its entries
        self._origins: dict[int, tuple[Stack, str, int, str]] = {}
        self._holders: dict[int, list[tuple[Any, str]]] = defaultdict(list)
        self._returning: dict[int, dict[str, float]] = {}
        self._order = 0
        self.reads: list[Read] = []
        self._exits = ExitStack()
        self._weights: dict[int, str] = {}
        for name, x in (*model.named_parameters(), *model.named_buffers()):
            if (key := storage_of(x)) is not None:
                self._weights.setdefault(key, name)
        self._handlers: dict[str, _Handler] = {
            "add": self._add, "sub": self._add, "mul": self._scale, "div": self._scale,
            "mm": self._multiply, "addmm": self._multiply, "linear": self._multiply,
            "tanh": self._cap,
        }  # fmt: skip

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """Let compiled parts of a model stay compiled."""
        return True

    def __enter__(self) -> StreamWatcher:
        for name, module in self._model.named_modules():
            before = module.register_forward_pre_hook(
                self._before(name), prepend=True, with_kwargs=True
            )
            after = module.register_forward_hook(
                self._after(name), always_call=True, with_kwargs=True
            )
            self._exits.callback(before.remove)
            self._exits.callback(after.remove)
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._exits.close()

    # Looking

    def node_of(self, x: Tensor) -> Node:
        """Return the node of a tensor; a leaf if it is not a linear function of others."""
        node = self._linear_node(x)
        return self._leaf(x) if node is None else node

    def _linear_node(self, x: Tensor) -> Node | None:
        node, count = self._nodes.get(storage_of(x) or 0, (None, 0))
        if count != x.numel():
            return None
        if isinstance(node, Linear) and is_length_first(x):
            node.length_first = True
        return node

    def _leaf(self, x: Tensor) -> Leaf:
        key = storage_of(x)
        if key in self._weights:
            return Leaf(x, (), "parameter", 0, self._weights[key])
        leaf = Leaf(x, *self._origins.get(key or 0, ((), "", 0, "")))
        leaf.modules = self._returning.setdefault(key or 0, {})
        self._hold(leaf, "value")
        return leaf

    def _hold(self, holder: Any, name: str) -> None:
        """Note a node that refers to a tensor, and needs a copy before that is overwritten."""
        key = storage_of(getattr(holder, name))
        if key is not None and key not in self._weights:
            self._holders[key].append((holder, name))

    # Modules

    def _before(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
            self._stack.append(name)
            self._order += 1
            x = next(tensors_in((*args, *kwargs.values())), None)
            read = None
            if is_vectors(x) and not is_paused() and not any(True for _ in module.children()):
                read = Read(name, self._linear_node(x), storage_of(x) or 0, self._order - 1)
            self._running.append(read)

        return hook

    def _after(self, name: str) -> Callable[..., None]:
        def hook(
            module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any
        ) -> None:
            stack = tuple(self._stack)
            read = None
            while self._stack:
                read = self._running.pop()
                if self._stack.pop() == name:
                    break
            if is_paused():
                return
            result = next(tensors_in(output), None)
            if read is not None and result is not None and storage_of(result) != read.storage:
                self.reads.append(read)
                x = next(tensors_in((*args, *kwargs.values())))
                self._note_norm(module, x, output, read, stack)
            self._note_return(name, output)

        return hook

    def _note_norm(
        self, module: nn.Module, x: Tensor, output: Any, read: Read, stack: Stack
    ) -> None:
        """Note a module that may be a norm."""
        if may_be_norm(x, output, module):
            self._order += 1
            node = Norm(module, x, output, read.node, stack, self._order)
            self._hold(node, "x")
            self._hold(node, "y")
            self._nodes[storage_of(output) or 0] = node, output.numel()

    def _note_return(self, name: str, output: Any) -> None:
        """Note that a module returned a tensor, alone or before others."""
        x = next(tensors_in(list(output.values()) if isinstance(output, Mapping) else output), None)
        key = None if x is None else storage_of(x)
        if x is None or key is None:
            return
        node = self._linear_node(x)
        factor = 1.0
        while isinstance(node, Sum) and len(node.terms) == 1:
            factor, node = factor * node.terms[0][0], node.terms[0][1]
        if node is None:
            self._returning.setdefault(key, {})[name] = factor
        elif not isinstance(node, Sum | SoftCap):
            node.modules[name] = factor

    # Operators

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if is_paused():
            return func(*args, **kwargs)
        name = func.__name__.partition(".")[0]
        plain = name.rstrip("_")
        node: Node | None = None
        if plain in self._handlers:
            node = self._handlers[plain](plain, args, kwargs)
        elif plain in _COPIES and isinstance(args[0], Tensor):
            node = self._linear_node(args[0])
        self._save_written(func, args)
        out = func(*args, **kwargs)
        self._note(node, plain, args, out)
        return out

    def _save_written(self, func: Any, args: Sequence[Any]) -> None:
        """Copy, for the nodes that refer to it, what the operator is about to overwrite."""
        schema = getattr(func, "_schema", None)
        if schema is None or not schema.is_mutable:
            return
        for argument, value in zip(schema.arguments, args, strict=False):
            if argument.alias_info is None or not argument.alias_info.is_write:
                continue
            if isinstance(value, Tensor) and (key := storage_of(value)) is not None:
                for holder, name in self._holders.pop(key, ()):
                    setattr(holder, name, getattr(holder, name).clone())
                self._nodes.pop(key, None)

    def _note(self, node: Node | None, name: str, args: Sequence[Any], out: Any) -> None:
        """Note the node of an operator's result."""
        inputs = {storage_of(x) for x in tensors_in(args)}
        self._order += 1
        table = self._weights.get(storage_of(args[0]) or 0, "") if name == "embedding" else ""
        for x in tensors_in(out):
            key = storage_of(x)
            if key is None:
                continue
            if node is not None:
                self._nodes[key] = node, x.numel()
            elif key in inputs:
                continue  # a view, or written in place, which was handled before it ran
            else:
                self._nodes.pop(key, None)
            self._returning.pop(key, None)
            self._origins[key] = tuple(self._stack), name, self._order, table

    def _add(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Node | None:
        a, b = args[0], args[1]
        if not (is_vectors(a) and isinstance(b, Tensor) and b.is_floating_point() and b.ndim):
            return None
        factor = float(kwargs.get("alpha", 1.0)) * (-1.0 if name == "sub" else 1.0)
        first = self._linear_node(a)
        if isinstance(first, Linear) and factor == 1.0 and self._is_bias(b, first):
            biases = (*first.biases, b.reshape(-1))
            return Linear(first.x, first.x_node, first.x_stack, first.weight, biases,
                          first.stack, first.order, first.factor)  # fmt: skip
        terms = ((1.0, self.node_of(a)), (factor, self.node_of(b)))
        return Sum(terms, tuple(self._stack), self._order)

    def _is_bias(self, b: Tensor, linear: Linear) -> bool:
        return storage_of(b) in self._weights and b.numel() == linear.weight.shape[1]

    def _scale(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Node | None:
        a, b = args[0], args[1]
        if name == "mul" and isinstance(a, Tensor) and not a.ndim:
            a, b = b, a
        if not is_vectors(a) or (isinstance(b, Tensor) and b.ndim):
            return None
        factor = float(b)
        if name == "div":
            factor = 1.0 / factor
        return Sum(((factor, self.node_of(a)),), tuple(self._stack), self._order)

    def _multiply(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Node | None:
        biases: tuple[Tensor, ...] = ()
        factor = 1.0
        if name == "addmm":
            bias, x, weight = args[:3]
            biases, factor = (bias * kwargs.get("beta", 1),), float(kwargs.get("alpha", 1))
            if bias.ndim > 1 and bias.shape[0] > 1:
                return None
            biases = (biases[0].reshape(-1),)
        elif name == "linear":
            x, weight = args[0], args[1].t()
            biases = () if len(args) < 3 or args[2] is None else (args[2],)
        else:
            x, weight = args[:2]
        if not is_vectors(x) or weight.ndim != 2 or storage_of(weight) not in self._weights:
            return None
        stack = self._origins.get(storage_of(x) or 0, ((),))[0]
        node = Linear(
            x, self._linear_node(x), stack, weight, biases, tuple(self._stack), self._order, factor
        )
        self._hold(node, "x")
        return node

    def _cap(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Node | None:
        node = self._linear_node(args[0])
        return None if node is None else SoftCap(node, self._order)
