"""The fused vocabulary loss: PyTorch's value and gradients, the peers' values, small memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from clearhead.config import TransformerConfig
from clearhead.nn.soft_cap import soft_cap
from clearhead.nn.transformer import Transformer
from clearhead.text.batches import Batch, make_batch
from clearhead.training.loss import CHUNK_POSITIONS, linear_cross_entropy
from clearhead.training.step import batch_loss


def inputs(
    positions: int, width: int, vocab: int, seed: int = 0, dtype: torch.dtype = torch.float64
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(positions, width, generator=generator, dtype=dtype).requires_grad_()
    weight = torch.randn(vocab, width, generator=generator, dtype=dtype).requires_grad_()
    return hidden, weight, torch.randint(vocab, (positions,), generator=generator)


@given(
    st.integers(1, 7),
    st.integers(1, 5),
    st.integers(2, 30),
    st.sampled_from([0.0, 0.1, 0.4, 0.99]),
    st.booleans(),
    st.sampled_from([None, 0.7, 20.0]),
    st.integers(0, 99),
)
def test_value_and_gradients_are_pytorchs(
    positions: int,
    width: int,
    vocab: int,
    smoothing: float,
    biased: bool,
    softcap: float | None,
    seed: int,
) -> None:
    hidden, weight, targets = inputs(positions, width, vocab, seed)
    bias = torch.randn(vocab, dtype=torch.float64).requires_grad_() if biased else None
    leaves = (hidden, weight) if bias is None else (hidden, weight, bias)
    logits = F.linear(hidden, weight, bias)
    logits = logits if softcap is None else softcap * torch.tanh(logits / softcap)
    expected = F.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="sum")
    gradients = torch.autograd.grad(expected, leaves, retain_graph=True)
    plain = F.cross_entropy(logits, targets, reduction="sum")
    options: dict[str, Any] = {"bias": bias, "softcap": softcap, "label_smoothing": smoothing}
    loss = linear_cross_entropy(hidden, weight, targets, **options)
    torch.testing.assert_close(loss.smoothed, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(loss.plain, plain, rtol=1e-12, atol=1e-12)
    ours = torch.autograd.grad(loss.smoothed, leaves)
    torch.testing.assert_close(ours, gradients, rtol=1e-11, atol=1e-12)
    with torch.no_grad():
        alone = linear_cross_entropy(hidden, weight, targets, **options)
    torch.testing.assert_close(torch.stack(alone), torch.stack(loss).detach())


@pytest.mark.parametrize("softcap", [None, 3.0])
@pytest.mark.parametrize("extra", [0, 1, CHUNK_POSITIONS - 1])
def test_chunks_change_nothing(extra: int, softcap: float | None) -> None:
    hidden, weight, targets = inputs(CHUNK_POSITIONS + extra, 3, 11)
    logits = soft_cap(hidden @ weight.T, softcap)
    expected = F.cross_entropy(logits, targets, label_smoothing=0.1, reduction="sum")
    loss = linear_cross_entropy(hidden, weight, targets, softcap=softcap, label_smoothing=0.1)
    torch.testing.assert_close(loss.smoothed, expected, rtol=1e-12, atol=0)
    ours = torch.autograd.grad(loss.smoothed, (hidden, weight))
    theirs = torch.autograd.grad(expected, (hidden, weight))
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_the_gradient_is_scaled_by_what_comes_from_above() -> None:
    hidden, weight, targets = inputs(5, 4, 9)
    loss = linear_cross_entropy(hidden, weight, targets, label_smoothing=0.2)
    once = torch.autograd.grad(loss.smoothed, (hidden, weight), retain_graph=True)
    scaled = torch.autograd.grad(loss.smoothed / 8, (hidden, weight))
    torch.testing.assert_close(scaled, tuple(g / 8 for g in once))
    assert not loss.plain.requires_grad


def test_without_gradients_the_values_are_the_same() -> None:
    hidden, weight, targets = inputs(CHUNK_POSITIONS + 3, 4, 9)
    with_gradients = linear_cross_entropy(hidden, weight, targets, label_smoothing=0.1)
    with torch.no_grad():
        without = linear_cross_entropy(hidden, weight, targets, label_smoothing=0.1)
    torch.testing.assert_close(without.smoothed, with_gradients.smoothed.detach())
    torch.testing.assert_close(without.plain, with_gradients.plain)


@pytest.mark.parametrize("far", [50.0, 88.0, 95.0, 200.0, 2000.0])
def test_a_target_all_but_impossible_still_costs_what_it_should(far: float) -> None:
    """Its probability is below float32's numbers; its loss is not."""
    hidden = torch.tensor([[far], [0.0]], requires_grad=True)
    weight = torch.tensor([[1.0], [0.0]], requires_grad=True)
    loss = linear_cross_entropy(hidden, weight, torch.tensor([1, 1]))
    assert float(loss.plain) == pytest.approx(far + math.log(2), rel=1e-6)


