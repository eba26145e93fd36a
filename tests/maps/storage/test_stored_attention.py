"""Queries and keys, and what is computed of them: measures, denominators, norms of values."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.errors import ConfigError, ShapeError
from clearhead.maps import AttentionMap, Entropy, Received, Scoring, TopK
from clearhead.maps.storage.stored_attention import StoredAttention
from tests.maps.dense import Case, assert_near, entropy, random_case


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_kernels_log_sum_exp_is_used_where_it_is_exact(dtype):
    case = random_case(causal=True)
    lse = case.scores().logsumexp(-1).float()
    query, key = case.query.to(dtype), case.key.to(dtype)
    attention_map = AttentionMap.of(query, key, lse=lse + 1, causal=True)
    truth = Case(query, key, key, {"causal": True}).weights()[..., 5]
    shift = 1.0 if dtype == torch.float32 else 0.0
    torch.testing.assert_close(
        attention_map.column(5).double(), truth * np.exp(-shift), rtol=1e-5, atol=1e-6
    )
    # Whole rows need nothing but themselves.
    assert_near(
        attention_map.row(5), Case(query, key, key, {"causal": True}).weights()[..., 5, :], case
    )


def test_a_query_that_sees_nothing_has_zeros_whatever_its_kernel_says():
    mask = torch.ones(30, 30, dtype=torch.bool)
    mask[7] = False
    case = random_case(mask=mask)
    lse = case.scores().logsumexp(-1).float().nan_to_num(neginf=0.0)
    attention_map = AttentionMap.of(case.query, case.key, lse=lse, mask=mask)
    assert torch.equal(attention_map.row(7), torch.zeros(2, 4, 30))
    assert bool((attention_map.lse[:, :, 7] == -torch.inf).all())
    assert torch.equal(attention_map.entropy()[:, :, 7], torch.zeros(2, 4))
    assert_near(attention_map.column(3), case.weights()[..., 3], case)


def test_one_measure_is_the_same_alone_as_with_others():
    attention_map = random_case(causal=True).map
    together = attention_map.measure("entropy", TopK(3), "received", Entropy())
    assert torch.equal(together["entropy"], attention_map.entropy())
    assert together[Entropy()] is together["entropy"]
    assert torch.equal(together["received"], attention_map.received())
    assert torch.equal(together[TopK(3)].indices, attention_map.topk(3).indices)
    spans = [(0, 3), (3, 30)]
    assert attention_map.mass(spans, spans).shape == (2, 4, 2, 2)
    assert attention_map.pooled(5, 6).shape == (2, 4, 5, 6)
    torch.testing.assert_close(attention_map.sink(), attention_map[..., 0])
    before = attention_map.diagonal(-1)
    torch.testing.assert_close(before[0, 0, 5], attention_map[0, 0, 5, 4])
    assert torch.equal(before[..., 0], torch.zeros(2, 4))


def test_tensors_that_do_not_fit_are_refused():
    case = random_case()
    with pytest.raises(ShapeError, match=r"value .* must have the batch, heads and length of key"):
        AttentionMap.of(case.query, case.key, case.value[:, :, 1:])
    with pytest.raises(ShapeError, match="lse holds one number per query"):
        AttentionMap.of(case.query, case.key, lse=torch.zeros(2, 4))
    with pytest.raises(ConfigError, match="There is no measure 'spread'"):
        case.map.measure("spread")


def test_gradients_stay_outside():
    case = random_case()
    attention_map = AttentionMap.of(case.query.requires_grad_(), case.key.requires_grad_())
    assert not attention_map.dense().requires_grad
    assert not any(x.requires_grad for x in attention_map.measure("entropy", "received").values())


def test_an_empty_batch_has_empty_answers():
    attention_map = AttentionMap.of(torch.zeros(0, 2, 3, 4), torch.zeros(0, 2, 5, 4))
    assert attention_map.entropy().shape == (0, 2, 3)
    assert attention_map.received().shape == (0, 2, 5)
    assert attention_map[..., 0].shape == (0, 2, 3)


def test_received_adds_up_to_the_number_of_queries():
    assert float(random_case((1, 2, 30, 50)).map.measure(Received())[Received()][0, 0].sum()) == (
        pytest.approx(30, rel=1e-6)
    )


def make_stored(case, **options):
    scoring = Scoring.of(case.query, case.key, **case.options)
    return StoredAttention(case.query, case.key, scoring, **options)


def test_no_weight_is_stored():
    case = random_case((1, 2, 100, 100))
    attention = make_stored(case, value=case.value)
    assert attention.nbytes == (2 + 1 + 1) * 100 * 16 * 4  # queries, keys and values in float32
    assert attention.shape == (1, 2, 100, 100)
    attention.measure("lse")
    assert attention.nbytes == 4 * 100 * 16 * 4 + 2 * 100 * (8 + 4)  # and two numbers per query


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_answers_are_of_float32_or_wider(dtype):
    case = random_case((1, 2, 5, 5))
    wide = Case(case.query.to(dtype), case.key.to(dtype), case.value)
    attention = make_stored(wide)
    assert attention.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert attention.result_of(Entropy()).dtype == attention.dtype
    assert_near(attention.result_of(Entropy()), entropy(wide.weights()), wide)


def test_norms_of_values_are_those_of_the_heads_that_share_them():
    case = random_case((1, 4, 3, 5))
    norms = make_stored(case, value=case.value).value_norms()
    assert torch.equal(norms[:, 0], norms[:, 1])
    torch.testing.assert_close(norms[:, 2], case.value[:, 1].norm(dim=-1))
    assert make_stored(case).value_norms() is None


def test_denominators_are_computed_once_and_by_any_pass():
    case = random_case(causal=True)
    attention = make_stored(case)
    assert attention.known_denominators is attention.known_lse is None
    attention.measure("entropy")
    assert attention.known_denominators is attention.denominators
    assert_near(attention.lse, case.scores().logsumexp(-1), case)


def test_a_long_pass_can_be_ended():
    class Enough(Exception):
        pass

    def check():
        raise Enough

    with pytest.raises(Enough):
        make_stored(random_case()).measure("entropy", check=check)
