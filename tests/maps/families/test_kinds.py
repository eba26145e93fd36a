"""Self or cross in stock models whose modules are called in their own ways."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.maps.families.comparing import recorded

IDS = torch.arange(3, 10)[None]
LXMERT = {
    "vocab_size": 64, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 48,
    "l_layers": 1, "x_layers": 1, "r_layers": 1, "visual_feat_dim": 10, "visual_pos_dim": 4,
}  # fmt: skip
PERCEIVER = {
    "num_latents": 6, "d_latents": 16, "d_model": 12, "num_blocks": 1,
    "num_self_attends_per_block": 2, "num_self_attention_heads": 2,
    "num_cross_attention_heads": 2,
}  # fmt: skip
Q_FORMER = {
    "vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 48, "encoder_hidden_size": 24, "cross_attention_frequency": 2,
}  # fmt: skip


def build(name: str, settings: dict[str, Any]) -> torch.nn.Module:
    import transformers

    config = getattr(transformers, f"{name}Config")(**settings)
    return getattr(transformers, f"{name}Model")(config).eval()


def kinds(recording: Any) -> dict[str, set[str]]:
    return {name: {one.source.kind for one in recording.calls(name)} for name in recording}


@pytest.mark.parametrize("objects", [5, 7])
def test_lxmert_hands_the_same_sequence_twice_to_self_attention(objects):
    inputs = {
        "input_ids": IDS,
        "visual_feats": torch.randn(1, objects, 10),
        "visual_pos": torch.randn(1, objects, 4),
    }
    recording = recorded(build("Lxmert", LXMERT), inputs)
    assert kinds(recording) == {
        "encoder.layer.0.attention.self": {"self"},
        "encoder.r_layers.0.attention.self": {"self"},
        "encoder.x_layers.0.visual_attention.att": {"cross"},
        "encoder.x_layers.0.lang_self_att.self": {"self"},
        "encoder.x_layers.0.visn_self_att.self": {"self"},
    }


@pytest.mark.parametrize("length", [9, 6])
def test_perceiver_attends_from_its_latents(length):
    recording = recorded(build("Perceiver", PERCEIVER), {"inputs": torch.randn(1, length, 12)})
    assert kinds(recording) == {
        "encoder.cross_attention.attention.self": {"cross"},
        "encoder.self_attends.0.attention.self": {"self"},
        "encoder.self_attends.1.attention.self": {"self"},
    }


@pytest.mark.parametrize("length", [9, 12])
def test_a_q_former_attends_to_images(length):
    inputs = {
        "query_embeds": torch.randn(1, 12, 32),
        "encoder_hidden_states": torch.randn(1, length, 24),
    }
    kind_by_module = kinds(recorded(build("Blip2QFormer", Q_FORMER), inputs))
    assert {name.rsplit(".", 2)[1]: kind for name, kind in kind_by_module.items()} == {
        "attention": {"self"},
        "crossattention": {"cross"},
    }


@pytest.mark.parametrize("queries", [4, 5])
@pytest.mark.parametrize("family", ["DabDetr", "ConditionalDetr", "Detr"])
def test_detection_transformers_project_before_they_attend(family, queries):
    from transformers import ResNetConfig

    backbone = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1] * 4, layer_type="basic",
        out_features=["stage4"],
    )  # fmt: skip
    settings = {
        "backbone_config": backbone, "encoder_layers": 1, "decoder_layers": 1,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 16,
        "decoder_ffn_dim": 16, "num_queries": queries, "use_timm_backbone": False,
        "use_pretrained_backbone": False, "hidden_size" if family == "DabDetr" else "d_model": 16,
    }  # fmt: skip
    try:
        model = build(family, settings)
    except (ImportError, ModuleNotFoundError) as error:  # a backbone's libraries are missing
        pytest.skip(str(error))
    kind_by_module = kinds(recorded(model, {"pixel_values": torch.randn(1, 3, 64, 64)}))
    assert list(kind_by_module.values()) == [{"self"}, {"self"}, {"cross"}]
