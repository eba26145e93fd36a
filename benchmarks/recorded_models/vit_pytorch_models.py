"""vit-pytorch: many variants of vision transformers, each in a file of its own."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch

from .libraries import Subject, library, liveliest

SIZE = {"image_size": 64, "patch_size": 16, "num_classes": 10, "dim": 64}
PLAIN = {**SIZE, "depth": 2, "heads": 4, "mlp_dim": 96}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "vit.ViT": ("vit", PLAIN),
    "simple_vit.SimpleViT": ("simple_vit", PLAIN),
    "simple_flash_attn_vit.SimpleViT": ("simple_flash_attn_vit", PLAIN),
    "simple_vit_with_qk_norm.SimpleViT": ("simple_vit_with_qk_norm", PLAIN),
    "simple_vit_with_register_tokens.SimpleViT": ("simple_vit_with_register_tokens", PLAIN),
    "deepvit.DeepViT": ("deepvit", PLAIN),
    "cait.CaiT": ("cait", {**PLAIN, "cls_depth": 1}),
    "t2t.T2TViT": (
        "t2t",
        {k: v for k, v in PLAIN.items() if k != "patch_size"}
        | {"t2t_layers": ((7, 4), (3, 2), (3, 2))},
    ),
    "rvt.RvT": ("rvt", {**PLAIN}),
    "parallel_vit.ViT": ("parallel_vit", PLAIN),
    "learnable_memory_vit.ViT": ("learnable_memory_vit", PLAIN),
    "vit_for_small_dataset.ViT": ("vit_for_small_dataset", PLAIN),
    "look_vit.LookViT": (
        "look_vit",
        {**SIZE, "depth": 2, "heads": 4, "mlp_factor": 2, "highres_patch_size": 8,
         "highres_mlp_factor": 2, "cross_attn_heads": 4, "cross_attn_dim_head": 16,
         "patch_conv_kernel_size": 7},
    ),
    "pit.PiT": ("pit", {**PLAIN, "depth": (1, 1)}),
    "cross_vit.CrossViT": (
        "cross_vit",
        {"image_size": 64, "num_classes": 10, "sm_dim": 64, "lg_dim": 64, "depth": 1,
         "sm_patch_size": 8},
    ),
    "levit.LeViT": (
        "levit",
        {"image_size": 64, "num_classes": 10, "dim": 64, "depth": 1, "heads": 4, "mlp_mult": 2,
         "stages": 2},
    ),
    "cct.CCT": (
        "cct",
        {"img_size": 64, "embedding_dim": 64, "num_layers": 2, "num_heads": 4, "num_classes": 10},
    ),
    "crossformer.CrossFormer": (
        "crossformer",
        {"num_classes": 10, "dim": (32, 64, 64, 64), "depth": (1, 1, 1, 1),
         "global_window_size": (4, 2, 2, 1), "local_window_size": 2},
    ),
    "max_vit.MaxViT": (
        "max_vit",
        {"num_classes": 10, "dim": 32, "depth": (1, 1), "dim_head": 16, "window_size": 4},
    ),
    "regionvit.RegionViT": (
        "regionvit",
        {"num_classes": 10, "dim": (32, 64, 64, 64), "depth": (1, 1, 1, 1)},
    ),
    "xcit.XCiT": ("xcit", {**PLAIN, "cls_depth": 1}),
}  # fmt: skip
"""Module and settings; the class is the name's second half."""


def names() -> list[str]:
    """Return those that this version has."""
    library("vit_pytorch")
    return list(MODELS)


def settings(name: str) -> list[tuple[str, Callable[[], Subject]]]:
    """Return the one way to run them."""
    return [("", lambda: subject(name))]


def subject(name: str) -> Subject:
    """Return a model and two images."""
    library("vit_pytorch")
    home, configuration = MODELS[name]
    kind = getattr(import_module(f"vit_pytorch.{home}"), name.rpartition(".")[2])

    def make() -> Subject:
        torch.manual_seed(0)
        model = kind(**configuration).eval()
        edge = 224 if home == "regionvit" else 64
        return Subject(model, {}, 2, (torch.randn(2, 3, edge, edge),))

    return liveliest(make)
