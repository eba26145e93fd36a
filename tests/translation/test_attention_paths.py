from __future__ import annotations

import pytest

import clearhead
from clearhead.translation.attention_paths import PARTS


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_traced_under_its_path(model_folder, part):
    trace = clearhead.trace("I like tea.", model=model_folder, target="la gare")
    path = PARTS[part].format(layer=1)
    assert f"{path}.weights" in trace
    queries, keys = trace[f"{path}.weights"].shape[-2:]
    source, target = trace["encoder.tokens"].shape[1], trace["decoder.tokens"].shape[1]
    assert queries == (source if part == "encoder" else target)
    assert keys == (target if part == "decoder" else source)
