"""Which models there are to record, by library."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from .libraries import Subject

DEFAULT = ""
LIBRARIES = {
    "transformers": "transformers_models",
    "timm": "timm_models",
    "diffusers": "diffusers_models",
    "torchvision": "vision_models",
    "open_clip": "open_clip_models",
    "x_transformers": "x_transformers_models",
    "vit_pytorch": "vit_pytorch_models",
}
"""Import names, and the module here that knows their models."""
DISTRIBUTIONS = {
    "open_clip": "open_clip_torch",
    "x_transformers": "x-transformers",
    "vit_pytorch": "vit-pytorch",
}
"""Names on the package index, where they are others."""

Settings = list[tuple[str, Callable[[], Subject]]]


def _module(library: str) -> ModuleType:
    return import_module(f".{LIBRARIES[library]}", __package__)


def names(library: str, *, quick: bool = False) -> list[str]:
    """Return a library's models, all that this benchmark can build, or a few."""
    all_names: list[str] = _module(library).names()
    return all_names[: 2 if quick else None]


def settings(library: str, name: str) -> Settings:
    """Return the ways to run a model: a name, and a function that makes model and inputs."""
    ways: Settings = _module(library).settings(name)
    return ways
