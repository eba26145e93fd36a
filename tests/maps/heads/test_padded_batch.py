"""Texts of a padded batch add up to what they give one by one, in models as they pad."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.maps.recorder.record import record

transformers = pytest.importorskip("transformers")


def model_of(kind: str) -> torch.nn.Module:
    torch.manual_seed(0)
    if kind == "bert":
        config = transformers.BertConfig(
            vocab_size=30, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=16, max_position_embeddings=32, initializer_range=0.5,
        )  # fmt: skip
        return transformers.BertModel(config).eval()
    config = transformers.LlamaConfig(
        vocab_size=30, hidden_size=32, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=16, initializer_range=0.5,
    )  # fmt: skip
    return transformers.LlamaModel(config).eval()


@pytest.mark.parametrize(
    ("kind", "side"), [("llama", "left"), ("llama", "right"), ("bert", "right")]
)
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_padding_changes_nothing(kind: str, side: str, implementation: str) -> None:
    model = model_of(kind)
    model.set_attn_implementation(implementation)
    texts = [torch.randint(1, 30, (length,)) for length in (24, 15)]
    batch = torch.zeros(2, 24, dtype=torch.int64)
    for row, text in zip(batch, texts, strict=True):
        row[slice(-len(text), None) if side == "left" else slice(len(text))] = text
    mask = (batch > 0).long()
    with torch.no_grad():
        with record(model) as recording:
            model(batch, attention_mask=mask)
        one_by_one = []
        for text in texts:
            with record(model) as single:
                model(text[None])
            one_by_one.append(single.heads(ids=text[None]))
    padded = recording.heads(ids=batch, mask=mask)
    single = one_by_one[0] + one_by_one[1]
    assert padded.texts == single.texts == 2
    (name,) = padded.sums
    for measure, total in single.sums[name].totals.items():
        np.testing.assert_array_equal(
            padded.sums[name].counts[measure], single.sums[name].counts[measure]
        )
        np.testing.assert_allclose(padded.sums[name].totals[measure], total, atol=2e-5)
