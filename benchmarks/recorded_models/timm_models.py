"""timm's vision transformers and hybrids, as small as their names have them, or smaller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .libraries import Subject, library, liveliest

SMALL: dict[str, dict[str, Any]] = {
    "vit_tiny_patch16_224": {"img_size": 64, "depth": 3},
    "vit_small_patch16_rope_224": {"img_size": 64, "depth": 2},
    "vit_relpos_small_patch16_224": {"img_size": 64, "depth": 2},
    "vit_srelpos_small_patch16_224": {"img_size": 64, "depth": 2},
    "vit_base_patch16_siglip_224": {"img_size": 64, "depth": 2},
    "vit_base_patch16_gap_224": {"img_size": 64, "depth": 2},
    "vit_small_patch16_dinov3": {"img_size": 64, "depth": 2},
    "vit_small_patch14_reg4_dinov2": {"img_size": 70, "depth": 2},
    "samvit_base_patch16_224": {"img_size": 64, "depth": 3},
    "deit_tiny_distilled_patch16_224": {"img_size": 64, "depth": 2},
    "deit3_small_patch16_224": {"img_size": 64, "depth": 2},
    "beit_base_patch16_224": {"img_size": 64, "depth": 2},
    "beitv2_base_patch16_224": {"img_size": 64, "depth": 2},
    "eva02_tiny_patch14_224": {"img_size": 56, "depth": 2},
    "flexivit_small": {"img_size": 64, "depth": 2},
    "cait_xxs24_224": {"img_size": 64, "depth": 2},
    "xcit_nano_12_p16_224": {"img_size": 64, "depth": 2},
    "swin_tiny_patch4_window7_224": {"depths": (2, 2, 2, 2)},
    "swin_s3_tiny_224": {"depths": (2, 2, 2, 2)},
    "swinv2_tiny_window8_256": {"img_size": 128, "depths": (2, 2, 2, 2)},
    "swinv2_cr_tiny_ns_224": {"depths": (2, 2, 2, 2)},
    "maxvit_rmlp_pico_rw_256": {},
    "maxvit_tiny_tf_224": {},
    "coatnet_nano_rw_224": {},
    "coatnet_rmlp_nano_rw_224": {},
    "coat_lite_tiny": {},
    "coat_tiny": {},
    "crossvit_tiny_240": {},
    "davit_tiny": {"depths": (1, 1, 2, 1)},
    "edgenext_xx_small": {},
    "efficientformer_l1": {},
    "efficientformerv2_s0": {},
    "efficientvit_b0": {},
    "efficientvit_m0": {},
    "fasternet_t0": {},
    "fastvit_sa12": {},
    "fastvit_mci0": {},
    "gcvit_xxtiny": {},
    "hgnet_tiny": {},
    "hiera_tiny_224": {},
    "inception_next_atto": {},
    "levit_128s": {},
    "mobilevit_xxs": {},
    "mobilevitv2_050": {},
    "mvitv2_tiny": {},
    "nest_tiny_jx": {},
    "nextvit_small": {},
    "pit_ti_224": {},
    "pvt_v2_b0": {},
    "repvit_m0_9": {},
    "sequencer2d_s": {},
    "tiny_vit_5m_224": {},
    "tnt_s_patch16_224": {"depth": 2},
    "twins_pcpvt_small": {"depths": (1, 1, 1, 1)},
    "twins_svt_small": {"depths": (1, 1, 2, 1)},
    "visformer_tiny": {},
    "volo_d1_224": {},
    "convit_tiny": {"depth": 3},
    "botnet26t_256": {},
    "halonet26t": {},
    "lambda_resnet26t": {},
    "bat_resnext26ts": {},
    "sehalonet33ts": {},
    "resnet50_clip": {},
    "shvit_s1": {},
    "starnet_s1": {},
    "mobilenetv4_hybrid_medium": {},
    "rdnet_tiny": {},
    "vitamin_small_224": {},
    "naflexvit_base_patch16_gap": {"depth": 2},
    "csatv2": {},
}


def names() -> list[str]:
    """Return those that this version has."""
    timm = library("timm")
    return [name for name in SMALL if timm.is_model(name)]


def settings(name: str) -> list[tuple[str, Callable[[], Subject]]]:
    """Return the fused way, and the written-out one where a model has both."""
    return [
        ("", lambda: subject(name, fused=True)),
        ("explicit", lambda: subject(name, fused=False)),
    ]


def subject(name: str, *, fused: bool) -> Subject:
    """Return a model of that name and two images."""
    timm = library("timm")
    timm.layers.set_fused_attn(fused)

    def make() -> Subject:
        torch.manual_seed(0)
        model = timm.create_model(name, **SMALL[name]).eval()
        size = getattr(model, "default_cfg", {}).get("input_size", (3, 224, 224))
        edge = SMALL[name].get("img_size", size[-1])
        return Subject(model, {}, 2, (torch.randn(2, 3, edge, edge),))

    return liveliest(make, (1.0, 0.5))