def test_joeynmt_label_smoothing() -> None:
    """JoeyNMT's test: 5 classes, padding is class 0, smoothing 0.4, loss 2.1326.

    There 0.4 is spread over the three classes that are neither target nor padding, and the loss
    is the divergence from the smoothed target, so its entropy is taken off. Here smoothing is
    spread over all classes, the target among them. With padding's logit left out, four classes
    remain: 0.4 / 3 for each other class is s / 4 with s = 4/3 * 0.4, and then the target has
    1 - s + s / 4 = 0.6, JoeyNMT's number. Padding keeps 0.1 of the probability in its table,
    which log-probabilities over four classes divide among them: that adds log(0.9) each.
    """
    logits = torch.tensor([0.1, 0.6, 0.1, 0.1], dtype=torch.float64).log()  # classes 1 to 4
    targets = torch.tensor([2, 1, 2, 1]) - 1  # of the six positions two are padding
    hidden = torch.ones(4, 1, dtype=torch.float64)
    smoothing = 4 / 3 * 0.4
    loss = linear_cross_entropy(hidden, logits[:, None], targets, label_smoothing=smoothing)
    entropy = -(0.6 * math.log(0.6) + 0.4 * math.log(0.4 / 3))
    theirs = float(loss.smoothed) - 4 * math.log(0.9) - 4 * entropy
    assert theirs == pytest.approx(2.1326, abs=5e-5)
    # Without smoothing their value, 5.6268, is the negative log-likelihood itself.
    assert float(loss.plain) - 4 * math.log(0.9) == pytest.approx(5.6268, abs=5e-5)


# fairseq's test: seven classes, padding is class 1, two targets of two and three tokens.
FAIRSEQ_PROBABILITIES = np.array(
    [
        [0.05, 0.05, 0.1, 0.05, 0.3, 0.4, 0.05],
        [0.05, 0.10, 0.2, 0.05, 0.2, 0.3, 0.10],
        [0.05, 0.15, 0.3, 0.05, 0.1, 0.2, 0.15],
    ]
)
FAIRSEQ_TARGETS = [[4, 2], [4, 4, 2]]


def fairseq_loss(targets: list[list[int]], smoothing: float) -> tuple[float, float]:
    """Our sums over the unpadded positions of fairseq's table."""
    rows = [FAIRSEQ_PROBABILITIES[place] for row in targets for place in range(len(row))]
    logits = torch.from_numpy(np.log(rows))
    flat = torch.tensor([token for row in targets for token in row])
    identity = torch.eye(7, dtype=torch.float64)
    loss = linear_cross_entropy(logits, identity, flat, label_smoothing=smoothing)
    return float(loss.smoothed), float(loss.plain)


def test_fairseq_label_smoothing() -> None:
    """fairseq's criterion is (1 - e) nll + e / V sum over all V classes, which is ours."""
    smoothed, plain = fairseq_loss(FAIRSEQ_TARGETS, 0.1)
    nll = -math.log(0.3 * 0.2) - math.log(0.3 * 0.2 * 0.3)
    uniform = -sum(
        np.log(FAIRSEQ_PROBABILITIES[place]).sum()
        for row in FAIRSEQ_TARGETS
        for place in range(len(row))
    )
    assert plain == pytest.approx(nll)
    assert smoothed == pytest.approx(0.9 * nll + 0.1 / 7 * uniform)
    assert fairseq_loss(FAIRSEQ_TARGETS, 0.0) == pytest.approx((nll, nll))  # its test_zero_eps
    # Its test_padding: the loss of a batch is the sum of its rows' alone.
    alone = [fairseq_loss([row], 0.1)[0] for row in FAIRSEQ_TARGETS]
    assert smoothed == pytest.approx(sum(alone))


