"""A map is held against the weights and the output that the model itself computed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from clearhead.maps import Scoring
from clearhead.maps.recorder import agreement
from clearhead.maps.recorder.agreement import check_output, check_weights, spread
from clearhead.maps.recording.captured import CapturedAttention, Unreadable
from tests.maps.attending import dense

BATCH, HEADS, QUERIES, KEYS, WIDTH = 3, 4, 5, 7, 8
SINGLE = (torch.float32,)
OF_WEIGHTS = (
    r"^what was read from it does not reproduce the model's own weights: they differ by [\d.e+-]+$"
)
OF_OUTPUT = (
    r"^weights times values, computed from what was read, do not give the model's own output: "
    r"they differ by [\d.e+-]+$"
)


def attention(
    *, size: float = 1.5, kv_heads: int = 2, queries: int = QUERIES, **scoring
) -> CapturedAttention:
    generator = torch.Generator().manual_seed(0)
    query = size * torch.randn(BATCH, HEADS, queries, WIDTH, generator=generator)
    key, value = torch.randn(2, BATCH, kv_heads, KEYS, WIDTH, generator=generator)
    return CapturedAttention(query, key, Scoring.of(query, key, **scoring), "explicit", value=value)


def repeated(x: Tensor) -> Tensor:
    return x.repeat_interleave(HEADS // x.shape[1], 1)


def weights_of(one: CapturedAttention, **scoring) -> Tensor:
    return dense(one.query, one.key, **scoring)


def output_of(one: CapturedAttention, **scoring) -> Tensor:
    return weights_of(one, **scoring) @ repeated(one.value).double()


def test_the_models_own_weights_and_output_pass():
    one = attention()
    weights, output = weights_of(one).float(), output_of(one).float()
    check_weights(one, weights, dtypes=SINGLE, every_row=True)
    check_output(one, output, one.value, dtypes=SINGLE)


WRONG = {
    "heads in another order": lambda x: x.flip(1),
    "another batch": lambda x: x.roll(1, 0),
    "queries in another order": lambda x: x.flip(2),
    "off by a little": lambda x: x + 1e-3,
    "infinite": lambda x: x / 0,
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_other_weights_do_not_pass(change):
    one = attention()
    with pytest.raises(Unreadable, match=OF_WEIGHTS):
        check_weights(one, change(weights_of(one)), dtypes=SINGLE)


def test_weights_of_keys_in_another_order_do_not_pass():
    one = attention()
    with pytest.raises(Unreadable, match=OF_WEIGHTS):
        check_weights(one, weights_of(one).flip(3), dtypes=SINGLE)


def test_columns_behind_the_keys_belong_to_sinks_and_are_left_out():
    sinks = torch.randn(HEADS)
    one = attention(sinks=sinks)
    weights = weights_of(one, sinks=sinks)
    check_weights(one, torch.cat([weights, torch.rand(BATCH, HEADS, QUERIES, 1)], 3), dtypes=SINGLE)
    check_output(one, output_of(one, sinks=sinks), one.value, dtypes=SINGLE)
    with pytest.raises(Unreadable, match=OF_WEIGHTS):
        check_weights(one, weights_of(one), dtypes=SINGLE)
    with pytest.raises(Unreadable, match=OF_OUTPUT):
        check_output(one, output_of(one), one.value, dtypes=SINGLE)


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_another_output_does_not_pass(change):
    one = attention()
    with pytest.raises(Unreadable, match=OF_OUTPUT):
        check_output(one, change(output_of(one)), one.value, dtypes=SINGLE)


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["batch", "heads", "keys"])
def test_values_in_another_order_do_not_pass(axis):
    one = attention()
    with pytest.raises(Unreadable, match=OF_OUTPUT):
        check_output(one, output_of(one), one.value.flip(axis), dtypes=SINGLE)


def test_some_rows_are_looked_at_or_every_one():
    one = attention(queries=64)
    weights = weights_of(one)
    weights[:, :, 1] = 0
    check_weights(one, weights, dtypes=SINGLE)
    with pytest.raises(Unreadable, match=OF_WEIGHTS):
        check_weights(one, weights, dtypes=SINGLE, every_row=True)
    weights = weights_of(one)
    weights[1, 1, -1] = 0
    with pytest.raises(Unreadable, match=OF_WEIGHTS):
        check_weights(one, weights, dtypes=SINGLE)


@pytest.mark.parametrize(
    ("dtypes", "error", "passes"),
    [
        ((torch.float32,), 1e-5, True),
        ((torch.float32,), 1e-4, False),
        ((torch.float64,), 1e-6, False),
        ((torch.float64, torch.float32), 1e-5, True),
        ((torch.float32, torch.float16), 0.05, True),
        ((torch.bfloat16,), 0.05, True),
        ((torch.bfloat16,), 0.2, False),
    ],
)
def test_the_coarsest_dtype_says_how_far_is_too_far(dtypes, error, passes):
    one = attention()
    one.query, one.key, one.value = one.query.double(), one.key.double(), one.value.double()
    one.value /= one.value.abs().amax((-2, -1), keepdim=True)
    for check, truth in (
        (lambda x: check_weights(one, x, dtypes=dtypes), weights_of(one)),
        (lambda x: check_output(one, x, one.value, dtypes=dtypes), output_of(one)),
    ):
        if passes:
            check(truth + error)
            continue
        with pytest.raises(Unreadable, match="they differ by"):
            check(truth + error)


def test_an_error_of_the_output_counts_by_the_size_of_the_values():
    one = attention()
    one.value *= 1e-3
    with pytest.raises(Unreadable, match=OF_OUTPUT):
        check_output(one, output_of(one) + 1e-4, one.value, dtypes=SINGLE)
    one.value *= 1e6
    check_output(one, output_of(one) + 1e-3, one.value, dtypes=SINGLE)


def test_large_scores_are_rounded_more_by_the_model():
    one = attention(size=3000.0)
    near = weights_of(one) + 3e-3
    check_weights(one, near, dtypes=SINGLE)
    with pytest.raises(Unreadable, match=OF_WEIGHTS):
        check_weights(one, near, dtypes=(torch.float64,))


def test_rows_without_keys_have_weights_of_zero_and_no_output_to_compare():
    mask = torch.ones(BATCH, 1, QUERIES, KEYS, dtype=torch.bool)
    mask[0, 0, 0] = False
    one = attention(mask=mask)
    weights = weights_of(one, mask=mask)
    check_weights(one, weights, dtypes=SINGLE)
    weights[0, :, 0] = torch.nan  # what a softmax of nothing but -inf gives
    check_weights(one, weights, dtypes=SINGLE)
    check_output(one, weights @ repeated(one.value).double(), one.value, dtypes=SINGLE)
    with pytest.raises(Unreadable, match=OF_WEIGHTS):
        check_weights(one, weights.nan_to_num(1 / KEYS), dtypes=SINGLE)


@pytest.mark.parametrize("axis", [0, 2], ids=["no batch", "no queries"])
def test_of_nothing_there_is_nothing_to_compare(axis):
    one = attention()
    query = one.query.narrow(axis, 0, 0)
    key = one.key.narrow(axis, 0, 0) if axis == 0 else one.key
    nothing = CapturedAttention(query, key, Scoring.of(query, key), "explicit")
    check_weights(nothing, weights_of(nothing), dtypes=SINGLE)
    check_output(nothing, query, key, dtypes=SINGLE)


@pytest.mark.parametrize(
    ("length", "most", "places"),
    [(1, 4, [0]), (3, 4, [0, 1, 2]), (10, 2, [0, 9]), (10, 4, [0, 3, 6, 9]), (1000, 2, [0, 999])],
)
def test_a_spread_has_the_first_and_the_last(length, most, places):
    assert spread(length, most, torch.device("cpu")).tolist() == places


@pytest.mark.parametrize("batch", [0, BATCH - 1])
def test_the_output_of_the_first_and_of_the_last_of_a_batch_are_looked_at(batch):
    one = attention()
    output = output_of(one)
    output[batch] += 1
    with pytest.raises(Unreadable, match=OF_OUTPUT):
        check_output(one, output, one.value, dtypes=SINGLE)


BAND = torch.ones(1, 1, QUERIES, KEYS, dtype=torch.bool).tril().triu(-2)


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"mask": BAND}])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_where_few_operators_show_that_outputs_agree_no_others_run(monkeypatch, options, dtype):
    one = attention(**options)
    one.query, one.key, one.value = (x.to(dtype) for x in (one.query, one.key, one.value))
    output = output_of(one, **options).to(dtype)
    monkeypatch.setattr(agreement, "_check_plain_output", None)
    check_output(one, output, one.value, dtypes=(dtype,))


def test_where_few_operators_cannot_tell_those_in_float64_decide(monkeypatch):
    calls = []
    exact = agreement._check_plain_output
    monkeypatch.setattr(agreement, "_check_plain_output", lambda *x: calls.append(exact(*x)))
    mask = torch.ones(BATCH, 1, QUERIES, KEYS, dtype=torch.bool)
    mask[0, 0, 0] = False  # a row without keys
    one = attention(mask=mask)
    output = output_of(one, mask=mask).float()
    output[0, :, 0] = torch.nan
    check_output(one, output, one.value, dtypes=SINGLE)
    far = attention(size=3000.0)  # rounded by more than the tolerance of small scores
    check_output(far, output_of(far).float() + 3e-3, far.value, dtypes=SINGLE)
    with torch.autocast("cpu"):
        check_output(one, output, one.value, dtypes=SINGLE)
    assert len(calls) == 3


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8, 24, 100, 128, 509, 512, 2048, 4099])
def test_few_rows_have_the_first_and_the_last(length):
    rows = torch.arange(length)[agreement._few_rows(length)].tolist()
    assert (rows[0], rows[-1]) == (0, length - 1)
    assert min(length, 4) <= len(rows) <= 17
