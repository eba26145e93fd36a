"""The fused kernel with every form of mask, and with batch and heads in every order."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from clearhead.interventions.attention.fused import is_packed
from tests.interventions.attention.forms import EDITS, assert_exact

GENERATOR = torch.Generator().manual_seed(0)
ALLOWED = torch.rand(2, 4, 5, 5, generator=GENERATOR) < 0.7
ALLOWED |= torch.eye(5).bool()
BIAS = torch.randn(1, 4, 5, 5, generator=GENERATOR)
PADDING = torch.tensor([[1, 1, 1, 1, 1], [0, 1, 1, 1, 1]]).bool()[:, None, None]


def fused(**settings):
    def form(q, k, v):
        mask = settings.get("attn_mask")
        more = (
            {"attn_mask": mask.to(q.dtype)}
            if mask is not None and mask.dtype.is_floating_point
            else {}
        )
        return F.scaled_dot_product_attention(q, k, v, **{**settings, **more})

    return form


def heads_first(q, k, v):
    q, k, v = (x.transpose(0, 1).contiguous() for x in (q, k, v))
    mask = ALLOWED.transpose(0, 1)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(0, 1)


def merged(q, k, v):
    q, k, v = (x.flatten(0, 1) for x in (q, k, v))
    out = F.scaled_dot_product_attention(q, k, v, ALLOWED.flatten(0, 1), scale=0.3)
    return out.unflatten(0, (-1, 4))


FORMS = {
    "causal": fused(is_causal=True),
    "no mask": fused(scale=0.7),
    "of each head": fused(attn_mask=ALLOWED),
    "of all": fused(attn_mask=ALLOWED[0, 0]),
    "of keys": fused(attn_mask=PADDING),
    "bias": fused(attn_mask=BIAS),
    "three axes": fused(attn_mask=BIAS[0]),
    "heads first": heads_first,
    "merged": merged,
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_exact(form, edit):
    assert_exact(form, edit)


def test_packed_heads():
    query, key = torch.zeros(2, 2, 3, 8), torch.zeros(2, 2, 9, 8)
    assert is_packed(query, key, [6], 1)
    assert not is_packed(query, key, [6], 3)
    assert not is_packed(query, key, [2], 1)
    assert not is_packed(query[:, :, :1], key, [6], 1)
