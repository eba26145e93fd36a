"""FlexAttention's operator, called without torch.compile."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ConfigError
from tests.maps.attending import Calls, dense, recorded

flex = pytest.importorskip("torch.nn.attention.flex_attention")

torch.manual_seed(0)
Q, K = torch.randn(1, 4, 16, 8), torch.randn(1, 2, 16, 8)
SLOPES = torch.rand(4)
DISTANCE = (torch.arange(16)[:, None] - torch.arange(16)).abs()
MODIFICATIONS = {
    "none": (None, {}),
    "alibi": (
        lambda score, b, h, i, j: score - SLOPES[h] * (i - j).abs(),
        {"mask": -SLOPES[:, None, None] * DISTANCE},
    ),
    "softcap": (lambda score, b, h, i, j: 5 * torch.tanh(score / 5), {"softcap": 5.0}),
}


def model_with(score_mod):
    def causal(b, h, i, j):
        return i >= j

    mask = flex.create_block_mask(causal, None, None, 16, 16, device="cpu")
    return Calls(
        lambda: flex.flex_attention(Q, K, K, score_mod=score_mod, block_mask=mask, enable_gqa=True)
    )


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("name", MODIFICATIONS)
def test_score_mod_and_mask_mod_are_read(name):
    score_mod, truth = MODIFICATIONS[name]
    model = model_with(score_mod)
    one = recorded(model, model)[""]
    assert one.source.kernel == "flex attention"
    expected = dense(Q, K, causal=True, **truth)
    torch.testing.assert_close(one.dense().double(), expected, rtol=0, atol=3e-6)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_a_score_mod_cannot_be_saved(tmp_path):
    model = model_with(MODIFICATIONS["softcap"][0])
    recording = recorded(model, model)
    with pytest.raises(ConfigError, match="score_mod is a Python function"):
        recording.save(tmp_path / "one.safetensors")
    assert not list(tmp_path.iterdir())
