"""Models with an encoder and a decoder: three kinds of attention, told apart."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.maps.families.comparing import (  # noqa: E402
    assert_maps,
    decoder_maps,
    ids,
    own_attentions,
    padding,
    recorded,
    self_maps,
)
from tests.maps.families.models import model  # noqa: E402

BART = (
    "model.encoder.layers.{}.self_attn",
    "model.decoder.layers.{}.self_attn",
    "model.decoder.layers.{}.encoder_attn",
)
NAMES = {
    "t5": (
        "encoder.block.{}.layer.0.SelfAttention",
        "decoder.block.{}.layer.0.SelfAttention",
        "decoder.block.{}.layer.1.EncDecAttention",
    ),
    "marian": BART,
    "bart": BART,
    "whisper": BART,
}


def inputs_of(family: str, source: tuple[int, ...], target: tuple[int, ...]) -> dict:
    """Padded on the right, as batches of pairs are."""
    common = {
        "decoder_input_ids": ids(len(target), max(target), seed=2),
        "decoder_attention_mask": padding(target),
        "use_cache": False,
    }
    if family == "whisper":  # two frames a position, and no padding: sound is filled with silence
        generator = torch.Generator().manual_seed(0)
        return {**common, "input_features": torch.randn(len(target), 8, 24, generator=generator)}
    return {**common, "input_ids": ids(len(source), max(source)), "attention_mask": padding(source)}


def expected(family: str, truth) -> dict:
    encoder, own, cross = NAMES[family]
    return self_maps(encoder, truth.encoder_attentions) | decoder_maps(
        own, cross, truth.decoder_attentions, truth.cross_attentions
    )


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("family", list(NAMES))
@pytest.mark.parametrize(
    ("source", "target"),
    [((9, 5), (7, 4)), ((7, 7), (7, 7))],
    ids=["padded", "of one length, so that shapes tell nothing"],
)
def test_encoder_decoder_and_cross_attention(family, implementation, source, target):
    network = model(family)
    network.set_attn_implementation(implementation)
    inputs = inputs_of(family, source, target)
    recording = recorded(network, inputs)
    assert_maps(recording, expected(family, own_attentions(network, inputs)))


def test_an_encoder_alone():
    """Of a stack that is called by itself, names are the model's that was given."""
    encoder = model("t5").get_encoder()
    encoder.set_attn_implementation("sdpa")
    inputs = {"input_ids": ids(2, 9), "attention_mask": padding((9, 5))}
    recording = recorded(encoder, inputs)
    truth = own_attentions(encoder, inputs).attentions
    assert_maps(recording, self_maps("block.{}.layer.0.SelfAttention", truth))
    whole = model("t5")
    whole.set_attn_implementation("sdpa")
