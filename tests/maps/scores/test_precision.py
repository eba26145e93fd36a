"""Weights far from zero, against a float64 softmax of scores rounded as the model rounds them."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from clearhead.maps import AttentionMap, Entropy
from clearhead.maps.pictures.cells import cells_of
from clearhead.maps.rollout import rollout
from clearhead.maps.scores.precision import (
    FAR,
    any_far,
    exact_dtype,
    highest_norm,
    lies_far,
    narrowed,
)
from clearhead.maps.storage import tile_plan, tiles
from tests.maps.dense import entropy
from tests.maps.exactness import agree, close, tensors, truth_of

CPU = torch.device("cpu")
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
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
    monkeypatch.setattr(tile_plan, "CPU_TILE", 1 << 12)
    monkeypatch.setattr(tile_plan, "LEAST_ROWS", 16)
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
    actual = AttentionMap.of(query, key).scores[...]
    assert actual.dtype == torch.float32
    bound = 0.0 if far else 3e-7
    torch.testing.assert_close(actual, exact.float(), rtol=0, atol=bound)


def test_a_score_mod_gets_scores_of_the_models_dtype():
    """FlexAttention gives it float32, and its results are rounded so."""
    torch.manual_seed(0)
    query, key = tensors(1, 1, 2, 7, 7, size=1e3)
    seen = set()

    def shifted(score, b, h, i, j):
        seen.add(score.dtype)
        return score - 1e6

    actual = AttentionMap.of(query, key, score_mod=shifted)
    scores = query.double() @ key.double().mT * 8**-0.5
    close(actual.dense(), (scores.float() - 1e6).double().softmax(-1))
    close(actual.entropy(), entropy((scores.float() - 1e6).double().softmax(-1)))
    assert seen == {torch.float32}


def test_an_autocast_around_a_question_narrows_no_answer():
    torch.manual_seed(0)
    query, key = tensors(1, 2, 1, 40, 40)
    actual = AttentionMap.of(query, key)
    expected, received = actual.dense(), actual.received()
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
    from clearhead.maps.scores import denominators, scoring

    for module in (tiles, scoring, denominators):
        monkeypatch.setattr(module, "exact_dtype", lambda device: torch.float32)
    torch.manual_seed(0)
    query, key = tensors(1, 2, 1, 9, 9)
    actual = AttentionMap.of(query, key, bias=torch.full((9, 9), -1e9))
    close(actual.dense(), torch.full((1, 2, 9, 9), 1 / 9, dtype=torch.float64))
    close(actual.entropy(), torch.full((1, 2, 9), math.log(9), dtype=torch.float64))
    plain = AttentionMap.of(query * 1e3, key)
    close(plain.dense().double().sum(-1), torch.ones(1, 2, 9, dtype=torch.float64))
    assert plain.measure(Entropy())[Entropy()].dtype == torch.float32


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
