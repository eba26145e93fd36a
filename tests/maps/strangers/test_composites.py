"""Operators that PyTorch makes of others, on parameters, buffers and inputs: none of them stumbles.

In inference mode they reach a recorder whole, and it runs them; views among them carry what
autograd knows of the tensor that they look at.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from clearhead.maps.recorder.record import record
from tests.maps.strangers.judge import MODES, factors, same_bits

COMPOSITES = {
    "chunk": lambda x: x.chunk(3),
    "split": lambda x: x.split(4),
    "split by sizes": lambda x: x.split([4, 8]),
    "tensor_split": lambda x: x.tensor_split(5),
    "unflatten": lambda x: x.unflatten(0, (3, 4)),
    "flatten": lambda x: x.flatten(),
    "reshape": lambda x: x.reshape(3, -1),
    "view_as": lambda x: x.view_as(x),
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "movedim": lambda x: x.movedim(0, 1),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "narrow": lambda x: x.narrow(0, 1, 5),
    "expand_as": lambda x: x[:1].expand_as(x),
    "contiguous": lambda x: x.contiguous(),
    "matmul": lambda x: x @ x.mT,
    "einsum": lambda x: torch.einsum("ij,kj->ik", x, x),
    "linear of a part": lambda x: F.linear(x, x.chunk(3)[1]),
    "unsqueezed and back": lambda x: x.unflatten(-1, (2, 4))[None].transpose(0, -2).squeeze(),
    "meshgrid": lambda x: torch.meshgrid(x[0], x[1], indexing="ij"),
    "to another type": lambda x: x.to(torch.float64),
    "type_as": lambda x: x.type_as(x),
    "numpy_T": lambda x: x.adjoint(),
    "where": lambda x: torch.where(x > 0),
}  # fmt: skip


class Holder(nn.Module):
    """Attends, and looks at a tensor that is its parameter, its buffer or given."""

    def __init__(self, look, whose: str) -> None:
        super().__init__()
        values = torch.randn(12, 8, generator=torch.Generator().manual_seed(0))
        self.parameter, self.look, self.whose = nn.Parameter(values), look, whose
        self.register_buffer("buffer", values.clone())

    def forward(self, q, k, v, argument):
        x = {"parameter": self.parameter, "buffer": self.buffer, "input": argument}[self.whose]
        view = self.look(x)
        return F.scaled_dot_product_attention(q, k, v), view


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("whose", ["parameter", "buffer", "input"])
@pytest.mark.parametrize("name", COMPOSITES)
def test_a_composite_runs_and_gives_the_same_bits(name, whose, mode):
    model = Holder(COMPOSITES[name], whose)
    inputs = (*factors((2, 4, 5, 7, 8)), torch.randn(12, 8))
    with MODES[mode]():
        plain = model(*inputs)
        with record(model) as recording:
            recorded_output = model(*inputs)
    assert same_bits(plain, recorded_output)
    assert recording.keys() == [""]
    assert not recording.refusals


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("kind", ["queries with positions", "cross", "unlike widths", "all unlike"])
def test_multi_head_attention_that_projects_each_by_itself(kind, bias, mode):
    torch.manual_seed(0)
    widths = {"kdim": 16, "vdim": 24} if kind == "unlike widths" else {}
    model = nn.MultiheadAttention(32, 4, bias=bias, **widths).eval()
    q, k, v = torch.randn(5, 2, 32), torch.randn(7, 2, 32), torch.randn(7, 2, 32)
    inputs = {
        "queries with positions": (q, q, q + 1),
        "cross": (q, k, k),
        "unlike widths": (q, k[..., :16], v[..., :24]),
        "all unlike": (q, k, v),
    }[kind]
    with MODES[mode]():
        plain = model(*inputs, need_weights=False)
        with record(model) as recording:
            recorded_output = model(*inputs, need_weights=False)
    assert same_bits(plain, recorded_output)
    assert len(recording) == 1
    assert not recording.refusals


def resized(mode, **options):
    return lambda x: F.interpolate(x, mode=mode, **options)


IMAGES = {
    **{f"{mode} to a size": resized(mode, size=(7, 5)) for mode in ("bilinear", "bicubic")},
    **{f"{mode} by a scale": resized(mode, scale_factor=2) for mode in ("bilinear", "bicubic")},
    "nearest": resized("nearest", size=(9, 3)),
    "area": resized("area", size=(3, 2)),
    "antialiased": resized("bicubic", size=(3, 3), antialias=True),
    "group norm": lambda x: F.group_norm(x, 2),
    "instance norm": F.instance_norm,
    "batch norm": lambda x: F.batch_norm(x, torch.zeros(8), torch.ones(8)),
    "padded convolution": lambda x: F.conv2d(x, torch.ones(4, 8, 3, 3) / 7, padding="same"),
    "transposed convolution": lambda x: F.conv_transpose2d(x, torch.ones(8, 4, 3, 3) / 7),
    "reflection": lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect"),
    "pixel shuffle": lambda x: F.pixel_shuffle(x, 2),
    "silu": F.silu,
    "mish": F.mish,
    "glu": lambda x: F.glu(x, 1),
    "normalize": F.normalize,
    "cosine similarity": lambda x: F.cosine_similarity(x, 2 * x + 1),
    "fft": lambda x: torch.fft.rfft(x).abs(),
    "distances": lambda x: torch.cdist(x, x),
}
"""Positions of vision transformers are resized in each pass: the bits are those without."""


def assert_same_layout(model, x, mode):
    """A recording changes neither the numbers of an output nor their strides."""
    with MODES[mode]():
        plain = model(x)
        with record(model):
            recorded_output = model(x)
    assert torch.equal(plain, recorded_output)
    assert plain.stride() == recorded_output.stride()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("last", [False, True], ids=["channels first", "channels last"])
@pytest.mark.parametrize("name", IMAGES)
def test_what_is_done_to_images_gives_the_same_bits(name, last, mode):
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(2, 8, 4, 4, generator=generator)
    if last:
        image = image.contiguous(memory_format=torch.channels_last)
    model = nn.Sequential()
    model.forward = IMAGES[name]
    assert_same_layout(model, image, mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(1, 1), (2, 2)])
def test_a_single_pixel_keeps_its_layout(size, mode):
    """Which of the layouts that fit to one pixel it has decides the kernels after it."""
    pixel = torch.randn(2, 8, 1, 1).contiguous(memory_format=torch.channels_last)
    pixel = pixel.as_strided((2, 8, 1, 1), (8, 1, 8, 8))
    model = nn.Sequential()
    model.forward = lambda x: F.interpolate(x, size=size, mode="nearest")
    assert_same_layout(model, pixel, mode)
