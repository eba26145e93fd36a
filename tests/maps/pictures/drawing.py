"""A map to draw, and what a test asks of the picture."""

from __future__ import annotations

import torch

from clearhead.maps.attention_map import AttentionMap
from clearhead.maps.storage.provenance import Source


def make_map(length=6, heads=4, key_len=None, seed=0, **settings):
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(2, heads, length, 8, generator=generator)
    key = torch.randn(2, heads, key_len or length, 8, generator=generator)
    return AttentionMap.of(query, key, source=Source(module="layers.3.self_attn"), **settings)


def image_of(axes):
    (image,) = axes.get_images()
    return image


def panels(figure):
    return [axes for axes in figure.axes if axes.get_visible() and axes.get_label() != "<colorbar>"]


def hatched(axes):
    return [patch for patch in axes.patches if patch.get_hatch()]


def texts_of(axis):
    return [label.get_text() for label in axis.get_ticklabels()]
