"""What cannot be read is told by the name of its module; an empty table is no answer."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clearhead.maps.recorder.record import record
from tests.maps.attending import WrapperTensor
from tests.maps.strangers.judge import (
    MODES,
    SHAPES,
    Attention,
    Model,
    assert_equal,
    assert_read_or_refused,
    assert_refused,
    factors,
    judge,
    recorded,
    weights_of,
)

QUERY, KEY, VALUE = factors(SHAPES["batch 2, heads 4"])


def explicit(q, k, v):
    return (q @ k.mT * 0.4).softmax(-1) @ v


def fused(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, scale=0.4)


def merged(q, k, v):
    flat = (x.flatten(0, 1) for x in (q, k, v))
    return explicit(*flat).unflatten(0, q.shape[:2])


class Tagged(Tensor):
    """A subclass that adds nothing, as fastai and others have."""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", [explicit, merged, fused], ids=lambda form: form.__name__)
def test_tensors_of_a_subclass(form, mode):
    model = Model(Attention(form, 4))
    with MODES[mode](), record(model) as recording:
        model(*(x.as_subclass(Tagged) for x in (QUERY, KEY, VALUE)))
    assert_read_or_refused(recording, weights_of(form, QUERY, KEY, VALUE))


@pytest.mark.parametrize("form", [explicit, fused], ids=lambda form: form.__name__)
def test_tensors_that_wrap_others(form):
    model = Model(Attention(form, 4))
    with torch.no_grad(), record(model) as recording:
        model(*map(WrapperTensor, (QUERY, KEY, VALUE)))
    assert_read_or_refused(recording, weights_of(form, QUERY, KEY, VALUE))


@pytest.mark.parametrize("mode", MODES)
def test_a_subclass_in_one_layer_of_two(mode):
    """Half a recording is not a whole one."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = Attention(explicit, 4), Attention(explicit, 4)

        def forward(self, q, k, v):
            self.first(q, k, v)
            return self.second(q.as_subclass(Tagged), k, v)

    recording = recorded(Two(), mode, QUERY, KEY, VALUE)
    assert recording.keys() == ["first", "second"]
    assert list(recording.refusals) in ([], ["second"])


def scores_and_values_by_sums(q, k, v):
    scores = (q[:, :, :, None] * k[:, :, None]).sum(-1) * 0.4
    return (scores.softmax(-1)[..., None] * v[:, :, None]).sum(-2)


def values_by_sums(q, k, v):
    return ((q @ k.mT * 0.4).softmax(-1)[..., None] * v[:, :, None]).sum(-2)


def scores_by_sums(q, k, v):
    return ((q[:, :, :, None] * k[:, :, None]).sum(-1) * 0.4).softmax(-1) @ v


def additive(q, k, v):
    return torch.tanh(q[:, :, :, None] + k[:, :, None]).sum(-1).softmax(-1) @ v


def products_into_buffers(q, k, v):
    batch = q.shape[:2]
    q, k, v = (x.flatten(0, 1) for x in (q, k, v))
    scores = q.new_empty(len(q), q.shape[1], k.shape[1])
    out = q.new_empty(len(q), q.shape[1], v.shape[2])
    torch.bmm(q, k.mT, out=scores)
    torch.bmm(scores.softmax(-1), v, out=out)
    return out.unflatten(0, batch)


def softmax_into_a_buffer(q, k, v):
    scores = q @ k.mT * 0.4
    weights = torch.empty_like(scores)
    torch.softmax(scores, -1, out=weights)
    return weights @ v


def softmax_into_its_scores(q, k, v):
    scores = q @ k.mT * 0.4
    torch.softmax(scores, -1, out=scores)
    return scores @ v


def scores_by_a_buffer_and_matmul(q, k, v):
    scores = q.new_empty(*q.shape[:3], k.shape[2])
    torch.matmul(q, k.mT, out=scores)
    return scores.mul_(0.4).softmax(-1) @ v


def by_distance(q, k, v):
    return (-torch.cdist(q, k)).softmax(-1) @ v


def elu_linear(q, k, v):
    q, k = F.elu(q) + 1, F.elu(k) + 1
    return (q @ (k.mT @ v)) / (q @ k.sum(-2)[..., None])


def softmax_of_both_factors(q, k, v):
    return q.softmax(-1) @ (k.softmax(-2).mT @ v)


def sigmoid(q, k, v):
    return torch.sigmoid(q @ k.mT) @ v


def without_softmax(q, k, v):
    return (q @ k.mT / k.shape[-2]) @ v


def relu_normalised(q, k, v):
    scores = F.relu(q @ k.mT)
    return scores / (scores.sum(-1, keepdim=True) + 1e-6) @ v


