"""What really met the values, seen without the library: a dispatch mode of its own.

Of a fused kernel it takes queries, keys, mask, scale and causality, and a float64 softmax; of
attention that a model writes out, the factors of each product, one of which is the weights. It
knows nothing of the library's maps and shares no code with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

LARGEST = 1 << 24  # numbers of one factor that is kept
FUSED = ("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_efficient_attention")

WORK = ("bmm", "baddbmm", "mm", "addmm", "convolution", "_softmax", "exp", "cumsum", "_fft_r2c")


@dataclass
class Factor:
    """A matrix, or a batch of them, that stood before values.

    Attributes:
        module: the innermost module that was running, by name.
        weights: Float["... queries keys"]; float64 where it was computed here.
        fused: whether a fused kernel had it inside.
        attention: whether it is weights for certain: rows that sum to 1 and are no choices.
        rounding: what float32 may lose, from the size of the scores.
    """

    module: str
    weights: Tensor
    fused: bool
    attention: bool
    rounding: float


class Oracle(TorchDispatchMode):
    """Collects what meets values while a model runs; no result is changed.

    Results of softmaxes are kept beside it, by module: where weights meet values in several parts,
    no single factor has all of them.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.factors: list[Factor] = []
        self.ran: list[str] = []
        self.busy: set[str] = set()
        self.names = {id(module): name for name, module in model.named_modules()}
        self.parameters = {x.untyped_storage().data_ptr() for x in model.parameters()}
        self.running = [""]
        self.highest = 0.0
        self.softmaxes: list[tuple[str, Tensor]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.partition("::")[2]
        if name in FUSED or name in WORK:
            self.busy.add(self.running[-1])
        if name in FUSED:
            with torch.utils._python_dispatch._disable_current_modes():
                self._fused(func, args, kwargs)
        out = func(*args, **kwargs)
        with torch.utils._python_dispatch._disable_current_modes():
            if name in ("_softmax", "_safe_softmax"):
                self.highest = highest_of(args[0])
                if args[0].ndim > 3 and out.numel() <= LARGEST:
                    self.softmaxes.append((self.running[-1], out.clone()))
            elif name in ("bmm", "mm"):
                self._product(args[0], args[1])
            elif name == "baddbmm":
                self._product(args[1], args[2])
        return out

    def _fused(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        names = [argument.name for argument in func._schema.arguments]
        call = {**dict(zip(names, args, strict=False)), **kwargs}
        mask = call.get("attn_mask", call.get("attn_bias"))
        weights, rounding = softmax64(
            call["query"], call["key"], mask, call.get("scale"), bool(call.get("is_causal"))
        )
        self.factors.append(Factor(self.running[-1], weights, True, True, rounding))

    def _product(self, first: Tensor, second: Tensor) -> None:
        for factor, other in ((first, second), (second.mT, first)):
            if not isinstance(factor, Tensor) or not factor.is_floating_point():
                continue
            storages = {x.untyped_storage().data_ptr() for x in (factor, other)}
            if storages & self.parameters or factor.numel() > LARGEST:
                continue
            rounding = 8 * torch.finfo(torch.float32).eps * self.highest
            certain = is_attention(factor)
            self.factors.append(Factor(self.running[-1], factor.clone(), False, certain, rounding))


def highest_of(scores: Tensor) -> float:
    """Return the size of the scores that are not hidden."""
    if not scores.numel() or not scores.is_floating_point():
        return 0.0
    size = scores.detach().abs().float()
    visible_sizes = size[size < 1e30]
    return float(visible_sizes.max()) if visible_sizes.numel() else 0.0


def is_attention(factor: Tensor) -> bool:
    """Tell whether rows are shares that sum to 1, more than one of them in some row."""
    if not bool((factor >= 0).all()):
        return False
    sums = factor.double().sum(-1)
    whole = ((sums - 1).abs() < 1e-4) | (sums == 0)
    shared = (factor > 1e-3).sum(-1) > 1
    return bool(whole.all() and (sums > 0).any() and shared.any()) and factor.shape[-1] > 1


def softmax64(
    query: Tensor, key: Tensor, mask: Tensor | None, scale: float | None, causal: bool
) -> tuple[Tensor, float]:
    """Return float64 weights; float32 rounds the sum of scores and mask, as the kernel does.

    Returns:
        The weights [batch, heads, queries, keys], and what float32 may lose.
    """
    key = key.repeat_interleave(query.shape[1] // key.shape[1], 1)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = query.double() @ key.double().mT * scale
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, -torch.inf)
    elif mask is not None:
        scores = (scores.float() + mask.float()).double()
    if causal:
        hidden = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(hidden, -torch.inf)
    rounding = 8 * torch.finfo(torch.float32).eps * highest_of(scores)
    return scores.softmax(-1).nan_to_num(0.0), rounding


@contextmanager
def watch(model: nn.Module) -> Iterator[Oracle]:
    """Watch a model with an oracle; the encoder's fast path is off."""
    oracle = Oracle(model)
    stack = oracle.running

    def enter(module: nn.Module, args: Any) -> None:
        name = oracle.names.get(id(module))
        stack.append(stack[-1] if name is None else name)
        if name is not None and name not in oracle.ran:
            oracle.ran.append(name)

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        if len(stack) > 1:
            stack.pop()

    hooks: list[Any] = [
        nn.modules.module.register_module_forward_pre_hook(enter),
        nn.modules.module.register_module_forward_hook(leave, always_call=True),
    ]
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), oracle:
            yield oracle
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
        for hook in hooks:
            hook.remove()
