"""Weights far from zero, against a float64 softmax of scores rounded as the model rounds them."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from clearhead.maps import AttentionMap, Entropy, Pooled, Received, Sink, TopK, tiles
from clearhead.maps.one_row import one_row
from clearhead.maps.picture_cells import cells_of
from clearhead.maps.precision import (
    FAR,
    any_far,
    exact_dtype,
    highest_norm,
    lies_far,
    narrowed,
    score_dtype,
)
from clearhead.maps.rollout import rollout
from tests.maps.attending import Calls, recorded
from tests.maps.dense import entropy

CPU = torch.device("cpu")
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
LOWS = [-1e4, -65504.0, -1e6, -1e9, -1e10, -1e30, torch.finfo(torch.bfloat16).min]
LOWS.append(torch.finfo(torch.float32).min)


def truth_of(
    query: Tensor,
    key: Tensor,
    *,
    bias: Tensor | None = None,
    allowed: Tensor | None = None,
    softcap: float | None = None,
    sinks: Tensor | None = None,
    scale: float | None = None,
) -> Tensor:
    """Float64: products in float64, a sum rounded to float32 (for queries that are not of
    float64), and from there in float64."""
    group = query.shape[1] // key.shape[1]
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    scores = query.double() @ key.double().repeat_interleave(group, 1).mT * scale
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if bias is not None and query.dtype == torch.float64:
        scores = scores + bias
    elif bias is not None:
        scores = (scores.float() + bias).double()
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -torch.inf)
    if sinks is not None:
        column = sinks.double()[:, None, None].expand(*scores.shape[:3], 1)
        return torch.cat([scores, column], -1).softmax(-1)[..., :-1].nan_to_num(0.0)
    return scores.softmax(-1).nan_to_num(0.0)


def close(found: Tensor, truth: Tensor, wide: bool = False, times: float = 1.0) -> None:
    assert found.shape == truth.shape
    bound = times * (1e-12 if wide else 1e-6)
    bound *= max(1.0, float(truth.abs().max())) if truth.numel() else 1.0
    torch.testing.assert_close(found.double(), truth, rtol=0, atol=bound)


def agree(make, truth: Tensor, *, wide: bool = False, total: float = 1.0) -> None:
    """Every way to ask a map, each of a map of its own, so that nothing is known beforehand."""
    query_len, key_len = truth.shape[2:]
    whole = make().dense()
    assert whole.dtype == score_dtype(make().query)
    close(whole, truth, wide)
    if total == 1.0:
        live = truth.sum(-1) > 0
        sums = whole.double().sum(-1)
        close(sums, live.double(), wide)
    row, column = query_len // 2, key_len // 2
    close(make().row(row), truth[:, :, row], wide)
    close(make().column(column), truth[..., column], wide)
    close(make()[..., row, column], truth[..., row, column], wide)
    close(make()[0, -1:, :, : column + 1], truth[0, -1:, :, : column + 1], wide)
    one = make()
    found = one.measure("entropy", "received", "lse", TopK(2), Sink(2), Pooled(1, 1, "sum"))
    # Of a weight that is off by d, w ln w is off by d (1 + ln w).
    close(found["entropy"], entropy(truth), wide, times=4)
    close(found["received"], truth.sum(-2), wide)
    close(found[Sink(2)], truth[..., :2].sum(-1), wide)
    close(found[Pooled(1, 1, "sum")][..., 0, 0], truth.sum((-2, -1)), wide)
    count = min(2, key_len)
    close(found[TopK(2)].values[..., :count], truth.topk(count).values, wide)
    close(one.column(column), truth[..., column], wide)  # with denominators from the pass
    close(make().measure(Received())[Received()], truth.sum(-2), wide)
    part = one_row(one, 0)
    close(part.column(column), truth[:1, ..., column], wide)


def tensors(batch, kv_heads, group, query_len, key_len, dtype=torch.float32, size=1.0):
    query = torch.randn(batch, kv_heads * group, query_len, 8)
    key = torch.randn(batch, kv_heads, key_len, 8)
    return (query * size).to(dtype), key.to(dtype)


SHAPES = st.tuples(*(st.integers(1, most) for most in (2, 2, 2, 9, 9)))


@given(SHAPES, st.sampled_from(DTYPES), st.integers(0, 10**6), st.floats(-2, 6), st.booleans())
def test_large_scores_without_a_mask(shape, dtype, seed, magnitude, with_sinks):
    torch.manual_seed(seed)
    size = 10.0**magnitude
    if dtype == torch.float16:
        size = min(size, 1e4)
    query, key = tensors(*shape, dtype, size)
    sinks = torch.randn(query.shape[1]) * size if with_sinks else None
    truth = truth_of(query, key, sinks=sinks)
    # The digits that float64 leaves of scores of this size.
    wide = dtype == torch.float64 and size <= 10
    total = 0.0 if with_sinks else 1.0
    agree(lambda: AttentionMap.of(query, key, sinks=sinks), truth, wide=wide, total=total)


@pytest.mark.parametrize("size", [4e3, 4e4, 4e5])
@pytest.mark.parametrize("length", [1, 33, 200])
def test_scores_of_this_size(size, length, monkeypatch):
    """Neighbouring keys, so that the scores of a row lie close together and far from zero."""
    monkeypatch.setattr(tiles, "CPU_TILE", 1 << 12)
    monkeypatch.setattr(tiles, "LEAST_ROWS", 16)
    torch.manual_seed(0)
    direction = F.normalize(torch.randn(8), dim=0)
    query = torch.randn(2, 4, length, 8) + direction * math.sqrt(size) * 8**0.25
    key = torch.randn(2, 2, length, 8) / math.sqrt(size) + direction * math.sqrt(size) * 8**0.25
    truth = truth_of(query, key)
    scores = query @ key.repeat_interleave(2, 1).mT * 8**-0.5
    assert float(scores.abs().min()) > size / 2
    assert length == 1 or float(entropy(truth).mean()) > 0.5
    agree(lambda: AttentionMap.of(query, key), truth)
    agree(lambda: AttentionMap.of(query, key, softcap=50.0), truth_of(query, key, softcap=50.0))
    agree(lambda: AttentionMap.of(query, key, softcap=2 * size),
          truth_of(query, key, softcap=2 * size))  # fmt: skip


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
    found = AttentionMap.of(query, key, mask=mask)
    torch.testing.assert_close(found.dense(), model, rtol=0, atol=1e-6)
    expected = entropy(model.double()).float()
    torch.testing.assert_close(found.entropy(), expected, rtol=0, atol=2e-6)
    if low < -1e8:
        even = torch.full((2, 3, 6), 1 / 6)
        torch.testing.assert_close(found[:, :, 3], even, rtol=0, atol=1e-7)
        assert torch.equal(found[:, :, 4, 2:], torch.zeros(2, 3, 4))


@pytest.mark.parametrize("low", [*LOWS, -torch.inf])
def test_a_mask_and_a_bias_that_hide_the_rest_of_each_other(low):
    """Padding and a causal mask, added one after the other: of query 0 either hides all keys."""
    torch.manual_seed(0)
    query, key = torch.randint(-4, 5, (2, 1, 2, 6, 16)) / 4
    padding, causal = torch.zeros(1, 1, 1, 6), torch.zeros(6, 6)
    padding[..., :2] = low
    causal.masked_fill_(torch.ones(6, 6).triu(1).bool(), low)
    found = AttentionMap.of(query, key, mask=padding, bias=causal)
    model = (query @ key.mT / 4 + (causal + padding)).softmax(-1).nan_to_num(0.0)
    torch.testing.assert_close(found.dense(), model, rtol=0, atol=1e-6)
    torch.testing.assert_close(found.received(), model.sum(-2), rtol=0, atol=2e-6)
    torch.testing.assert_close(found.column(4), model[..., 4], rtol=0, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"softcap": 50.0}])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_what_a_kernel_says_of_its_rows_is_used_only_near_zero(options, scale):
    torch.manual_seed(0)
    query, key = tensors(1, 2, 2, 40, 40, size=scale)
    plain = AttentionMap.of(query, key, **options)
    lse = plain.lse + 3e-2
    told = AttentionMap.of(query, key, lse=lse, **options)
    assert (told.known_lse is not None) == (scale == 1.0)
    shift = math.exp(-3e-2) if scale == 1.0 else 1.0
    torch.testing.assert_close(told.column(0), plain.column(0) * shift, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(told.row(7), plain.row(7), rtol=0, atol=0)


@pytest.mark.parametrize("far", [False, True])
def test_scores_themselves_are_rounded_once(far):
    torch.manual_seed(0)
    query, key = tensors(1, 1, 2, 9, 9, size=1e4 if far else 0.5)
    exact = query.double() @ key.double().mT * 8**-0.5
    found = AttentionMap.of(query, key).scores[...]
    assert found.dtype == torch.float32
    bound = 0.0 if far else 3e-7
    torch.testing.assert_close(found, exact.float(), rtol=0, atol=bound)


def test_a_score_mod_gets_scores_of_the_models_dtype():
    """FlexAttention gives it float32, and its results are rounded so."""
    torch.manual_seed(0)
    query, key = tensors(1, 1, 2, 7, 7, size=1e3)
    seen = set()

    def shifted(score, b, h, i, j):
        seen.add(score.dtype)
        return score - 1e6

    found = AttentionMap.of(query, key, score_mod=shifted)
    scores = query.double() @ key.double().mT * 8**-0.5
    close(found.dense(), (scores.float() - 1e6).double().softmax(-1))
    close(found.entropy(), entropy((scores.float() - 1e6).double().softmax(-1)))
    assert seen == {torch.float32}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_model_that_adds_in_half_precision_is_followed(dtype):
    torch.manual_seed(0)
    query, key = tensors(1, 2, 1, 5, 5, dtype)
    mask = torch.zeros(5, 5, dtype=dtype)
    mask[2] = -1e4
    mask[3] = torch.finfo(dtype).min
    found = AttentionMap.of(query, key, mask=mask, added_in=dtype)
    scores = (query.double() @ key.double().mT * 8**-0.5).to(dtype) + mask
    close(found.dense(), scores.double().softmax(-1))
    close(found.entropy(), entropy(scores.double().softmax(-1)))
    assert torch.equal(found.row(2), torch.full((1, 2, 5), 0.2))


def test_an_autocast_around_a_question_narrows_no_answer():
    torch.manual_seed(0)
    query, key = tensors(1, 2, 1, 40, 40)
    found = AttentionMap.of(query, key)
    expected, received = found.dense(), found.received()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(AttentionMap.of(query, key).dense(), expected)
        assert torch.equal(AttentionMap.of(query, key).received(), received)


def test_products_of_fewer_digits_are_not_used(monkeypatch):
    assert not narrowed(CPU)
    small = torch.full((1, 1), 0.1)
    assert not lies_far(small, small, 1.0)
    fewer = SimpleNamespace(matmul=SimpleNamespace(fp32_precision="bf16"))
    monkeypatch.setattr(torch.backends, "mkldnn", fewer)
    assert narrowed(CPU)
    assert lies_far(small, small, 1.0)


def test_what_is_far():
    norms = torch.tensor([[2.0, 4.0]])
    assert not lies_far(norms, torch.tensor([[4.0]]), 1.0)
    assert lies_far(norms, torch.tensor([[4.1]]), 1.0)
    assert lies_far(norms, torch.tensor([[4.1]]), -1.0)
    assert not lies_far(norms, torch.tensor([[7.9, 3.9]]), 1.0)
    assert lies_far(norms, torch.tensor([[torch.nan]]), 1.0)
    assert not lies_far(norms[:0], torch.zeros(0, 1), 1.0)
    assert not any_far(torch.tensor([FAR, -FAR, -torch.inf]))
    assert any_far(torch.tensor([0.0, -1e9]))
    assert any_far(torch.tensor([torch.inf]))
    assert not any_far(torch.zeros(0))
    assert torch.equal(
        highest_norm(torch.tensor([[[[3.0, 4.0], [0.0, 1.0]]]])), torch.tensor([[5.0]])
    )
    assert highest_norm(torch.zeros(1, 2, 0, 4)).tolist() == [[0.0, 0.0]]
    assert exact_dtype(CPU) == torch.float64
    assert exact_dtype(torch.device("mps")) == torch.float32


def test_a_device_without_float64_does_what_float32_can(monkeypatch):
    """The highest score is still taken off, so rows sum to 1 wherever they lie."""
    from clearhead.maps import denominators, scoring

    for module in (tiles, scoring, denominators):
        monkeypatch.setattr(module, "exact_dtype", lambda device: torch.float32)
    torch.manual_seed(0)
    query, key = tensors(1, 2, 1, 9, 9)
    found = AttentionMap.of(query, key, bias=torch.full((9, 9), -1e9))
    close(found.dense(), torch.full((1, 2, 9, 9), 1 / 9, dtype=torch.float64))
    close(found.entropy(), torch.full((1, 2, 9), math.log(9), dtype=torch.float64))
    plain = AttentionMap.of(query * 1e3, key)
    close(plain.dense().double().sum(-1), torch.ones(1, 2, 9, dtype=torch.float64))
    assert plain.measure(Entropy())[Entropy()].dtype == torch.float32


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
    found = AttentionMap.of(query, key, mask=mask, added_in=torch.float32)
    truth = truth_of(query, key, bias=mask.float())
    agree(lambda: AttentionMap.of(query, key, mask=mask, added_in=torch.float32), truth)
    if kind in ("one row", "every row"):
        assert found.scoring.bias.values.numel() <= 12
    kernel = F.scaled_dot_product_attention(
        query, key, torch.eye(8)[:6].expand(2, 2, 6, 8).half(), attn_mask=mask
    )
    torch.testing.assert_close(found.dense(), kernel[..., :6].float(), rtol=0, atol=1e-3)
    even = AttentionMap.of(query, key, mask=mask).row(3)[0, 0]
    assert float(even.max() - even[even > 0].min()) == 0.0


@pytest.mark.parametrize("size", [1.0, 4e4])
def test_pictures_tables_and_rollouts_of_rows_far_from_zero(size):
    pytest.importorskip("pandas")
    torch.manual_seed(0)
    query, key = tensors(1, 2, 2, 9, 9, size=size)
    mask = torch.zeros(9, 9)
    mask[2:4] = -1e9
    sinks = torch.randn(4) * size
    truth = truth_of(query, key, bias=mask, sinks=sinks)

    def one():
        return AttentionMap.of(query, key, mask=mask, sinks=sinks)

    table = one().to_dataframe(topk=None)
    links = torch.zeros(4, 9, 9, dtype=torch.float64)
    places = (torch.tensor(table[name].to_numpy().copy()) for name in ("head", "query", "key"))
    links[tuple(places)] = torch.tensor(table["weight"].to_numpy().copy()).double()
    close(links[None], truth)
    every = slice(None)
    cells = cells_of(
        one(), 0, [0, 3], quantity="weights", queries=every, keys=every, most=100, reduce="mean"
    )
    close(torch.from_numpy(cells.values).double(), truth[0, [0, 3]])
    flow = rollout([one()], 8)
    mean = truth.mean(1)
    mixed = (torch.eye(9, dtype=torch.float64) + mean) / 2
    close(flow.double(), (mixed / mixed.sum(-1, keepdim=True))[:, 8])


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
    found = AttentionMap.of(query, key, bias=bias).measure(TopK(400), "received")
    ordered = truth.sort(descending=True).values
    torch.testing.assert_close(found[TopK(400)].values.double(), ordered, rtol=0, atol=1e-7)
    known = AttentionMap.of(query, key, bias=bias)
    known.measure("lse")
    torch.testing.assert_close(known[..., :399].double(), truth[..., :399], rtol=0, atol=1e-7)
    rows = AttentionMap.of(query, key, bias=bias)[:, :, :90]
    torch.testing.assert_close(rows.double(), truth[:, :, :90], rtol=0, atol=1e-7)


def test_what_a_kernel_says_near_zero_of_large_vectors_is_not_used():
    """The scores are small, but each is the rest of large numbers."""
    torch.manual_seed(0)
    query, key = tensors(1, 1, 2, 40, 40)
    query[..., 0], key[..., 0] = 1e3, 0.0
    query[..., 1], key[..., 1] = 0.0, 1e3
    truth = truth_of(query, key)
    lse = AttentionMap.of(query, key).lse
    assert float(lse.abs().max()) < 16
    told = AttentionMap.of(query, key, lse=lse + 3e-2)
    assert told.known_lse is None
    close(told.column(3), truth[..., 3])


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
