"""FlexAttention's arguments, by place and by name."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from clearhead.maps.recorder.kernels import flex_arguments  # noqa: E402


def test_by_place_and_by_name():
    query, key, value = torch.zeros(3, 4, 5, 2), torch.ones(1, 2, 6, 2), torch.ones(1, 2, 6, 3)
    captures = (torch.ones(4),)

    def mask_mod(batch, head, query, key):
        return query >= key

    args = (query, key, value, abs, (5, 6, mask_mod), 0.5, {})
    call = flex_arguments(args, {"mask_mod_other_buffers": captures})
    assert (call.scale, call.score_mod, call.mask_mod) == (0.5, abs, mask_mod)
    assert (call.score_captures, call.mask_captures) == ((), captures)
    assert (call.key.shape, call.value.shape) == ((3, 2, 6, 2), (3, 2, 6, 3))
    names = ("query", "key", "value", "score_mod", "block_mask", "scale")
    again = flex_arguments((), {**dict(zip(names, args, strict=False)), "key": query})
    assert again.key is query