class Largest(TorchDispatchMode):
    """The most elements that any operation's result had."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(value, torch.Tensor):
                self.elements = max(self.elements, value.numel())
        return result


@pytest.mark.parametrize("softcap", [None, 30.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_of_all_positions_never_exist(dtype: torch.dtype, softcap: float | None) -> None:
    positions, vocab = 4 * CHUNK_POSITIONS, 1000
    hidden, weight, targets = inputs(positions, 4, vocab, dtype=torch.float32)
    with Largest() as largest:
        loss = linear_cross_entropy(
            hidden.to(dtype), weight, targets, softcap=softcap, label_smoothing=0.1
        )
        loss.smoothed.backward()
    assert largest.elements == CHUNK_POSITIONS * vocab
    assert weight.grad is not None
    assert weight.grad.dtype == torch.float32


def test_bfloat16_is_near_float64() -> None:
    hidden, weight, targets = inputs(300, 64, 50, dtype=torch.float32)
    exact = F.cross_entropy(
        hidden.bfloat16().double() @ weight.bfloat16().double().T, targets, reduction="sum"
    )
    loss = linear_cross_entropy(hidden.bfloat16(), weight, targets)
    assert float(loss.plain) == pytest.approx(float(exact.detach()), rel=2e-3)
    assert loss.plain.dtype == torch.float32


CONFIG = TransformerConfig(
    vocab_size=30, d_model=8, num_heads=2, encoder_layers=1, decoder_layers=1,
    feed_forward_dim=16, max_length=20, dropout=0.0,
)  # fmt: skip


def pair_batch(*lengths: tuple[int, int]) -> Batch:
    rng = np.random.default_rng(3)
    sources, targets = zip(
        *((rng.integers(3, 30, s), rng.integers(3, 30, t)) for s, t in lengths), strict=True
    )
    return make_batch(sources, targets)


def test_padded_positions_take_no_part() -> None:
    torch.manual_seed(1)
    model = Transformer(CONFIG).double()
    lengths = [(4, 3), (2, 9), (12, 1)]
    together = pair_batch(*lengths)
    assert (together.target_output == 0).any()
    rows = [
        Batch(
            together.source[i : i + 1, : s + 1],
            together.target_input[i : i + 1, : t + 1],
            together.target_output[i : i + 1, : t + 1],
        )
        for i, (s, t) in enumerate(lengths)
    ]
    loss = batch_loss(model, together, 0.1)
    alone = [batch_loss(model, row, 0.1) for row in rows]
    total = torch.stack([part.smoothed for part in alone]).sum()
    torch.testing.assert_close(loss.smoothed, total)
    parameters = list(model.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(loss.smoothed, parameters), torch.autograd.grad(total, parameters)
    )


def test_all_that_is_around_the_output_matrix_takes_part() -> None:
    """Scale, transform, bias and softcap: the loss is that of the model's own logits."""
    torch.manual_seed(1)
    output = {"scale": 0.5, "transform": "gelu", "bias": True, "softcap": 2.0, "tied": False}
    model = Transformer(CONFIG.replace(output=output)).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    batch = pair_batch((4, 3), (2, 9))
    source, target, expected_ids = map(
        torch.from_numpy, (batch.source, batch.target_input, batch.target_output)
    )
    expected = F.cross_entropy(
        model(source, target).flatten(0, 1), expected_ids.flatten(), ignore_index=0, reduction="sum"
    )
    loss = batch_loss(model, batch, 0.0)
    torch.testing.assert_close(loss.smoothed, expected)
    parameters = list(model.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(loss.smoothed, parameters), torch.autograd.grad(expected, parameters)
    )
