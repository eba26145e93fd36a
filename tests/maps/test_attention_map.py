"""Every answer of a map against the dense float64 softmax, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

import clearhead
from clearhead.errors import ConfigError, ShapeError
from clearhead.maps import AttentionMap, Entropy, Mass, Pooled, Received, Sink, Source, TopK
from clearhead.maps.storage import stored_attention
from tests.maps.dense import Case, cases, entropy

DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


def tolerance(case: Case) -> float:
    return 1e-12 if case.query.dtype == torch.float64 else 4e-6


def close(found: torch.Tensor, truth: torch.Tensor, case: Case) -> None:
    bound = tolerance(case) * max(1.0, float(truth.abs().max()) if truth.numel() else 1.0)
    torch.testing.assert_close(found.double(), truth, rtol=0, atol=bound)


@given(cases(DTYPES))
def test_weights_and_scores_are_those_of_the_dense_softmax(case):
    truth = case.weights()
    attention_map = case.map
    close(attention_map.dense(), truth, case)
    scores = case.scores()
    scores = scores.where(scores > -1e37, -torch.inf)
    found = attention_map.scores[...].double()
    live = scores.isfinite().any(-1, keepdim=True)  # what a mask swallowed has no scores left
    assert torch.equal((found == -torch.inf) & live, (scores == -torch.inf) & live)
    shown = scores.isfinite()
    close(found[shown], scores[shown], case)


@given(cases(DTYPES), st.integers(1, 6))
def test_measures_are_those_of_the_dense_softmax(case, k):
    truth, attention_map = case.weights(), case.map
    key_len = truth.shape[-1]
    found = attention_map.measure(
        "entropy", "received", "distance", "diagonal", Sink(2), TopK(k), TopK(k, "contribution")
    )
    close(found["entropy"], entropy(truth), case)
    close(found["received"], truth.sum(-2), case)
    close(found[Sink(2)], truth[..., :2].sum(-1), case)
    rows = torch.arange(truth.shape[2])[:, None] + attention_map.query_offset
    close(found["distance"], (truth * (rows - torch.arange(key_len)).abs()).sum(-1), case)
    diagonal = torch.zeros(truth.shape[:3], dtype=torch.float64)
    length = min(truth.shape[2:])
    diagonal[..., :length] = truth.diagonal(dim1=-2, dim2=-1)
    close(found["diagonal"], diagonal, case)
    norms = case.value.double().norm(dim=-1)
    norms = norms.repeat_interleave(case.query.shape[1] // case.key.shape[1], 1)
    for measure, entries in (
        (TopK(k), truth),
        (TopK(k, "contribution"), truth * norms[:, :, None]),
    ):
        values, indices = found[measure]
        count = min(k, key_len)
        close(values[..., :count], entries.topk(count).values, case)
        assert torch.equal(indices == -1, values == 0)
        close(values, entries.gather(-1, indices.clamp(min=0)) * (indices >= 0), case)


@given(cases(DTYPES), st.data())
def test_pictures_and_masses_are_those_of_the_dense_softmax(case, data):
    truth = case.weights()
    query_len, key_len = truth.shape[2:]
    height, width = data.draw(st.integers(1, query_len)), data.draw(st.integers(1, key_len))
    y = torch.arange(query_len) * height // query_len
    x = torch.arange(key_len) * width // key_len
    rows = F.one_hot(y, height).double()
    columns = F.one_hot(x, width).double()
    sums = rows.T @ truth @ columns
    reductions = {reduce: Pooled(height, width, reduce) for reduce in ("sum", "mean", "max")}
    spans = [(0, query_len), (query_len // 2, query_len // 2 + 1)]
    keys = [(0, key_len), (key_len // 3, key_len)]
    found = case.map.measure(*reductions.values(), Mass(spans, keys))
    close(found[reductions["sum"]], sums, case)
    close(found[reductions["mean"]], sums / (rows.sum(0)[:, None] * columns.sum(0)), case)
    cells = truth[..., :, None, :, None] * rows[:, :, None, None] * columns
    close(found[reductions["max"]], cells.amax((2, 4)), case)
    masses = [[truth[..., a:b, c:d].sum(-1).mean(-1) for c, d in keys] for a, b in spans]
    expected = torch.stack([torch.stack(row, -1) for row in masses], -2)
    close(found[Mass(spans, keys)], expected, case)


def index_parts(size: int) -> st.SearchStrategy:
    integers = st.integers(-size, size - 1)
    bound = st.none() | st.integers(-size - 2, size + 2)
    return integers | st.slices(size) | st.builds(slice, bound, bound, st.integers(1, 3))


@given(cases(), st.data())
def test_indexing_is_that_of_an_array(case, data):
    truth = case.weights()
    index = tuple(data.draw(index_parts(size)) for size in truth.shape)
    index = index[: data.draw(st.integers(1, 4))]
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(index)))
        index = (*index[:place], ..., *index[place + 1 :])
    expected = torch.from_numpy(np.array(truth.numpy()[index]))
    found = case.map[index]
    assert found.shape == expected.shape
    close(found, expected, case)


def random_map(shape=(2, 4, 30, 30), **options):
    torch.manual_seed(0)
    batch, heads, query_len, key_len = shape
    query = torch.randn(batch, heads, query_len, 16)
    key, value = torch.randn(2, batch, heads // 2, key_len, 16)
    return Case(query, key, value, options)


@pytest.mark.parametrize(
    "index",
    [
        (0, 3, [5, 2, 2, -1]),
        (0, slice(None), [1, 3], [4, 5]),
        ([1, 0], [0, 3], 4),
        (slice(None), [0, 2], slice(3, 9, 2), torch.tensor([[1, 2], [3, 4]])),
        (1, 2, [], 3),
        (slice(1, 2), [0, 0], slice(0, 4, 2), [-1, -1]),
        (1, 2, slice(7, 7)),
    ],
)
def test_lists_of_integers_go_together_as_in_pytorch(index):
    case = random_map(causal=True)
    expected = case.weights()[index]
    found = case.map[index]
    assert found.shape == expected.shape
    close(found, expected, case)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ((0, 4), r"Index 4 is out of range for the axis heads, which has 4 entries: -4 to 3"),
        ((0, 0, [1, -31]), r"Index -31 is out of range for the axis queries"),
        ((0, 0, 0, 0, 0), r"four axes \(batch, heads, queries, keys\); got 5 indices"),
        ((..., ...), r"2 times '...'"),
        ((0, 1.5), r"The axis heads is indexed by integers, slices, .* got 1.5"),
        ((0, [True, False]), r"The axis heads is indexed by integers"),
        ((0, "1"), r"got '1'"),
        ((slice("a", None),), r"no slice of the axis batch"),
    ],
)
def test_what_is_no_index_is_refused(index, words):
    with pytest.raises(IndexError, match=words):
        random_map().map[index]


def test_only_the_tile_asked_for_is_computed(monkeypatch):
    attention_map = random_map((1, 2, 400, 400)).map

    def no_pass(*_, **__):
        raise AssertionError("the whole map was gone through")

    monkeypatch.setattr(stored_attention.TilePass, "run", no_pass)
    assert attention_map[0, 1, 17, 3].shape == ()
    assert attention_map[0, :, 100:110].shape == (2, 10, 400)
    assert attention_map.scores[:, :, :, 7].shape == (1, 2, 400)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_kernels_log_sum_exp_is_used_where_it_is_exact(dtype):
    case = random_map(causal=True)
    lse = case.scores().logsumexp(-1).float()
    query, key = case.query.to(dtype), case.key.to(dtype)
    attention_map = AttentionMap.of(query, key, lse=lse + 1, causal=True)
    truth = Case(query, key, key, {"causal": True}).weights()[..., 5]
    shift = 1.0 if dtype == torch.float32 else 0.0
    torch.testing.assert_close(
        attention_map.column(5).double(), truth * np.exp(-shift), rtol=1e-5, atol=1e-6
    )
    # Whole rows need nothing but themselves.
    close(attention_map.row(5), Case(query, key, key, {"causal": True}).weights()[..., 5, :], case)


def test_a_query_that_sees_nothing_has_zeros_whatever_its_kernel_says():
    mask = torch.ones(30, 30, dtype=torch.bool)
    mask[7] = False
    case = random_map(mask=mask)
    lse = case.scores().logsumexp(-1).float().nan_to_num(neginf=0.0)
    attention_map = AttentionMap.of(case.query, case.key, lse=lse, mask=mask)
    assert torch.equal(attention_map.row(7), torch.zeros(2, 4, 30))
    assert bool((attention_map.lse[:, :, 7] == -torch.inf).all())
    assert torch.equal(attention_map.entropy()[:, :, 7], torch.zeros(2, 4))
    close(attention_map.column(3), case.weights()[..., 3], case)


def test_one_measure_is_the_same_alone_as_with_others():
    attention_map = random_map(causal=True).map
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


def test_distances_count_from_where_the_queries_stand():
    case = random_map((1, 2, 3, 10), causal=True, causal_offset=7)
    truth = case.weights()
    distance = (torch.arange(3)[:, None] + 7 - torch.arange(10)).abs()
    close(case.map.distance(), (truth * distance).sum(-1), case)


def test_contributions_are_weights_times_the_norms_of_values():
    case = random_map()
    norms = case.value.double().norm(dim=-1).repeat_interleave(2, 1)
    close(case.map.contributions[1, :, 3:5], (case.weights() * norms[:, :, None])[1, :, 3:5], case)
    kept_none = AttentionMap.of(case.query, case.key)
    with pytest.raises(ConfigError, match="kept no values: record with values=True"):
        kept_none.contributions[0]
    with pytest.raises(ConfigError, match="kept no values"):
        kept_none.topk(3, by="contribution")


def test_a_dense_map_that_is_too_large_says_how_large_and_how_to_allow_it():
    case = random_map((1, 2, 64, 64))
    with pytest.raises(ConfigError, match=r"\[1, 2, 64, 64\] would take 0.0 GB.*max_bytes=32768"):
        case.map.dense(max_bytes=32767)
    assert case.map.dense(max_bytes=32768).shape == (1, 2, 64, 64)
    assert isinstance(case.map.numpy(), np.ndarray)
    assert torch.equal(case.map.torch(), case.map.dense())


def test_labels_belong_to_a_row_or_to_all():
    case = random_map((2, 2, 2, 3))
    attention_map = AttentionMap.of(
        case.query, case.key, query_labels=["a", "b"], key_labels=[["x"] * 3, ["y"] * 3]
    )
    assert attention_map.query_labels == (("a", "b"), ("a", "b"))
    assert attention_map.key_labels == (("x",) * 3, ("y",) * 3)
    with pytest.raises(ShapeError, match=r"key_labels must be 3 tokens, .* got lengths \[2, 2\]"):
        AttentionMap.of(case.query, case.key, key_labels=["x", "y"])


def test_the_repr_says_what_it_is_and_where_from():
    case = random_map((1, 4, 5, 5), causal=True)
    source = Source(model="Llama", module="layers.3", kernel="flash")
    text = repr(AttentionMap.of(case.query, case.key, source=source, causal=True, softcap=5.0))
    assert "1 x 4 heads (2 of keys) x 5 queries x 5 keys" in text
    assert "self-attention of layers.3 in Llama, computed by flash" in text
    assert "scale 0.25, softcap 5, causal mask" in text


def test_tensors_that_do_not_fit_are_refused():
    case = random_map()
    with pytest.raises(ShapeError, match=r"value .* must have the batch, heads and length of key"):
        AttentionMap.of(case.query, case.key, case.value[:, :, 1:])
    with pytest.raises(ShapeError, match="lse holds one number per query"):
        AttentionMap.of(case.query, case.key, lse=torch.zeros(2, 4))
    with pytest.raises(ConfigError, match="There is no measure 'spread'"):
        case.map.measure("spread")


def test_gradients_stay_outside():
    case = random_map()
    attention_map = AttentionMap.of(case.query.requires_grad_(), case.key.requires_grad_())
    assert not attention_map.dense().requires_grad
    assert not any(x.requires_grad for x in attention_map.measure("entropy", "received").values())


def test_an_empty_batch_has_empty_answers():
    attention_map = AttentionMap.of(torch.zeros(0, 2, 3, 4), torch.zeros(0, 2, 5, 4))
    assert attention_map.entropy().shape == (0, 2, 3)
    assert attention_map.received().shape == (0, 2, 5)
    assert attention_map[..., 0].shape == (0, 2, 3)


PEAK = """
import resource, torch
from clearhead.maps import AttentionMap, Pooled
torch.manual_seed(0)
torch.set_num_threads(1)
query, key = torch.randn(2, 1, 1, {length}, 16)
def look(query, key):
    found = AttentionMap.of(query, key, causal=True)
    found.measure("entropy", "received", "topk", Pooled(64, 64))
    found.column(3)
look(query[:, :, :1024], key[:, :, :1024])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
look(query, key)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_is_linear_in_the_length():
    """4,096 tokens in one head: a dense map alone would be 64 MiB."""
    unit = 1024 if sys.platform != "darwin" else 1
    command = [sys.executable, "-c", PEAK.format(length=4096)]
    environment = {**os.environ, "PYTHONPATH": str(Path(clearhead.__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert int(done.stdout) * unit < 16 << 20


def test_received_adds_up_to_the_number_of_queries():
    assert float(random_map((1, 2, 30, 50)).map.measure(Received())[Received()][0, 0].sum()) == (
        pytest.approx(30, rel=1e-6)
    )


def test_an_axis_of_one_is_indexed_as_any_other():
    case = random_map((1, 2, 1, 1))
    weights = case.weights()
    for index in ((0, 0, 0, [0, 0]), (slice(0, 0), 1), (0, [1, 1], [0, 0])):
        assert case.map[index].shape == weights[index].shape
