"""Real tokens alone: what is computed without padding is what is computed with it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from clearhead.config import TransformerConfig
from clearhead.nn.fast.packing import Packing, packing_of
from clearhead.nn.transformer import Transformer

SETTINGS = [
    {"positions": "sinusoidal"},
    {"positions": "learned", "norm_place": "after"},
    {"positions": "rotary", "activation": "swiglu"},
    {"positions": "relative"},
]


def texts(lengths: list[int]) -> Tensor:
    """Return random ids of these lengths, padded at the end."""
    ids = torch.randint(4, 20, (len(lengths), max(lengths)))
    for row, length in enumerate(lengths):
        ids[row, length:] = 0
    return ids


@given(st.lists(st.integers(0, 5), min_size=1, max_size=5).filter(any))
@settings(deadline=None, max_examples=30)
def test_what_is_packed_is_unpacked_at_its_place_and_gradients_of_padding_are_zero(
    lengths: list[int],
) -> None:
    real = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    packing = Packing(real)
    x = torch.randn(*real.shape, 3, dtype=torch.float64, requires_grad=True)
    packed = packing.pack(x)
    assert torch.equal(packed, x[real])
    assert torch.equal(packing.unpack(packed)[real], x[real])
    assert torch.equal(packing.columns, real.nonzero()[:, 1])
    (packing.unpack(packed) * real[..., None]).square().sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, 2 * x.detach() * real[..., None])


@pytest.mark.parametrize("fields", SETTINGS, ids=lambda fields: str(fields["positions"]))
def test_hidden_vectors_and_gradients_are_those_of_the_padded_batch(fields: dict) -> None:
    torch.manual_seed(0)
    config = TransformerConfig(
        vocab_size=20, d_model=8, num_heads=2, encoder_layers=2, decoder_layers=2,
        feed_forward_dim=16, max_length=16, **fields,
    )  # fmt: skip
    model = Transformer(config).double().eval()
    source, target = texts([7, 1, 4, 3]), texts([2, 6, 5, 1])
    real = target != 0
    results = []
    for hidden in (
        lambda: model.hidden_rows(source, target, real),
        lambda: model.hidden(source, target)[real],
    ):
        model.zero_grad()
        rows = hidden()
        rows.square().sum().backward()
        gradients = [parameter.grad for parameter in model.parameters()]
        results.append((rows.detach(), gradients))
    (packed, packed_gradients), (padded, gradients) = results
    torch.testing.assert_close(packed, padded, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(packed_gradients, gradients, rtol=1e-10, atol=1e-12)


def test_padding_is_not_computed() -> None:
    config = TransformerConfig(
        vocab_size=20, d_model=8, num_heads=2, encoder_layers=1, decoder_layers=1,
        feed_forward_dim=16, max_length=16,
    )  # fmt: skip
    model = Transformer(config)
    rows = []
    for name in ("encoder", "decoder"):
        model.get_submodule(f"{name}.layers.0.feed_forward").register_forward_hook(
            lambda _module, inputs, _output: rows.append(inputs[0].shape[:-1].numel())
        )
    source, target = texts([7, 1, 4, 3]), texts([2, 6, 5, 1])
    model.hidden_rows(source, target, target != 0)
    assert rows == [15, 14]
    model.hidden(source, target)
    assert rows[2:] == [28, 24]


def test_a_batch_with_hardly_any_padding_stays_as_it_is() -> None:
    real = torch.ones(10, 10, dtype=torch.bool)
    assert packing_of(real) is None
    real[0, 9] = False
    assert packing_of(real) is None
    real[1, 5:] = False
    packing = packing_of(real)
    assert packing is not None
    assert len(packing.rows) == 94
