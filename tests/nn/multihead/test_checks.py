"""What the drop-in refuses, word by word as PyTorch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from clearhead.errors import ShapeError
from tests.nn.multihead.pairs import BATCH, QUERY_LEN, WIDTH, pair, random_inputs


def bad_calls() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """What the layer is made with, and what it is called with."""
    x, flat = torch.zeros(4, 2, WIDTH), torch.zeros(4, WIDTH)
    kwargs = {"key": x, "value": x}
    hidden = torch.zeros(4, 4, dtype=torch.bool)
    wide = torch.zeros(4, 2, 5)
    return {
        "query 1-D": ({}, {"query": flat[0], **kwargs}),
        "query 4-D": ({}, {"query": x[None], **kwargs}),
        "key 2-D": ({}, {"query": x, "key": flat, "value": x}),
        "value 2-D": ({}, {"query": x, "key": x, "value": flat}),
        "unbatched key 3-D": ({}, {"query": flat, "key": x, "value": flat}),
        "padding 1-D": ({}, {"query": x, **kwargs, "key_padding_mask": hidden[0]}),
        "unbatched padding 2-D": (
            {},
            {"query": flat, "key": flat, "value": flat, "key_padding_mask": hidden},
        ),
        "mask 1-D": ({}, {"query": x, **kwargs, "attn_mask": hidden[0]}),
        "unbatched mask 1-D": (
            {},
            {"query": flat, "key": flat, "value": flat, "attn_mask": hidden[0]},
        ),
        "unbatched mask 3-D": (
            {},
            {"query": flat, "key": flat, "value": flat, "attn_mask": hidden[None]},
        ),
        "integer mask": ({}, {"query": x, **kwargs, "attn_mask": hidden.int()}),
        "integer padding": ({}, {"query": x, **kwargs, "key_padding_mask": hidden[:2].int()}),
        "causal without a mask": ({}, {"query": x, **kwargs, "is_causal": True}),
        "query width": ({}, {"query": wide, **kwargs}),
        "key and value shapes": ({}, {"query": x, "key": x, "value": x[:3]}),
        "key and value, batch first": (
            {"batch_first": True},
            {"query": x, "key": x, "value": x[:, :1]},
        ),
        "separate, lengths": (
            {"kdim": 5, "vdim": 5},
            {"query": x, "key": wide, "value": wide[:3]},
        ),
        "separate, key width": ({"kdim": 6, "vdim": 5}, {"query": x, "key": wide, "value": wide}),
        "separate, value width": ({"kdim": 5, "vdim": 6}, {"query": x, "key": wide, "value": wide}),
        "key width": ({}, {"query": x, "key": wide, "value": wide}),
        "mask 2-D shape": ({}, {"query": x, **kwargs, "attn_mask": hidden[:3]}),
        "mask 3-D shape": ({}, {"query": x, **kwargs, "attn_mask": hidden.expand(5, 4, 4)}),
        "padding batch": ({}, {"query": x, **kwargs, "key_padding_mask": hidden}),
        "padding length": ({}, {"query": x, **kwargs, "key_padding_mask": hidden[:2, :3]}),
        "padding length, added keys": (
            {"add_bias_kv": True, "add_zero_attn": True},
            {"query": x, **kwargs, "key_padding_mask": hidden[:2, :3]},
        ),
    }


@pytest.mark.parametrize("case", bad_calls())
def test_errors_are_those_of_pytorch_word_by_word(case: str) -> None:
    options, arguments = bad_calls()[case]
    theirs, ours = pair(dtype=torch.float32, **options)
    with pytest.raises((AssertionError, RuntimeError)) as expected:
        theirs(**arguments)
    with pytest.raises(type(expected.value)) as actual:
        ours(**arguments)
    assert str(actual.value) == str(expected.value)
    if case != "key width":  # the one that the matrix product itself refuses
        assert isinstance(actual.value, ShapeError)


def test_a_batch_of_keys_that_is_not_the_queries_says_so() -> None:
    _, ours = pair(batch_first=True)
    query, key, _ = random_inputs(ours, kind="memory")
    with pytest.raises(RuntimeError, match="query has a batch of 2, but key and value have one of"):
        ours(query, key[:1], key[:1])


def test_masks_of_two_kinds_get_pytorchs_warning() -> None:
    _, ours = pair()
    hidden = torch.zeros(BATCH, QUERY_LEN, dtype=torch.bool)
    mask = torch.zeros(QUERY_LEN, QUERY_LEN, dtype=torch.float64)
    with pytest.warns(UserWarning, match="mismatched key_padding_mask and attn_mask is deprecated"):
        ours(*random_inputs(ours), key_padding_mask=hidden, attn_mask=mask)
