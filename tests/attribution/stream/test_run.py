"""A run of which the stream is kept."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from clearhead.attribution.stream.nodes import Linear  # noqa: E402
from clearhead.attribution.stream.run import stream_run  # noqa: E402
from clearhead.errors import ShapeError  # noqa: E402
from tests.attribution.models import linear_model  # noqa: E402

IDS = torch.tensor([[3, 1, 4]])


def test_names_layers_and_places():
    stream = stream_run(linear_model(), IDS, "A test")
    assert isinstance(stream.node, Linear)
    assert stream.name == "LinearModel"
    assert stream.layer_of(("", "layers.1", "layers.1.attention")) == 1
    assert stream.layer_of(("", "embed")) is None
    assert stream.attention_of(("", "layers.1", "layers.1.attention")) == "layers.1.attention"
    assert stream.attention_of(("", "layers.1")) is None
    assert stream.places(0, -1).position == 2
    with pytest.raises(ShapeError, match="position must be from -3 to 2 here; it is 3"):
        stream.places(0, 3)


def test_without_attention_nothing_is_recorded():
    stream = stream_run(linear_model(), IDS, "A test", attention=False)
    assert stream.recording is None
    assert stream.attention_of(("layers.0.attention",)) is None
