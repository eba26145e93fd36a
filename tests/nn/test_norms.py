"""Norms, by hand and against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from clearhead.config import TransformerConfig
from clearhead.config_parts import AttentionConfig
from clearhead.nn.norms import LayerNorm, RMSNorm, make_head_norm, make_norm


def test_a_layer_norm_by_hand() -> None:
    norm = LayerNorm(4, 0.0)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, 2.0, 1.0, 1.0]))
        norm.bias[3] = 5
    # Mean 3 and variance (4 + 0 + 0 + 4) / 4 = 2.
    expected = torch.tensor([-(2**0.5), 0.0, 0.0, 2**0.5 + 5])
    torch.testing.assert_close(norm(torch.tensor([1.0, 3.0, 3.0, 5.0])), expected)


def test_a_root_mean_square_norm_by_hand() -> None:
    norm = RMSNorm(2, 0.0)
    with torch.no_grad():
        norm.weight[1] = 2
    # The mean of 1 and 49 is 25, whose root is 5.
    torch.testing.assert_close(norm(torch.tensor([1.0, 7.0])), torch.tensor([0.2, 2.8]))


@pytest.mark.parametrize("epsilon", [1e-5, 1.0])
@pytest.mark.parametrize("kind", ["layer", "rms"])
def test_they_are_pytorchs(kind: str, epsilon: float) -> None:
    config = TransformerConfig(
        vocab_size=9, d_model=6, num_heads=2, norm=kind, norm_epsilon=epsilon
    )
    ours = make_norm(config)
    theirs = (nn.LayerNorm if kind == "layer" else nn.RMSNorm)(6, eps=epsilon)
    assert isinstance(ours, LayerNorm if kind == "layer" else RMSNorm)
    for parameter in ours.parameters():
        nn.init.normal_(parameter)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 6)
    torch.testing.assert_close(ours(x), theirs(x))
    half = ours(x.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), theirs(x), rtol=0.05, atol=0.05)


def test_the_norm_of_a_head() -> None:
    """It is a root-mean-square norm whatever the model's other norms are, as wide as a head."""
    plain = TransformerConfig(vocab_size=9, d_model=6, num_heads=2, norm="layer")
    x = torch.randn(2, 3)
    assert make_head_norm(plain)(x) is x
    config = plain.replace(attention={"head_norm": True, "head_dim": 5})
    assert config.attention == AttentionConfig(head_norm=True, head_dim=5)
    norm = make_head_norm(config)
    assert isinstance(norm, RMSNorm)
    assert norm.weight.shape == (5,)
    assert norm.epsilon == config.norm_epsilon
