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
from clearhead.maps import AttentionMap, Mass, Pooled, Sink, Source, TopK
from tests.maps.dense import assert_near, cases, entropy, random_case

DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


@given(cases(DTYPES))
def test_weights_and_scores_are_those_of_the_dense_softmax(case):
    truth = case.weights()
    attention_map = case.map
    assert_near(attention_map.dense(), truth, case)
    scores = case.scores()
    scores = scores.where(scores > -1e37, -torch.inf)
    actual = attention_map.scores[...].double()
    live = scores.isfinite().any(-1, keepdim=True)  # what a mask swallowed has no scores left
    assert torch.equal((actual == -torch.inf) & live, (scores == -torch.inf) & live)
    finite = scores.isfinite()
    assert_near(actual[finite], scores[finite], case)


@given(cases(DTYPES), st.integers(1, 6))
def test_measures_are_those_of_the_dense_softmax(case, k):
    truth, attention_map = case.weights(), case.map
    key_len = truth.shape[-1]
    actual = attention_map.measure(
        "entropy", "received", "distance", "diagonal", Sink(2), TopK(k), TopK(k, "contribution")
    )
    assert_near(actual["entropy"], entropy(truth), case)
    assert_near(actual["received"], truth.sum(-2), case)
    assert_near(actual[Sink(2)], truth[..., :2].sum(-1), case)
    rows = torch.arange(truth.shape[2])[:, None] + attention_map.query_offset
    assert_near(actual["distance"], (truth * (rows - torch.arange(key_len)).abs()).sum(-1), case)
    diagonal = torch.zeros(truth.shape[:3], dtype=torch.float64)
    length = min(truth.shape[2:])
    diagonal[..., :length] = truth.diagonal(dim1=-2, dim2=-1)
    assert_near(actual["diagonal"], diagonal, case)
    norms = case.value.double().norm(dim=-1)
    norms = norms.repeat_interleave(case.query.shape[1] // case.key.shape[1], 1)
    for measure, entries in (
        (TopK(k), truth),
        (TopK(k, "contribution"), truth * norms[:, :, None]),
    ):
        values, indices = actual[measure]
        count = min(k, key_len)
        assert_near(values[..., :count], entries.topk(count).values, case)
        assert torch.equal(indices == -1, values == 0)
        assert_near(values, entries.gather(-1, indices.clamp(min=0)) * (indices >= 0), case)


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
    actual = case.map.measure(*reductions.values(), Mass(spans, keys))
    assert_near(actual[reductions["sum"]], sums, case)
    assert_near(actual[reductions["mean"]], sums / (rows.sum(0)[:, None] * columns.sum(0)), case)
    cells = truth[..., :, None, :, None] * rows[:, :, None, None] * columns
    assert_near(actual[reductions["max"]], cells.amax((2, 4)), case)
    masses = [[truth[..., a:b, c:d].sum(-1).mean(-1) for c, d in keys] for a, b in spans]
    expected = torch.stack([torch.stack(row, -1) for row in masses], -2)
    assert_near(actual[Mass(spans, keys)], expected, case)


def test_distances_count_from_where_the_queries_stand():
    case = random_case((1, 2, 3, 10), causal=True, causal_offset=7)
    truth = case.weights()
    distance = (torch.arange(3)[:, None] + 7 - torch.arange(10)).abs()
    assert_near(case.map.distance(), (truth * distance).sum(-1), case)


def test_a_dense_map_that_is_too_large_says_how_large_and_how_to_allow_it():
    case = random_case((1, 2, 64, 64))
    with pytest.raises(ConfigError, match=r"\[1, 2, 64, 64\] would take 0.0 GB.*max_bytes=32768"):
        case.map.dense(max_bytes=32767)
    assert case.map.dense(max_bytes=32768).shape == (1, 2, 64, 64)
    assert isinstance(case.map.numpy(), np.ndarray)
    assert torch.equal(case.map.torch(), case.map.dense())


def test_labels_belong_to_a_row_or_to_all():
    case = random_case((2, 2, 2, 3))
    attention_map = AttentionMap.of(
        case.query, case.key, query_labels=["a", "b"], key_labels=[["x"] * 3, ["y"] * 3]
    )
    assert attention_map.query_labels == (("a", "b"), ("a", "b"))
    assert attention_map.key_labels == (("x",) * 3, ("y",) * 3)
    with pytest.raises(ShapeError, match=r"key_labels must be 3 tokens, .* got lengths \[2, 2\]"):
        AttentionMap.of(case.query, case.key, key_labels=["x", "y"])


def test_the_repr_says_what_it_is_and_where_from():
    case = random_case((1, 4, 5, 5), causal=True)
    source = Source(model="Llama", module="layers.3", kernel="flash")
    text = repr(AttentionMap.of(case.query, case.key, source=source, causal=True, softcap=5.0))
    assert "1 x 4 heads (2 of keys) x 5 queries x 5 keys" in text
    assert "self-attention of layers.3 in Llama, computed by flash" in text
    assert "scale 0.25, softcap 5, causal mask" in text


PEAK = """
import resource, torch
from clearhead.maps import AttentionMap, Pooled
torch.manual_seed(0)
torch.set_num_threads(1)
query, key = torch.randn(2, 1, 1, {length}, 16)
def look(query, key):
    attention_map = AttentionMap.of(query, key, causal=True)
    attention_map.measure("entropy", "received", "topk", Pooled(64, 64))
    attention_map.column(3)
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
    process = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert int(process.stdout) * unit < 16 << 20
