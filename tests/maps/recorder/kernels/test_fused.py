"""The fused kernels behind scaled_dot_product_attention, and what they fall back to."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention as sdpa

from clearhead.maps.recorder import kernels
from tests.maps.attending import Calls, dense, recorded


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 2),
    st.sampled_from([(1, 1), (4, 2), (4, 1), (3, 3)]),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([4, 6]),
    st.sampled_from(["none", "causal", "bool", "float", "broadcast"]),
    st.sampled_from([None, 0.3]),
    st.integers(0, 10**6),
)
def test_any_call_is_read(batch, heads, queries, keys, value_dim, kind, scale, seed):
    torch.manual_seed(seed)
    query = torch.randn(batch, heads[0], queries, 4)
    key = torch.randn(batch, heads[1], keys, 4)
    value = torch.randn(batch, heads[1], keys, value_dim)
    mask = None
    if kind == "bool":
        mask = torch.rand(batch, 1, queries, keys) > 0.4
    elif kind == "float":
        mask = torch.randn(batch, heads[0], queries, keys)
    elif kind == "broadcast":
        mask = torch.rand(1, keys) > 0.4
    causal = kind == "causal"
    model = Calls(
        lambda: sdpa(
            query, key, value, attn_mask=mask, is_causal=causal, scale=scale, enable_gqa=True
        )
    )
    one = recorded(model, model, values=True)[""]
    expected = dense(query, key, scale=scale, mask=mask, causal=causal)
    torch.testing.assert_close(one.dense().double(), expected, rtol=0, atol=5e-6)
    group = heads[0] // one.value.shape[1]
    whole = value.repeat_interleave(heads[0] // heads[1], 1)
    assert torch.equal(one.value.repeat_interleave(group, 1), whole)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_dtypes_are_read_to_the_rounding_of_float32(dtype):
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, 4, 30, 16).to(dtype)
    model = Calls(lambda: sdpa(query, key, key, is_causal=True))
    one = recorded(model, model)[""]
    expected = dense(query, key, causal=True)
    torch.testing.assert_close(one.dense().double(), expected, rtol=0, atol=2e-6)


def test_the_kernel_and_its_log_sum_exp_are_the_models():
    query = torch.randn(1, 2, 5, 4)
    model = Calls(lambda: sdpa(query, query, query))
    one = recorded(model, model)[""]
    assert one.source.kernel == "sdpa flash (cpu)"
    expected = torch.logsumexp(query @ query.mT / 2, -1)
    torch.testing.assert_close(one.lse, expected)


def test_dropout_of_the_math_path():
    query = torch.randn(1, 2, 5, 4)

    def attend():
        torch.manual_seed(1)
        return sdpa(query, query, query, dropout_p=0.4)

    model = Calls(attend)
    one = recorded(model, model)[""]
    assert one.source.dropout == pytest.approx(0.4)
    torch.testing.assert_close(one.dense().double(), dense(query, query), rtol=0, atol=3e-6)


def test_a_mask_that_many_layers_share_is_made_compact_once(monkeypatch):
    from clearhead.maps.recorder import mask_cache

    masks = []
    compact = mask_cache.compact_mask
    monkeypatch.setattr(
        mask_cache, "compact_mask", lambda *args: masks.append(args) or compact(*args)
    )
    query, mask = torch.randn(1, 2, 5, 4), torch.ones(5, 5).tril().bool()
    model = Calls(lambda: [sdpa(query, query, query, attn_mask=mask) for _ in range(4)])
    recording = recorded(model, model)
    assert len(masks) == 1
    for one in recording.calls(""):
        expected = dense(query, query, causal=True)
        torch.testing.assert_close(one.dense().double(), expected, rtol=0, atol=3e-6)


def test_a_mask_that_is_written_to_between_layers_is_read_again():
    query, mask = torch.randn(1, 2, 5, 4), torch.zeros(5, 5)

    def attend():
        mask.zero_()
        first = sdpa(query, query, query, attn_mask=mask)
        mask[:, 3] = -torch.inf
        return first, sdpa(query, query, query, attn_mask=mask)

    model = Calls(attend)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            one, two = recorded(model, model).calls("")
        assert one[..., 3].min() > 0
        assert two[..., 3].max() == 0


def test_every_fused_operator_of_this_torch_is_in_the_table():
    for name in dir(torch.ops.aten):
        if "_scaled_dot_product" not in name:
            continue
        operator = getattr(torch.ops.aten, name).default
        in_table = kernels.fused_kernel(operator) is not None
        elsewhere = "backward" in name or "math" in name or "nestedtensor" in name
        assert in_table or elsewhere, f"{name}: is it an attention that could be read?"


def test_an_operator_of_another_package_that_sounds_like_attention_is_refused():
    @torch.library.custom_op("clearhead_test::flash_attention", mutates_args=())
    def attend(query: torch.Tensor) -> torch.Tensor:
        return query.clone()

    model = Calls(lambda: attend(torch.ones(1, 1, 2, 2)))
    recording = recorded(model, model)
    assert "flash_attention.default is not known to clearhead" in recording.refusals[""].why
