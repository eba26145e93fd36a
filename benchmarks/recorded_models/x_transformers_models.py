"""x-transformers: one decoder or encoder, by its many settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .libraries import Subject, library, liveliest

SIZE = {"dim": 64, "depth": 2, "heads": 4, "attn_dim_head": 16}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "flash": {"attn_flash": True},
    "rotary": {"rotary_pos_emb": True},
    "alibi": {"alibi_pos_bias": True, "alibi_num_heads": 2},
    "T5 bias": {"rel_pos_bias": True},
    "dynamic bias": {"dynamic_pos_bias": True, "dynamic_pos_bias_log_distance": False},
    "one head of keys": {"attn_one_kv_head": True},
    "grouped": {"attn_kv_heads": 2},
    "memory": {"attn_num_mem_kv": 4},
    "talking heads": {"attn_pre_talking_heads": True, "attn_post_talking_heads": True},
    "talking heads before": {"attn_pre_talking_heads": True},
    "sparse topk": {"attn_sparse_topk": 4},
    "normed queries and keys": {"attn_qk_norm": True},
    "normed, with scale": {"attn_qk_norm": True, "attn_qk_norm_dim_scale": True},
    "gated values": {"attn_gate_values": True},
    "gated heads": {"attn_gate_value_heads": True},
    "on attention": {"attn_on_attn": True},
    "softclamped": {"attn_softclamp_logits": True},
    "null keys": {"attn_add_zero_kv": True},
    "sigmoid": {"attn_sigmoid": True},
    "cosine": {"attn_qk_norm": True, "attn_qk_norm_groups": 4},
    "shifted tokens": {"shift_tokens": 1},
    "sandwich": {"sandwich_norm": True},
    "residual attention": {"residual_attn": True},
    "forgetting": {"attn_data_dependent_alibi": True},
    "selective": {"attn_selective": True},
    "CoPE": {"attn_use_cope": True},
    "hybrid": {"macaron": True},
    "laser": {"attn_laser": True},
    "value residual": {"attn_value_residual": True, "add_value_residual": True},
    "differential": {"attn_qk_norm": False, "attn_l2_distance": True},
    "head learned scale": {"attn_head_scale": True},
}
TWO_STACKS = "encoder and decoder"


def names() -> list[str]:
    """Return settings by name."""
    library("x_transformers")
    return [*SETTINGS, TWO_STACKS]


def settings(name: str) -> list[tuple[str, Callable[[], Subject]]]:
    """Return a decoder, and an encoder that masks its padding."""
    if name == TWO_STACKS:
        return [("", two_stacks)]
    return [
        ("", lambda: subject(name, causal=True)),
        ("encoder", lambda: subject(name, causal=False)),
    ]


def subject(name: str, *, causal: bool) -> Subject:
    """Return a model and two texts, the second shorter."""
    x_transformers = library("x_transformers")

    def make() -> Subject:
        torch.manual_seed(0)
        kind = x_transformers.Decoder if causal else x_transformers.Encoder
        layers = kind(**SIZE, **SETTINGS[name])
        model = x_transformers.TransformerWrapper(
            num_tokens=64, max_seq_len=32, attn_layers=layers
        ).eval()
        mask = torch.arange(12) < torch.tensor([[12], [9]])
        return Subject(model, {"x": torch.randint(1, 60, (2, 12)), "mask": mask})

    return liveliest(make)


def two_stacks() -> Subject:
    """Return a translation model."""
    x_transformers = library("x_transformers")

    def make() -> Subject:
        torch.manual_seed(0)
        sizes = {
            f"{side}_{key}": value
            for side in ("enc", "dec")
            for key, value in {"num_tokens": 64, "depth": 2, "heads": 4, "max_seq_len": 32}.items()
        }
        model = x_transformers.XTransformer(dim=64, **sizes).eval()
        texts = torch.randint(1, 60, (2, 12)), torch.randint(1, 60, (2, 8))
        return Subject(model, {}, 2, texts)

    return liveliest(make)
