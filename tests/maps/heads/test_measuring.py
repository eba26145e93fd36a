"""Scores from tiles, against the same formulas over whole weights in float64."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.head_kinds import HeadSums, scored_heads
from clearhead.maps import AttentionMap
from clearhead.maps.heads.measuring import head_numbers
from clearhead.maps.scores import positions
from clearhead.maps.storage import tile_plan
from tests.maps.dense import Case, cases
from tests.maps.heads.dense_kinds import scores


def assert_truth(case: Case, *, cross: bool, ids: torch.Tensor | None, offset: int = 0) -> None:
    one = case.map
    one.query_offset = offset
    numbers = head_numbers(one, cross=cross, ids=ids)
    lowest = torch.finfo(torch.float32).min / 2  # a mask of such numbers hides
    weights, visible = case.weights().numpy(), (case.scores() > lowest).numpy()
    swallowed = one.scoring.flat
    reading = np.ones((one.shape[0], one.shape[2]), bool)
    if swallowed is not None:
        reading &= ~swallowed.all(1).numpy()
    for row in range(one.shape[0]):
        keys = np.flatnonzero(visible[row][:, reading[row]].any((0, 1)))
        heads = scored_heads(HeadSums.of(numbers.weights_of(row)))
        for head, scored in enumerate(heads):
            truth = scores(
                weights[row, head], visible[row, head], cross=cross, offset=offset,
                ids=None if ids is None else ids[row].tolist(), text=numbers.in_text[row].tolist(),
                ends=(keys[0], keys[-1]) if len(keys) else None,
            )  # fmt: skip
            assert scored.scores == pytest.approx(truth, abs=3e-5)


@settings(max_examples=25, deadline=None)
@given(cases(), st.booleans(), st.booleans(), st.integers(1, 9), st.integers(0, 4))
def test_scores_are_those_of_the_dense_weights(case, cross, with_ids, vocabulary, offset) -> None:
    """Grouped heads, masks of all kinds, windows, caps, biases and sinks; small tiles."""
    ids = torch.randint(0, vocabulary, (case.key.shape[0], case.key.shape[2])) - 3
    with patch.object(tile_plan, "CPU_TILE", 64), patch.object(tile_plan, "LEAST_ROWS", 3), \
            patch.object(positions, "_CHUNK_ENTRIES", 50):  # fmt: skip
        assert_truth(
            case, cross=cross, ids=ids if with_ids and not cross else None,
            offset=0 if cross else offset,
        )  # fmt: skip


@pytest.mark.parametrize("window", [None, 6, (40, 0)])
def test_a_longer_text_with_grouped_heads_and_a_window(window) -> None:
    torch.manual_seed(0)
    query, key = 2 * torch.randn(2, 4, 90, 8), torch.randn(2, 2, 90, 8)
    case = Case(query, key, key, {"causal": True, "window": window})
    ids = torch.randint(0, 30, (2, 90))
    assert_truth(case, cross=False, ids=ids)


@pytest.mark.parametrize("span", [slice(0, 14), slice(6, 20)])
def test_padding_that_no_query_may_attend_to_does_not_count(span) -> None:
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, 2, 20, 8)
    ids = torch.randint(0, 6, (1, 20))
    inside = torch.zeros(20, dtype=torch.bool)
    inside[span] = True
    whole = AttentionMap.of(query, key, mask=inside[None, None, None], causal=True)
    short = AttentionMap.of(query[:, :, span], key[:, :, span], causal=True)
    one = head_numbers(whole, cross=False, ids=ids).sums()
    other = head_numbers(short, cross=False, ids=ids[:, span]).sums()
    assert torch.equal(head_numbers(whole, cross=False).in_text[0], inside)
    for name, total in other.totals.items():
        np.testing.assert_allclose(one.totals[name], total, atol=1e-6)
        np.testing.assert_array_equal(one.counts[name], other.counts[name])


def test_padded_queries_that_are_named_do_not_align() -> None:
    torch.manual_seed(0)
    query, key = 3 * torch.randn(1, 2, 9, 8), torch.randn(1, 2, 7, 8)
    text = torch.arange(9)[None] < 5
    some = head_numbers(AttentionMap.of(query, key), cross=True, text=text).sums()
    short = head_numbers(AttentionMap.of(query[:, :, :5], key), cross=True).sums()
    for name, total in short.totals.items():
        np.testing.assert_allclose(some.totals[name], total, atol=1e-6)


def test_a_key_counts_though_its_weight_is_too_small_for_its_type() -> None:
    """A head that gives all to one key sees the others nevertheless."""
    query, key = torch.zeros(2, 1, 1, 12, 4)
    query[..., 0], key[..., 0, 0] = 400.0, 400.0
    one = AttentionMap.of(query, key, causal=True)
    assert int((one[0, 0, 11] > 0).sum()) == 1
    (head,) = scored_heads(head_numbers(one, cross=False).sums())
    assert (head.kind, head.scores["first"], head.scores["even"]) == ("first", 1, 0)


def test_memory_is_linear_in_the_length() -> None:
    """The bytes of all tensors that a pass makes outside of tiles grow with the length alone."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Largest(TorchDispatchMode):
        entries = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            for x in out if isinstance(out, tuple | list) else [out]:
                if isinstance(x, torch.Tensor):
                    self.entries = max(self.entries, x.untyped_storage().nbytes())
            return out

    sizes = []
    for length in (128, 512):
        query = torch.randn(1, 1, length, 4)
        ids = torch.randint(0, 40, (1, length))
        with Largest() as largest, patch.object(tile_plan, "CPU_TILE", 1 << 12), \
                patch.object(tile_plan, "LEAST_ROWS", 8), \
                patch.object(positions, "_CHUNK_ENTRIES", 1 << 11), torch.no_grad():  # fmt: skip
            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            head_numbers(AttentionMap.of(query, query, causal=True), cross=False, ids=ids).sums()
            torch.set_num_threads(threads)
        sizes.append(largest.entries)
    assert sizes[1] <= 4.2 * sizes[0]
    assert sizes[1] < 512 * 512 / 8  # less than a byte for every eighth weight of one head
