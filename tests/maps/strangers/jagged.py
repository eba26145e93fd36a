"""Nested tensors under record, for a process of its own: an abort ends it, and nothing else.

    python -m tests.maps.strangers.jagged

Prints a line for each mode and form: ``MODE NAME right``, ``MODE NAME refused`` or what is wrong.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clearhead.maps.recorder.record import record
from tests.maps.strangers.judge import MODES, Model

HEADS, WIDTH = 4, 8


class Nested(nn.Module):
    """Self-attention over texts of unlike lengths, whichever way."""

    def __init__(self, attend: Callable[..., Any]) -> None:
        super().__init__()
        self.to_qkv = nn.Linear(HEADS * WIDTH, 3 * HEADS * WIDTH)
        self.num_heads, self.attend = HEADS, attend

    def forward(self, x: Any) -> Any:
        q, k, v = (
            t.contiguous().unflatten(-1, [HEADS, WIDTH]).transpose(1, 2)
            for t in self.to_qkv(x).chunk(3, -1)
        )
        return self.attend(q, k, v)


def fused(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


def one_by_one(q, k, v):
    rows = zip(*(t.transpose(1, 2).unbind() for t in (q, k, v)), strict=True)
    return torch.nested.as_nested_tensor([attend(*row) for row in rows], layout=torch.jagged)


def attend(q, k, v):
    """[length, heads, width] each."""
    q, k, v = (t.transpose(0, 1) for t in (q, k, v))
    return (torch.softmax(q @ k.mT / WIDTH**0.5, -1) @ v).transpose(0, 1).contiguous()


class NoAttention(nn.Module):
    """Nothing to read, and nothing to stumble over."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(HEADS * WIDTH, 48), nn.GELU(), nn.LayerNorm(48))

    def forward(self, x: Any) -> Any:
        return self.layers(x).sum(-1, keepdim=True)


def texts(layout: Any, *lengths: int) -> Any:
    generator = torch.Generator().manual_seed(1)
    rows = [torch.randn(n, HEADS * WIDTH, generator=generator) for n in lengths]
    return torch.nested.nested_tensor(rows, layout=layout)


def encoder() -> nn.Module:
    """Its fast path makes nested tensors of padded texts."""
    layer = nn.TransformerEncoderLayer(HEADS * WIDTH, HEADS, 48, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=True).eval()


def rows_of(output: Any) -> list[Tensor]:
    if isinstance(output, Tensor) and output.is_nested:
        return [x.detach() for x in output.unbind()]
    return [output.detach()]


FORMS: dict[str, Callable[[], tuple[nn.Module, tuple[Any, ...]]]] = {
    "no attention": lambda: (NoAttention(), (texts(torch.jagged, 12, 5),)),
    "fused": lambda: (Model(Nested(fused)), (texts(torch.jagged, 12, 5),)),
    "fused, three texts": lambda: (Model(Nested(fused)), (texts(torch.jagged, 3, 9, 1),)),
    "fused, equal lengths": lambda: (Model(Nested(fused)), (texts(torch.jagged, 6, 6),)),
    "fused, one text": lambda: (Model(Nested(fused)), (texts(torch.jagged, 7),)),
    "text by text": lambda: (Model(Nested(one_by_one)), (texts(torch.jagged, 12, 5),)),
    "encoder, padded": lambda: (
        encoder(),
        (torch.randn(2, 6, HEADS * WIDTH), None, torch.arange(6) >= torch.tensor([[6], [4]])),
    ),
}
"""A model and its inputs."""


def truth_of(model: Model, x: Any) -> list[Tensor]:
    """Float64["heads length length"] of each text."""
    layer = model.attention.to_qkv
    matches = []
    for row in x.unbind():
        qkv = row.double() @ layer.weight.double().T + layer.bias.double()
        q, k, _ = (t.unflatten(-1, (HEADS, WIDTH)).transpose(0, 1) for t in qkv.chunk(3, -1))
        scores = q @ k.mT / WIDTH**0.5
        matches.append(scores.softmax(-1).detach())
    return matches


def holds(recording: Any, truth: list[Tensor]) -> bool:
    """Whether the maps of all calls together show each text's weights, padding or not."""
    maps = recording.calls("attention")
    rows = [one.dense()[i] for one in maps for i in range(one.shape[0])]
    if len(rows) != len(truth):
        return False
    for row, weights in zip(rows, truth, strict=True):
        length = weights.shape[-1]
        if (row[:, :length, :length] - weights).abs().max() > 1e-5 or row[..., length:].any():
            return False
    return True


def verdict(form: str, mode: str) -> str:
    """Recorded, and held against the truth."""
    torch.manual_seed(0)
    model, inputs = FORMS[form]()
    with MODES[mode]():
        try:
            plain = rows_of(model(*inputs))
        except (RuntimeError, NotImplementedError) as error:
            return f"skipped: PyTorch itself: {error}"
        with record(model) as recording:
            recorded_output = rows_of(model(*inputs))
    if not all(torch.equal(x, y) for x, y in zip(plain, recorded_output, strict=True)):
        return "changed its output"
    if isinstance(model, NoAttention):
        return "false attention" if recording.keys() else "right"
    if not recording.keys():
        return "silent"
    if recording.refusals:
        return "refused" if all(one.why for one in recording.refusals.values()) else "no reason"
    if not isinstance(model, Model):
        return "right"  # tests/maps/test_encoder_fast_path.py knows its weights
    return "right" if holds(recording, truth_of(model, inputs[0])) else "wrong"


if __name__ == "__main__":
    for mode, name in itertools.product(MODES, FORMS):
        try:
            answer = verdict(name, mode)
        except Exception as error:
            answer = f"raised {type(error).__name__}: {str(error).splitlines()[0]}"
        print(mode, name, answer.splitlines()[0], sep="\t", flush=True)
