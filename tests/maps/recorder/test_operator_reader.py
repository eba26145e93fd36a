"""Operators that were read, and those that could not be."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention as sdpa

from clearhead.errors import TraceError
from tests.maps.attending import Calls, WrapperTensor, dense, recorded
from tests.maps.recorder.layers import Model, X


def test_a_fault_of_the_recorder_is_a_refusal_and_the_model_runs_on(monkeypatch):
    from clearhead.maps.recorder import operator_reader

    def broken(*_):
        raise ValueError("a mistake")

    monkeypatch.setattr(operator_reader, "read_fused", broken)
    model = Model(1)
    recording = recorded(model, lambda: model(X))
    with pytest.raises(TraceError, match="reading it failed: ValueError: a mistake"):
        recording[0]


torch.manual_seed(0)
Q, K = torch.randn(1, 2, 5, 4), torch.randn(1, 2, 7, 4)


def test_a_mask_that_is_written_to_between_two_calls_is_read_anew():
    mask = torch.ones(5, 7, dtype=torch.bool)

    def attend():
        mask[:] = True
        first = sdpa(Q, K, K, attn_mask=mask)
        mask[:, 3:] = False
        return first, sdpa(Q, K, K, attn_mask=mask)

    model = Calls(attend)
    recording = recorded(model, model)
    for call, columns in ((0, 7), (1, 3)):
        expected = dense(Q, K, mask=torch.arange(7) < columns)
        actual = recording["", call].dense().double()
        torch.testing.assert_close(actual, expected, rtol=0, atol=3e-6)


def test_layers_that_share_a_boolean_mask_share_its_compact_form():
    """The kernel gets another float mask for every call, which is known to be the same."""
    mask = torch.rand(5, 7) > 0.4
    mask[:, 0] = True
    model = Calls(lambda: [sdpa(Q + i, K, K, attn_mask=mask) for i in range(3)])
    recording = recorded(model, model)
    first, *others = (one.scoring.mask for one in recording.calls(""))
    assert all(other is first for other in others)


def test_the_layer_of_an_encoder_is_known_by_its_weight():
    torch.manual_seed(0)
    model = nn.TransformerEncoderLayer(8, 2, 8, batch_first=True).eval()
    with torch.no_grad():
        recording = recorded(model, lambda: model(X))
    assert recording.keys() == ["self_attn"]
    assert recording[0].source.kind == "self"


def test_an_attention_of_another_library_is_refused_by_name():
    library = torch.library.Library("strangers_reader", "DEF")
    library.define("flash_attn_of_another(Tensor query, Tensor key, Tensor value) -> Tensor")
    library.impl("flash_attn_of_another", lambda q, k, v: q.clone(), "CPU")
    model = Calls(lambda: torch.ops.strangers_reader.flash_attn_of_another(Q, K, K))
    recording = recorded(model, model)
    with pytest.raises(TraceError, match=r"flash_attn_of_another.* is not known to clearhead"):
        recording[""]


def test_tensors_with_an_arithmetic_of_their_own_are_refused():
    query, key = WrapperTensor(Q), WrapperTensor(K)
    model = Calls(lambda: sdpa(query, key, key).inner)
    recording = recorded(model, model)
    with pytest.raises(TraceError, match="WrapperTensor"):
        recording[""]
