"""open_clip's towers, two layers each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .libraries import Subject, library, liveliest

VISION = {"image_size": 64, "layers": 2, "width": 64, "head_width": 16, "patch_size": 16}
TEXT = {"context_length": 12, "vocab_size": 64, "width": 64, "heads": 4, "layers": 2}
CLIPS: dict[str, tuple[str, dict[str, Any]]] = {
    "CLIP": ("CLIP", {}),
    "CLIP, pooled by attention": ("CLIP", {"vision_cfg": {"attentional_pool": True}}),
    "CLIP, custom text": ("CustomTextCLIP", {}),
    "CoCa": (
        "CoCa",
        {
            "multimodal_cfg": {**TEXT, "context_length": 12},
            "vision_cfg": {
                "attentional_pool": True,
                "attn_pooler_heads": 4,
                "output_tokens": True,
            },
            "text_cfg": {"embed_cls": True, "output_tokens": True},
        },
    ),
}


def names() -> list[str]:
    """Return the ways to put two towers together."""
    library("open_clip")
    return list(CLIPS)


def settings(name: str) -> list[tuple[str, Callable[[], Subject]]]:
    """Return the one way to run them."""
    return [("", lambda: subject(name))]


def subject(name: str) -> Subject:
    """Return a model, two images and two texts."""
    open_clip = library("open_clip")
    kind, more = CLIPS[name]

    def make() -> Subject:
        torch.manual_seed(0)
        configuration = {
            "embed_dim": 64,
            "vision_cfg": {**VISION, **more.get("vision_cfg", {})},
            "text_cfg": {**TEXT, **more.get("text_cfg", {})},
        }
        if "multimodal_cfg" in more:
            configuration["multimodal_cfg"] = more["multimodal_cfg"]
        home = open_clip.coca_model if kind == "CoCa" else open_clip.model
        model = getattr(home, kind)(**configuration).eval()
        texts = torch.randint(1, 60, (2, 12))
        return Subject(model, {"image": torch.randn(2, 3, 64, 64), "text": texts})

    return liveliest(make, (1.4, 1.0))
