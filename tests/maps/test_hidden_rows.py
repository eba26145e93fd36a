"""Rows that a mask of finite numbers hides: what a model of float32 makes of them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from clearhead.maps import AttentionMap, TopK
from tests.maps.attending import Calls, recorded
from tests.maps.dense import entropy
from tests.maps.exactness import agree, close, tensors, truth_of

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
LOWS = [-1e4, -65504.0, -1e6, -1e9, -1e10, -1e30, torch.finfo(torch.bfloat16).min]
LOWS.append(torch.finfo(torch.float32).min)
SHAPES = st.tuples(*(st.integers(1, most) for most in (2, 2, 2, 9, 9)))


def hidden_rows(draw, shape, low, dtype):
    """A mask of finite numbers that hides some rows, and some keys of the others."""
    batch, heads, query_len, key_len = shape
    size = [draw(st.sampled_from([1, full])) for full in (batch, heads)] + [query_len, key_len]
    hidden = torch.rand(size) < draw(st.sampled_from([0.0, 0.5]))
    hidden |= torch.rand(*size[:3], 1) < 0.5
    lowest = torch.finfo(dtype).min  # beyond which lies -inf
    return torch.zeros(size).masked_fill(hidden, low).to(dtype).clamp_(min=lowest)


@given(SHAPES, st.sampled_from(DTYPES[:3]), st.sampled_from(LOWS), st.integers(0, 10**6), st.data())
def test_every_mask_of_finite_numbers(shape, dtype, low, seed, data):
    """As in a model of float32: what the mask leaves of the scores, evenly if that is nothing."""
    torch.manual_seed(seed)
    query, key = tensors(*shape, dtype, data.draw(st.sampled_from([0.1, 1.0, 100.0])))
    full = (shape[0], shape[1] * shape[2], *shape[3:])
    mask = hidden_rows(data.draw, full, low, dtype)
    kind = data.draw(st.sampled_from(["alone", "with a bias", "twice", "half as low", "causal"]))
    options = {}
    if kind == "with a bias":
        options["bias"] = torch.randn(full).to(dtype)
    elif kind == "twice" and low > -1e38:
        mask = mask + mask
    elif kind == "half as low":
        mask[..., ::2] *= 0.5
    elif kind == "causal":
        options["causal"] = True
    total = mask.float() if dtype != torch.float64 else mask
    if "bias" in options:
        total = options["bias"].to(total.dtype) + total
    allowed = torch.ones(full[2:]).tril().bool() if kind == "causal" else None
    truth = truth_of(query, key, bias=total, allowed=allowed)
    if low < -1e38:  # what is left of them in float64 is nothing in float32
        live = mask > torch.finfo(dtype).min / 2
        live |= ~live.any(-1, keepdim=True) & (mask == mask.amax(-1, keepdim=True))
        live = live if allowed is None else live & allowed
        # A mask that is nothing but one leaves what it shows as it is.
        hidden_rows_alone = bool(((mask == 0) | ~live).all()) and "bias" not in options
        truth = truth_of(query, key, bias=None if hidden_rows_alone else total, allowed=live)
        even = (live / live.sum(-1, keepdim=True)).double().nan_to_num(0.0)
        swallowed = mask.amax(-1, keepdim=True) <= torch.finfo(dtype).min / 2
        truth = torch.where(swallowed, even, truth)
    visible = (mask > low / 4) & (truth > 0)
    agree(lambda: AttentionMap.of(query, key, mask=mask, **options), truth)
    hidden = (mask <= low / 4) & visible.any(-1, keepdim=True)
    if abs(low) > 1e5 and not options:
        assert float(AttentionMap.of(query, key, mask=mask)[...].mul(hidden).sum()) == 0.0


@pytest.mark.parametrize("low", LOWS)
@pytest.mark.parametrize("way", ["fused", "written out"])
def test_a_hidden_row_has_the_weights_of_the_model(low, way):
    """Products and sums of quarters are exact in float32, so the model rounds as the map does."""
    torch.manual_seed(0)
    query, key = torch.randint(-4, 5, (2, 2, 3, 6, 16)) / 4
    mask = torch.zeros(6, 6)
    mask[3] = low
    mask[4, 2:] = low
    mask[5] = low
    mask[5, ::2] *= 1.5 if low > -1e38 else 0.75
    identity = torch.eye(16)[:6].expand(2, 3, 6, 16)
    if way == "fused":
        model = F.scaled_dot_product_attention(query, key, identity, attn_mask=mask)
    else:
        model = (query @ key.mT / 4 + mask).softmax(-1) @ identity
    model = model[..., :6]
    actual = AttentionMap.of(query, key, mask=mask)
    torch.testing.assert_close(actual.dense(), model, rtol=0, atol=1e-6)
    expected = entropy(model.double()).float()
    torch.testing.assert_close(actual.entropy(), expected, rtol=0, atol=2e-6)
    if low < -1e8:
        even = torch.full((2, 3, 6), 1 / 6)
        torch.testing.assert_close(actual[:, :, 3], even, rtol=0, atol=1e-7)
        assert torch.equal(actual[:, :, 4, 2:], torch.zeros(2, 3, 4))


@pytest.mark.parametrize("low", [*LOWS, -torch.inf])
def test_a_mask_and_a_bias_that_hide_the_rest_of_each_other(low):
    """Padding and a causal mask, added one after the other: of query 0 either hides all keys."""
    torch.manual_seed(0)
    query, key = torch.randint(-4, 5, (2, 1, 2, 6, 16)) / 4
    padding, causal = torch.zeros(1, 1, 1, 6), torch.zeros(6, 6)
    padding[..., :2] = low
    causal.masked_fill_(torch.ones(6, 6).triu(1).bool(), low)
    actual = AttentionMap.of(query, key, mask=padding, bias=causal)
    model = (query @ key.mT / 4 + (causal + padding)).softmax(-1).nan_to_num(0.0)
    torch.testing.assert_close(actual.dense(), model, rtol=0, atol=1e-6)
    torch.testing.assert_close(actual.received(), model.sum(-2), rtol=0, atol=2e-6)
    torch.testing.assert_close(actual.column(4), model[..., 4], rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_model_that_adds_in_half_precision_is_followed(dtype):
    torch.manual_seed(0)
    query, key = tensors(1, 2, 1, 5, 5, dtype)
    mask = torch.zeros(5, 5, dtype=dtype)
    mask[2] = -1e4
    mask[3] = torch.finfo(dtype).min
    actual = AttentionMap.of(query, key, mask=mask, added_in=dtype)
    scores = (query.double() @ key.double().mT * 8**-0.5).to(dtype) + mask
    close(actual.dense(), scores.double().softmax(-1))
    close(actual.entropy(), entropy(scores.double().softmax(-1)))
    assert torch.equal(actual.row(2), torch.full((1, 2, 5), 0.2))


@pytest.mark.parametrize("kind", ["one row", "with a bias", "mixed", "every row", "with -inf"])
def test_what_the_lowest_float16_leaves_of_scores_depends_on_what_adds_it(kind):
    """A fused kernel adds in float32, where scores are left; a sum in float16 is even."""
    torch.manual_seed(0)
    query, key = tensors(2, 2, 1, 6, 6, torch.float16)
    mask = torch.zeros(2, 1, 6, 6)
    mask[0, :, 3] = -65504
    mask[1, :, 4, 2:] = -65504
    if kind == "with a bias":
        mask[:, :, 1] = torch.randn(6)
    elif kind == "mixed":
        mask[0, :, 3, ::2] = -40000
    elif kind == "every row":
        mask[:] = -65504
    elif kind == "with -inf":
        mask[0, :, 3, 0] = -torch.inf
    mask = mask.half()
    actual = AttentionMap.of(query, key, mask=mask, added_in=torch.float32)
    truth = truth_of(query, key, bias=mask.float())
    agree(lambda: AttentionMap.of(query, key, mask=mask, added_in=torch.float32), truth)
    if kind in ("one row", "every row"):
        assert actual.scoring.bias.values.numel() <= 12
    kernel = F.scaled_dot_product_attention(
        query, key, torch.eye(8)[:6].expand(2, 2, 6, 8).half(), attn_mask=mask
    )
    torch.testing.assert_close(actual.dense(), kernel[..., :6].float(), rtol=0, atol=1e-3)
    even = AttentionMap.of(query, key, mask=mask).row(3)[0, 0]
    assert float(even.max() - even[even > 0].min()) == 0.0


def test_small_scores_under_a_large_bias_are_rounded_as_exact_ones_are():
    """A product of float32 is off in its last digit, and now and then its sum is rounded to the
    other side: a thousandth of such a weight."""
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, 1, 400, 16)
    bias = torch.full((400, 400), -1e4)
    truth = truth_of(query, key, bias=bias)
    model = (query @ key.mT / 4 + bias).double().softmax(-1)
    assert float((model - truth).abs().max()) > 2e-6, "there are such places"
    agree(lambda: AttentionMap.of(query, key, bias=bias), truth)
    actual = AttentionMap.of(query, key, bias=bias).measure(TopK(400), "received")
    ordered = truth.sort(descending=True).values
    torch.testing.assert_close(actual[TopK(400)].values.double(), ordered, rtol=0, atol=1e-7)
    known = AttentionMap.of(query, key, bias=bias)
    known.measure("lse")
    torch.testing.assert_close(known[..., :399].double(), truth[..., :399], rtol=0, atol=1e-7)
    rows = AttentionMap.of(query, key, bias=bias)[:, :, :90]
    torch.testing.assert_close(rows.double(), truth[:, :, :90], rtol=0, atol=1e-7)


def as_padded(length, low, kind):
    """[2, 1, length, length]: the first tokens of row 1 are padding, and hidden with a number."""
    keys, queries = torch.arange(length), torch.arange(length)[:, None]
    real = keys >= torch.tensor([0, 3])[:, None, None, None]
    visible = real & (keys <= queries) if kind == "causal" else real.expand(2, 1, length, length)
    mask = torch.zeros(visible.shape).masked_fill(~visible, low)
    if kind == "added twice":
        mask = mask + torch.zeros(visible.shape).masked_fill(keys > queries, low)
    return mask


@pytest.mark.parametrize("low", [-1e9, -1e10, -1e30])
@pytest.mark.parametrize("kind", ["padding", "causal", "added twice"])
@pytest.mark.parametrize("way", ["fused", "written out", "filled"])
def test_recorded_rows_are_what_met_the_values(way, kind, low):
    torch.manual_seed(0)
    query, key = torch.randn(2, 2, 3, 7, 8)
    mask = as_padded(7, low, kind)
    identity = torch.eye(8)[:7].expand(2, 3, 7, 8)

    def attend():
        if way == "fused":
            return F.scaled_dot_product_attention(query, key, identity, attn_mask=mask)
        scores = query @ key.mT * 8**-0.5
        scores = scores.masked_fill(mask != 0, low) if way == "filled" else scores + mask
        return scores.softmax(-1) @ identity

    model = Calls(attend)
    with torch.no_grad():
        met = model()[..., :7]
        one = recorded(model, model)[""]
    torch.testing.assert_close(one.dense(), met, rtol=0, atol=1e-6)
    torch.testing.assert_close(one.column(2), met[..., 2], rtol=0, atol=1e-6)
    expected = entropy(met.double()).float()
    torch.testing.assert_close(one.entropy(), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("low", [-1e4, -1e9, torch.finfo(torch.float32).min])
@pytest.mark.parametrize("size", [0.5, 4e3])
def test_steps_of_a_generation_keep_it(low, size):
    torch.manual_seed(0)
    query, key = torch.randn(2, 2, 2, 9, 8)
    query = query * size
    mask = as_padded(9, low, "causal")
    steps = [slice(0, 5), *(slice(i, i + 1) for i in range(5, 9))]

    def step(rows):
        keys = slice(0, rows.stop)
        return F.scaled_dot_product_attention(
            query[:, :, rows], key[:, :, keys], key[:, :, keys], attn_mask=mask[..., rows, keys]
        )

    model = Calls(step)
    one = recorded(model, lambda: [model(rows) for rows in steps])[""]
    assert one.shape == (2, 2, 9, 9)
    truth = torch.zeros(one.shape, dtype=torch.float64)
    for rows in steps:
        keys = slice(0, rows.stop)
        truth[:, :, rows, keys] = truth_of(
            query[:, :, rows], key[:, :, keys], bias=mask[..., rows, keys]
        )
    close(one.dense(), truth)
    close(one.column(1), truth[..., 1])
    close(one.entropy(), entropy(truth))
