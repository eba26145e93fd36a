"""Stock models whose scores are more than a product, a scale and a mask."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tests.maps.families.comparing import (  # noqa: E402
    assert_maps,
    ids,
    lively,
    padding,
    recorded,
    self_maps,
)

SMALL = {
    "vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 48, "max_position_embeddings": 64, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
DISENTANGLED = {
    **SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
}  # fmt: skip
V3 = {
    **DISENTANGLED, "position_buckets": 4, "norm_rel_ebd": "layer_norm", "share_att_key": True,
}  # fmt: skip
MODELS = {
    "DeBERTa v1, default": ("Deberta", SMALL),
    "DeBERTa v1, disentangled": ("Deberta", DISENTANGLED),
    "DeBERTa v2, default": ("DebertaV2", SMALL),
    "DeBERTa v2, keys of positions of their own": ("DebertaV2", {**V3, "share_att_key": False}),
    "DeBERTa v3": ("DebertaV2", V3),
    "BigBird, original_full": ("BigBird", {**SMALL, "attention_type": "original_full"}),
}
SUM = "a sum of several products"


def build(name: str, settings: dict[str, Any]) -> torch.nn.Module:
    config = getattr(transformers, f"{name}Config")(**settings)
    return lively(getattr(transformers, f"{name}Model")(config))


def check(model: Any, inputs: dict[str, Any], pattern: str, note: str = "") -> None:
    recording = recorded(model, inputs)
    with torch.no_grad():
        truth = model(**inputs, output_attentions=True).attentions
    assert not recording.refusals
    assert_maps(recording, self_maps(pattern, truth))
    for one in recording.values():
        assert any(note in text for text in one.source.notes) == bool(note)


@pytest.mark.parametrize("lengths", [(9, 9), (9, 4)])
@pytest.mark.parametrize("name", MODELS)
def test_encoders(name, lengths):
    inputs = {"input_ids": ids(2, 9), "attention_mask": padding(lengths)}
    check(build(*MODELS[name]), inputs, "encoder.layer.{}.attention.self")


@pytest.mark.parametrize("lengths", [(9, 9), (9, 4)])
def test_speecht5_adds_a_product_of_queries_and_positions(lengths):
    two_stacks = {
        f"{stack}_{size}": number
        for stack in ("encoder", "decoder")
        for size, number in (("layers", 2), ("attention_heads", 4), ("ffn_dim", 48))
    }
    model = build("SpeechT5", {"hidden_size": 32, "vocab_size": 64, **two_stacks})
    frames = torch.randn(2, 9, 32, generator=torch.Generator().manual_seed(0))
    inputs = {"hidden_states": frames, "attention_mask": padding(lengths)}
    check(model.encoder.wrapped_encoder, inputs, "layers.{}.attention", SUM)


@pytest.mark.parametrize("lengths", [(9, 9), (9, 4)])
def test_the_first_gpt_multiplies_scores_with_its_mask(lengths):
    settings = {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
    model = build("OpenAIGPT", settings)
    inputs = {"input_ids": ids(2, 9), "attention_mask": padding(lengths)}
    check(model, inputs, "h.{}.attn")


RECURRENT = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2}
OTHER_KINDS = {
    "Rwkv": ({"attention_hidden_size": 32, "context_length": 32}, "blocks.{}.attention", "RWKV"),
    "Mamba": ({"state_size": 4}, "layers.{}.mixer", "a state space"),
    "Mamba2": (
        {"state_size": 4, "num_heads": 4, "head_dim": 16, "n_groups": 1, "chunk_size": 4},
        "layers.{}.mixer",
        "a state space",
    ),
}


@pytest.mark.parametrize("name", OTHER_KINDS)
def test_what_has_no_weights_is_refused_as_what_it_is(name):
    settings, pattern, words = OTHER_KINDS[name]
    config = getattr(transformers, f"{name}Config")(**RECURRENT, **settings)
    model = getattr(transformers, f"{name}Model")(config).eval()
    recording = recorded(model, {"input_ids": ids(2, 9), "use_cache": False})
    assert list(recording.refusals) == [pattern.format(0), pattern.format(1)]
    for refusal in recording.refusals.values():
        assert f"by its class {words}" in refusal.why
