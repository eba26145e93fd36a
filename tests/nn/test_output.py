"""What of the output is its own: nothing, a matrix, a bias, or both."""

from __future__ import annotations

from typing import Any

import pytest

from clearhead.config import TransformerConfig
from clearhead.nn.output import Output


@pytest.mark.parametrize(
    ("settings", "shapes"),
    [
        ({}, {}),
        ({"output": {"bias": True}}, {"bias": (9,)}),
        ({"tied_embeddings": False}, {"weight": (9, 8)}),
        ({"tied_embeddings": False, "output": {"tied": True}}, {}),
        ({"output": {"tied": False, "bias": True}}, {"weight": (9, 8), "bias": (9,)}),
    ],
)
def test_its_parameters(settings: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> None:
    config = TransformerConfig.from_dict({"vocab_size": 9, "d_model": 8, **settings})
    output = Output(config)
    assert {name: tuple(value.shape) for name, value in output.named_parameters()} == shapes
    assert (output.weight is None) == ("weight" not in shapes)
    assert (output.bias is None) == ("bias" not in shapes)
