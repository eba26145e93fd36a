"""The drop-in against `torch.nn.MultiheadAttention`, and where it is better on purpose."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from clearhead.nn.multihead.layer import MultiheadAttention, multi_head_attention_forward
from tests.nn.multihead.pairs import (
    BATCH,
    HEADS,
    MASKS,
    QUERY_LEN,
    WIDTH,
    assert_same,
    pair,
    random_inputs,
    random_masks,
)


@given(
    options=st.fixed_dictionaries(
        {
            "bias": st.booleans(),
            "add_bias_kv": st.booleans(),
            "add_zero_attn": st.booleans(),
            "batch_first": st.booleans(),
            "kdim": st.sampled_from([None, 6]),
            "vdim": st.sampled_from([None, 10]),
        }
    ),
    attn=st.sampled_from(MASKS),
    padding=st.sampled_from(["none", "bool", "float"]),
    kind=st.sampled_from(["self", "memory", "separate"]),
    batched=st.booleans(),
    average=st.booleans(),
)
def test_results_and_gradients_are_those_of_pytorch(
    options: dict[str, Any], attn: str, padding: str, kind: str, batched: bool, average: bool
) -> None:
    """Every constructor option with every kind of mask, outputs, weights and gradients."""
    theirs, ours = pair(**options)
    if kind == "self" and (theirs.kdim != WIDTH or theirs.vdim != WIDTH):
        kind = "separate"
    if kind == "memory" and theirs.kdim != theirs.vdim:
        kind = "separate"
    inputs = random_inputs(theirs, kind=kind, batched=batched)
    key_len = inputs[1].shape[0 if not batched or not theirs.batch_first else 1]
    masks = random_masks(attn, padding, key_len, batched=batched)
    actual = []
    for layer in (theirs, ours):
        leaves = [x.clone().requires_grad_() for x in dict.fromkeys(inputs)]
        by_input = dict(zip(dict.fromkeys(inputs), leaves, strict=True))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output, weights = layer(
                *(by_input[x] for x in inputs), average_attn_weights=average, **masks
            )
        loss = (output**2).sum() + (weights**3).sum()
        grads = torch.autograd.grad(loss, [*leaves, *layer.parameters()])
        actual.append((output, weights, grads))
    assert_same(actual[1], actual[0])


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 1e-5), (torch.bfloat16, 3e-2), (torch.float16, 3e-3)],
)
def test_other_precisions(dtype: torch.dtype, tolerance: float, need_weights: bool) -> None:
    theirs, ours = pair(dtype=dtype, batch_first=True)
    inputs = random_inputs(theirs)
    output, weights = ours(*inputs, need_weights=need_weights)
    expected, expected_weights = theirs(*inputs, need_weights=need_weights)
    assert output.dtype == dtype
    assert_same(output, expected, tolerance)
    assert (weights is None) == (not need_weights)
    if need_weights:
        assert weights.dtype == dtype
        assert_same(weights, expected_weights, tolerance)


@pytest.mark.parametrize("options", [{}, {"kdim": 6, "vdim": 10}, {"add_bias_kv": True}])
def test_state_dicts_go_both_ways(options: dict[str, Any]) -> None:
    theirs, _ = pair(0, **options)
    _, ours = pair(1, **options)
    assert list(theirs.state_dict()) == list(ours.state_dict())
    before = copy.deepcopy(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())
    inputs = random_inputs(theirs, kind="separate")
    assert_same(ours(*inputs), theirs(*inputs))
    theirs.load_state_dict(before)
    assert torch.equal(theirs.out_proj.weight, before["out_proj.weight"])
    assert not torch.equal(theirs.out_proj.weight, ours.out_proj.weight)


def test_the_same_seed_gives_the_same_layer() -> None:
    theirs, ours = pair(7, add_bias_kv=True)
    for name, parameter in theirs.named_parameters():
        assert torch.equal(parameter, ours.get_parameter(name)), name


def test_copies_and_pickles_work_and_old_pickles_load() -> None:
    theirs, ours = pair()
    inputs = random_inputs(theirs)
    for twin in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert torch.equal(twin(*inputs)[0], ours(*inputs)[0])
    state = dict(ours.__dict__)
    del state["_qkv_same_embed_dim"]  # as PyTorch 1.1 saved it
    old = MultiheadAttention.__new__(MultiheadAttention)
    old.__setstate__(state)
    assert torch.equal(old(*inputs)[0], ours(*inputs)[0])


def test_it_stands_in_a_transformer_of_pytorch() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerDecoderLayer(WIDTH, HEADS, 24, dropout=0.0, batch_first=True).double()
    source, memory = torch.randn(2, BATCH, QUERY_LEN, WIDTH, dtype=torch.float64)
    mask = nn.Transformer.generate_square_subsequent_mask(QUERY_LEN, dtype=torch.float64)
    expected = layer(source, memory, tgt_mask=mask, tgt_is_causal=True)
    for name in ("self_attn", "multihead_attn"):
        _, ours = pair(batch_first=True)
        ours.load_state_dict(getattr(layer, name).state_dict())
        setattr(layer, name, ours)
    assert_same(layer(source, memory, tgt_mask=mask, tgt_is_causal=True), expected)


def test_dropout_gives_the_weights_that_were_used() -> None:
    """With one seed the same elements fall as in PyTorch, in the weights and in the output."""
    theirs, ours = pair(dropout=0.5)
    inputs = random_inputs(theirs)
    actual = []
    for layer in (theirs, ours):
        torch.manual_seed(3)
        actual.append(layer(*inputs, average_attn_weights=False))
    assert_same(actual[1], actual[0])
    assert (actual[1][1] == 0).any()
    torch.manual_seed(3)
    assert_same(ours(*inputs, need_weights=False)[0], actual[1][0])
    ours.eval()
    assert_same(ours(*inputs), theirs.eval()(*inputs))


@pytest.mark.parametrize("separate", [False, True])
def test_the_functional_form_takes_ready_made_keys_and_values(separate: bool) -> None:
    theirs, _ = pair(kdim=6 if separate else None, vdim=6 if separate else None)
    inputs = random_inputs(theirs, kind="memory")
    static = torch.randn(2, BATCH * HEADS, 9, WIDTH // HEADS, dtype=torch.float64)
    arguments = {
        "embed_dim_to_check": WIDTH,
        "num_heads": HEADS,
        "in_proj_weight": theirs.in_proj_weight,
        "in_proj_bias": theirs.in_proj_bias,
        "bias_k": None,
        "bias_v": None,
        "add_zero_attn": True,
        "dropout_p": 0.0,
        "out_proj_weight": theirs.out_proj.weight,
        "out_proj_bias": theirs.out_proj.bias,
        "use_separate_proj_weight": separate,
        "q_proj_weight": theirs.q_proj_weight,
        "k_proj_weight": theirs.k_proj_weight,
        "v_proj_weight": theirs.v_proj_weight,
        "static_k": static[0],
        "static_v": static[1],
    }
    both = (F.multi_head_attention_forward, multi_head_attention_forward)
    expected, actual = (function(*inputs, **arguments) for function in both)
    assert_same(actual, expected)
    wrong = [
        {"static_k": static[0, 1:]},
        {"static_v": static[1, :, :, 1:]},
        {"bias_k": torch.zeros(1, 1, WIDTH).double()},
        {"bias_k": torch.zeros(1, 1, WIDTH), "bias_v": torch.zeros(1, 1, WIDTH)},
        {"in_proj_weight": None, "use_separate_proj_weight": False},
        {"q_proj_weight": None, "use_separate_proj_weight": True},
    ]
    for change in wrong:
        messages = []
        for function in both:
            with pytest.raises(AssertionError) as error:
                function(*inputs, **{**arguments, **change})
            messages.append(str(error.value))
        assert messages[0] == messages[1]


@pytest.mark.parametrize("shape", [(0, 3, 3), (2, 0, 3), (2, 3, 0)])
def test_empty_batches_and_sequences(shape: tuple[int, int, int]) -> None:
    batch, query_len, key_len = shape
    theirs, ours = pair(batch_first=True)
    query = torch.zeros(batch, query_len, WIDTH, dtype=torch.float64)
    key = torch.zeros(batch, key_len, WIDTH, dtype=torch.float64)
    padding = torch.zeros(batch, key_len, dtype=torch.bool)
    expected = theirs(query, key, key, key_padding_mask=padding)
    assert_same(ours(query, key, key, key_padding_mask=padding), expected)


def test_nested_tensors_go_to_pytorchs_own_forward() -> None:
    theirs, ours = pair(dtype=torch.float32, batch_first=True)
    nested = torch.nested.nested_tensor([torch.ones(4, WIDTH), torch.ones(6, WIDTH)])
    with pytest.raises(AssertionError) as expected:
        theirs(nested, nested, nested)
    with pytest.raises(AssertionError) as actual:
        ours(nested, nested, nested)
    assert str(actual.value) == str(expected.value)
