"""Denoisers of diffusers: U-Nets and transformers for images and video, in tiny sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .libraries import Subject, library, liveliest

BLOCKS = {
    "block_out_channels": (32, 64),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "layers_per_block": 1,
    "norm_num_groups": 8,
}
HEADS = {"num_attention_heads": 4, "attention_head_dim": 16}
IMAGE = {"in_channels": 4, "out_channels": 4, "sample_size": 16, "patch_size": 2}
SD3 = {
    **HEADS,
    **IMAGE,
    "num_layers": 2,
    "caption_projection_dim": 64,
    "joint_attention_dim": 32,
    "pooled_projection_dim": 64,
    "pos_embed_max_size": 16,
}


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def text(width: int, *, padded: bool = True) -> dict[str, Tensor]:
    """Return a text for each image, the second one shorter."""
    mask = torch.ones(2, 7)
    mask[1, 5:] = 0
    masks = {"encoder_attention_mask": mask} if padded else {}
    return {"encoder_hidden_states": noise(2, 7, width), **masks}


STEP = torch.tensor([7, 7])
PLACES: dict[str, Any] = {"img_ids": torch.rand(16, 3).round(), "txt_ids": torch.zeros(7, 3)}


def _sd3_inputs() -> dict[str, Any]:
    return {
        "hidden_states": noise(2, 4, 16, 16),
        "timestep": STEP,
        "pooled_projections": noise(2, 64),
        **text(32, padded=False),
    }


MODELS: dict[str, tuple[str, dict[str, Any], Callable[[], dict[str, Any]]]] = {
    "UNet2DCondition": (
        "UNet2DConditionModel",
        {**BLOCKS, "sample_size": 16, "cross_attention_dim": 32, "attention_head_dim": 8},
        lambda: {"sample": noise(2, 4, 16, 16), "timestep": 3, **text(32)},
    ),
    "UNet2D": (
        "UNet2DModel",
        {
            "sample_size": 16,
            "block_out_channels": (32, 64),
            "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
            "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
            "layers_per_block": 1,
            "norm_num_groups": 8,
        },
        lambda: {"sample": noise(2, 3, 16, 16), "timestep": 3},
    ),
    "AutoencoderKL": (
        "AutoencoderKL",
        {
            "block_out_channels": (32,),
            "down_block_types": ("DownEncoderBlock2D",),
            "up_block_types": ("UpDecoderBlock2D",),
            "norm_num_groups": 8,
        },
        lambda: {"sample": noise(2, 3, 16, 16)},
    ),
    "DiT": (
        "DiTTransformer2DModel",
        {**HEADS, **IMAGE, "num_layers": 2, "num_embeds_ada_norm": 20, "norm_num_groups": 8},
        lambda: {
            "hidden_states": noise(2, 4, 16, 16),
            "timestep": STEP,
            "class_labels": torch.tensor([1, 2]),
        },
    ),
    "SD3": (
        "SD3Transformer2DModel",
        SD3,
        _sd3_inputs,
    ),
    "SD3.5, dual": (
        "SD3Transformer2DModel",
        {
            **SD3,
            "dual_attention_layers": (0,),
            "qk_norm": "rms_norm",
        },
        _sd3_inputs,
    ),
    "Flux": (
        "FluxTransformer2DModel",
        {
            **HEADS,
            "in_channels": 4,
            "patch_size": 1,
            "num_layers": 1,
            "num_single_layers": 1,
            "joint_attention_dim": 32,
            "pooled_projection_dim": 32,
            "axes_dims_rope": (4, 4, 8),
        },
        lambda: {
            "hidden_states": noise(2, 16, 4),
            "timestep": STEP / 10,
            "pooled_projections": noise(2, 32),
            **text(32, padded=False),
            **PLACES,
        },
    ),
    "PixArt": (
        "PixArtTransformer2DModel",
        {
            **HEADS,
            **IMAGE,
            "num_layers": 2,
            "caption_channels": 32,
            "cross_attention_dim": 64,
            "num_embeds_ada_norm": 20,
            "norm_num_groups": 8,
            "use_additional_conditions": False,
        },
        lambda: {"hidden_states": noise(2, 4, 16, 16), "timestep": STEP, **text(32)},
    ),
    "AuraFlow": (
        "AuraFlowTransformer2DModel",
        {
            **HEADS,
            **IMAGE,
            "num_mmdit_layers": 1,
            "num_single_dit_layers": 1,
            "caption_projection_dim": 64,
            "joint_attention_dim": 32,
            "pos_embed_max_size": 64,
        },
        lambda: {
            "hidden_states": noise(2, 4, 16, 16),
            "timestep": STEP / 10,
            **text(32, padded=False),
        },
    ),
    "CogVideoX": (
        "CogVideoXTransformer3DModel",
        {
            **HEADS,
            "in_channels": 4,
            "out_channels": 4,
            "time_embed_dim": 16,
            "text_embed_dim": 32,
            "num_layers": 2,
            "sample_width": 8,
            "sample_height": 8,
            "sample_frames": 5,
            "patch_size": 2,
            "temporal_compression_ratio": 4,
            "max_text_seq_length": 7,
        },
        lambda: {
            "hidden_states": noise(2, 2, 4, 8, 8),
            "timestep": STEP,
            **text(32, padded=False),
        },
    ),
    "Wan": (
        "WanTransformer3DModel",
        {
            **HEADS,
            "in_channels": 4,
            "out_channels": 4,
            "text_dim": 32,
            "freq_dim": 32,
            "ffn_dim": 64,
            "num_layers": 2,
        },
        lambda: {
            "hidden_states": noise(2, 4, 2, 8, 8),
            "timestep": STEP,
            **text(32, padded=False),
        },
    ),
    "LTX": (
        "LTXVideoTransformer3DModel",
        {
            **HEADS,
            "in_channels": 4,
            "out_channels": 4,
            "cross_attention_dim": 64,
            "num_layers": 2,
            "caption_channels": 32,
        },
        lambda: {
            "hidden_states": noise(2, 2 * 4 * 4, 4),
            "timestep": STEP,
            "num_frames": 2,
            "height": 4,
            "width": 4,
            **text(32),
        },
    ),
    "Lumina2": (
        "Lumina2Transformer2DModel",
        {
            "sample_size": 16,
            "in_channels": 4,
            "hidden_size": 64,
            "num_layers": 2,
            "num_refiner_layers": 1,
            "num_attention_heads": 4,
            "num_kv_heads": 2,
            "multiple_of": 16,
            "axes_dim_rope": (4, 4, 8),
            "axes_lens": (64, 64, 64),
            "cap_feat_dim": 32,
        },
        lambda: {
            "hidden_states": noise(2, 4, 16, 16),
            "timestep": STEP / 10,
            "encoder_hidden_states": text(32)["encoder_hidden_states"],
            "encoder_attention_mask": text(32)["encoder_attention_mask"].bool(),
        },
    ),
    "Sana": (
        "SanaTransformer2DModel",
        {
            **HEADS,
            **IMAGE,
            "num_layers": 2,
            "num_cross_attention_heads": 4,
            "cross_attention_head_dim": 16,
            "cross_attention_dim": 64,
            "caption_channels": 32,
        },
        lambda: {"hidden_states": noise(2, 4, 16, 16), "timestep": STEP, **text(32)},
    ),
}
"""Class, configuration, inputs."""


def names() -> list[str]:
    """Return those that this version has."""
    diffusers = library("diffusers")
    return [name for name, (kind, _, _) in MODELS.items() if hasattr(diffusers, kind)]


def settings(name: str) -> list[tuple[str, Callable[[], Subject]]]:
    """Return the fused way, and for U-Nets also the written-out and the sliced one."""
    ways = ["", "explicit", "sliced"] if "UNet" in name or "Auto" in name else [""]
    return [(way, lambda way=way: subject(name, way)) for way in ways]  # type: ignore[misc]


def subject(name: str, way: str) -> Subject:
    """Return a model and its inputs, the way it attends set by its processors."""
    diffusers = library("diffusers")
    kind, configuration, inputs = MODELS[name]

    def make() -> Subject:
        torch.manual_seed(0)
        model = getattr(diffusers, kind)(**configuration).eval()
        if way:
            from diffusers.models import attention_processor as processors

            model.set_attn_processor(
                processors.AttnProcessor()
                if way == "explicit"
                else processors.SlicedAttnProcessor(2)
            )
        return Subject(model, inputs())

    return liveliest(make, (1.0, 0.5))
