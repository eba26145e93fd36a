"""Small sizes for configurations of transformers, by the names of their fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

FEW: dict[str, Any] = {
    **dict.fromkeys(
        (
            "num_hidden_layers", "encoder_layers", "decoder_layers", "num_layers", "n_layer",
            "n_layers", "depth", "num_encoder_layers", "num_decoder_layers", "num_blocks",
            "num_self_attends_per_block", "encoder_num_layers", "decoder_num_layers",
            "num_temporal_layers", "vision_layers", "detector_layers", "decoder_num_hidden_layers",
            "num_hidden_groups", "num_local_layers", "num_cross_layers",
        ),
        2,
    ),
    "depths": [1, 1, 1, 1],
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "moe_num_experts": 4,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "num_queries": 10,
    "num_mtp_layers": 0,
    "num_nextn_predict_layers": 0,
    "max_window_layers": 1,
}  # fmt: skip
"""How many there are of what is repeated."""
NARROW: dict[str, Any] = {
    **dict.fromkeys(
        (
            "hidden_size", "d_model", "n_embd", "embed_dim", "dim", "encoder_hidden_size",
            "decoder_hidden_size", "encoder_embed_dim", "decoder_embed_dim", "hidden_dim",
            "embedding_size", "text_hidden_size", "out_hidden_size", "vision_width", "width",
            "decoder_d_model", "output_hidden_size", "lru_width", "encoder_hidden_dim", "emb_dim",
        ),
        64,
    ),
    **dict.fromkeys(
        (
            "num_attention_heads", "encoder_attention_heads", "decoder_attention_heads", "n_head",
            "n_heads", "num_heads", "encoder_num_attention_heads", "decoder_num_attention_heads",
            "attention_heads", "num_attn_heads", "detector_attention_heads",
        ),
        4,
    ),
    **dict.fromkeys(
        (
            "intermediate_size", "encoder_ffn_dim", "decoder_ffn_dim", "d_ff", "ffn_dim",
            "mlp_dim", "n_inner", "moe_intermediate_size", "dim_feedforward", "hidden_dim_ffn",
            "shared_expert_intermediate_size", "decoder_intermediate_size", "ffn_hidden_size",
        ),
        96,
    ),
    "num_key_value_heads": 2,
    "encoder_num_key_value_heads": 2,
    "decoder_num_key_value_heads": 2,
    "head_dim": 16,
    "attention_head_size": 16,
    "d_kv": 16,
    "kv_lora_rank": 16,
    "q_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 16,
    "projection_dim": 32,
}  # fmt: skip
"""Widths, and heads that fit to them."""
SHORT: dict[str, Any] = {
    "vocab_size": 64,
    "max_position_embeddings": 64,
    "n_positions": 64,
    "max_source_positions": 20,
    "max_target_positions": 32,
    "type_vocab_size": 2,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
    "forced_eos_token_id": None,
    "image_size": 64,
    "patch_size": 16,
    "num_mel_bins": 16,
    "context_length": 16,
    "prediction_length": 4,
    "sliding_window": 6,
    "attention_window": 6,
    "local_radius": 7,
    "query_pre_attn_scalar": 16,
    "conv_dim": [16, 16, 16],
    "conv_stride": [4, 2, 2],
    "conv_kernel": [8, 3, 3],
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "num_feat_extract_layers": 3,
}
"""Vocabularies, lengths, images and sounds."""
GIVEN_BY_OTHERS = ("layer_types", "mlp_layer_types", "layers_block_type", "no_rope_layers")


def small_config(kind: Any) -> Iterator[Any]:
    """Yield configurations of a class, the smallest first, but for those that it refuses."""
    smallest = FEW | NARROW | SHORT
    ungrouped = {"num_key_value_heads": 4, "qk_head_dim": 16, "rotary_dim": 8, "head_dim": 8}
    wide = {"hidden_size": 512, "head_dim": 128}  # rotary angles of three axes fill 128
    for sizes in (smallest, smallest | ungrouped, smallest | wide, FEW | SHORT, FEW):
        try:
            yield kind(**arguments(kind, sizes, depth=0))
        except Exception:
            continue


def arguments(kind: Any, sizes: dict[str, Any], depth: int) -> dict[str, Any]:
    """Return keywords of a configuration class, and of the configurations within it."""
    fields = getattr(kind, "__dataclass_fields__", {})
    renamed = {new: old for old, new in getattr(kind, "attribute_map", {}).items()}
    keywords: dict[str, Any] = {}
    for name, field in fields.items():
        value = sizes.get(name, sizes.get(renamed.get(name, name)))
        default = field.default
        if value is None and name not in sizes:
            continue
        if isinstance(default, list | tuple) and not isinstance(value, list | tuple):
            value = [value] * len(default)
        if isinstance(value, list) and isinstance(default, int):
            continue
        if default is None and name not in SHORT and name not in NARROW:
            continue  # derived from others
        keywords[name] = value
    if depth < 3:
        keywords |= within(kind, sizes, depth)
    return keywords


def within(kind: Any, sizes: dict[str, Any], depth: int) -> dict[str, Any]:
    """Return keywords for the configurations that a configuration holds."""
    names = getattr(kind, "sub_configs", {})
    if not names:
        return {}
    try:
        default = kind()
    except Exception:
        return {}
    keywords = {}
    for name in names:
        part = getattr(default, name, None)
        if part is not None and hasattr(part, "model_type"):
            smaller = {**arguments(type(part), sizes, depth + 1), "model_type": part.model_type}
            names_to_keep = ("backbone", "features_only", "out_indices", "use_pretrained_backbone")
            smaller |= {x: getattr(part, x) for x in names_to_keep if hasattr(part, x)}
            keywords[name] = smaller
    return keywords
