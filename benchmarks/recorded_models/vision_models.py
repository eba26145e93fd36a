"""torchvision's transformers."""

from __future__ import annotations

from collections.abc import Callable

import torch

from .libraries import Subject, library, liveliest

IMAGES = {
    "vit_b_32": (3, 224, 224),
    "swin_t": (3, 64, 64),
    "swin_v2_t": (3, 64, 64),
    "maxvit_t": (3, 224, 224),
}
VIDEOS = {
    "mvit_v2_s": (3, 16, 224, 224),
    "swin3d_t": (3, 8, 64, 64),
}


def names() -> list[str]:
    """Return models of images and of videos."""
    library("torchvision")
    return [*IMAGES, *VIDEOS]


def settings(name: str) -> list[tuple[str, Callable[[], Subject]]]:
    """Return the one way to run them."""
    return [("", lambda: subject(name))]


def subject(name: str) -> Subject:
    """Return a model with one video, as those have many patches, or two images."""
    torchvision = library("torchvision")
    from torchvision import models

    video = name in VIDEOS
    make_model = getattr(models.video if video else torchvision.models, name)
    shape = VIDEOS[name] if video else IMAGES[name]
    batch = 1 if name.startswith("mvit") else 2

    def make() -> Subject:
        torch.manual_seed(0)
        return Subject(make_model().eval(), {}, batch, (torch.randn(batch, *shape),))

    return liveliest(make, (1.0, 0.5))
