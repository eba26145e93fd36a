from __future__ import annotations

import pytest

from clearhead.errors import ConfigError
from clearhead.explorer.contract.parts import attention_path, check_head, layers_of
from clearhead.reference.weights import expected_shapes
from tests.reference.models import small_config

CONFIG = small_config(encoder_layers=3, decoder_layers=1, num_heads=4)


def test_a_part_has_the_layers_of_its_side():
    parts = ("encoder", "decoder", "cross")
    assert [layers_of(part, CONFIG) for part in parts] == [3, 1, 1]
    for part in parts:
        for layer in range(layers_of(part, CONFIG)):
            assert f"{attention_path(part, layer)}.query.weight" in expected_shapes(CONFIG)
    assert attention_path("cross", 1) == "decoder.layers.1.cross_attention"


@pytest.mark.parametrize("head", [("encoder", 2, 3), ("cross", 0, 0)])
def test_a_head_that_is_there_passes(head):
    check_head(*head, CONFIG)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (("encoder", 3, 0), r"encoder attention has 3 layers, so .* between 0 and 2; it is 3\."),
        (("cross", 1, 0), r"cross attention has 1 layer, so .* between 0 and 0; it is 1\."),
        (("decoder", 0, 4), r"Each layer has 4 heads, so head must be between 0 and 3; it is 4\."),
        (("decoder", 0, -1), r"so head must be between 0 and 3; it is -1\."),
    ],
)
def test_a_head_that_is_not_there_is_refused_with_how_many_there_are(head, words):
    with pytest.raises(ConfigError, match=words):
        check_head(*head, CONFIG)