UNUSUAL = [
    scores_and_values_by_sums, values_by_sums, scores_by_sums, additive, products_into_buffers,
    softmax_into_a_buffer, softmax_into_its_scores, scores_by_a_buffer_and_matmul, by_distance,
    sigmoid, without_softmax, relu_normalised,
]  # fmt: skip


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "grad"])
@pytest.mark.parametrize("form", UNUSUAL, ids=lambda form: form.__name__)
def test_unusual_ways_are_right_or_refused(form, mode):
    judge(form, mode, read=False)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("form", [elu_linear, softmax_of_both_factors], ids=lambda f: f.__name__)
def test_linear_attention_is_named_and_has_no_map(form, mode):
    recording = recorded(Model(Attention(form, 4)), mode, QUERY, KEY, VALUE)
    assert_refused(recording)


class TalkingHeads(nn.Module):
    """CaiT: heads are mixed before and after the softmax, by a parameter."""

    def __init__(self, before: bool, after: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.before = nn.Parameter(torch.randn(4, 4)) if before else None
        self.after = nn.Parameter(torch.randn(4, 4)) if after else None

    def forward(self, q, k, v):
        scores = q @ k.mT * 0.4
        if self.before is not None:
            scores = torch.einsum("bhij,hg->bgij", scores, self.before)
        weights = scores.softmax(-1)
        if self.after is not None:
            weights = torch.einsum("bhij,hg->bgij", weights, self.after)
        return weights @ v


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("before", "after"), [(True, False), (False, True), (True, True)])
def test_talking_heads(before, after, mode):
    heads = TalkingHeads(before, after)
    with torch.no_grad():
        truth = weights_of(heads.double(), QUERY, KEY, VALUE)
    recording = recorded(Model(heads.float()), mode, QUERY, KEY, VALUE)
    assert_read_or_refused(recording, truth)


class DeformableAttention(nn.Module):
    """Weights from the queries alone, values sampled at places: Deformable DETR."""

    def __init__(self, points: int = 3) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.weights, self.offsets = nn.Linear(8, points), nn.Linear(8, 2 * points)
        self.points = points

    def forward(self, query, grid):
        weights = self.weights(query).softmax(-1)  # [batch, queries, points]
        places = self.offsets(query).unflatten(-1, (self.points, 2)).tanh()
        sampled = F.grid_sample(grid, places, align_corners=False)  # [batch, width, ...]
        return (sampled * weights[:, None]).sum(-1).transpose(1, 2)


@pytest.mark.parametrize("mode", MODES)
def test_deformable_attention_is_named(mode):
    recording = recorded(
        Model(DeformableAttention()), mode, torch.randn(2, 5, 8), torch.randn(2, 8, 4, 4)
    )
    assert_refused(recording)


@pytest.mark.parametrize("mode", MODES)
def test_a_classifier_s_softmax_is_no_attention(mode):
    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(8, 5)

        def forward(self, x):
            return self.head(x).softmax(-1)

    assert recorded(Classifier(), mode, torch.randn(2, 8)).keys() == []


@pytest.mark.parametrize("form", [explicit, fused], ids=lambda form: form.__name__)
def test_a_model_that_ran_in_another_thread_leaves_a_word(form):
    model = Model(Attention(form, 4))
    with torch.no_grad(), record(model) as recording:
        thread = threading.Thread(target=lambda: model(QUERY, KEY, VALUE))
        thread.start()
        thread.join()
    if recording.keys():
        assert_read_or_refused(recording, weights_of(form, QUERY, KEY, VALUE))
    else:
        assert "thread" in str(recording)


def test_an_empty_recording_of_a_model_without_attention_claims_nothing():
    with record(nn.Linear(3, 3)) as recording:
        pass
    assert recording.keys() == []
    assert not recording.refusals


@pytest.mark.parametrize("form", [explicit, merged, fused], ids=lambda form: form.__name__)
def test_meta_tensors_are_named_with_the_reason(form):
    model = Model(Attention(form, 4))
    with torch.no_grad(), record(model) as recording:
        model(*(x.to("meta") for x in (QUERY, KEY, VALUE)))
    assert_refused(recording, "meta|no numbers|no memory")
    assert "Tensor.item() cannot be called" not in str(recording)


def test_a_part_that_was_read_does_not_hide_one_that_was_not():
    """Two forms in one module: the map of one, and a refusal for the other."""

    def both(q, k, v):
        return explicit(q, k, v) + scores_and_values_by_sums(q, k, v)

    recording = recorded(Model(Attention(both, 4)), "no_grad", QUERY, KEY, VALUE)
    truth = weights_of(explicit, QUERY, KEY, VALUE)
    if recording.refusals:
        assert_refused(recording)
    else:
        maps = recording.calls("attention")
        assert len(maps) == 2
        for one in maps:
            assert_equal(one.dense(), truth)
