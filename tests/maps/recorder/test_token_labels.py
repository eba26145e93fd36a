"""Tokens at the sides of maps, from the ids that the model was called with."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from clearhead.errors import ConfigError
from clearhead.maps import Scoring
from clearhead.maps.recorder.owners import Owner
from clearhead.maps.recorder.token_labels import TokenLabels, ids_of_length
from clearhead.maps.recording.captured import CapturedAttention
from clearhead.maps.recording.growing_call import GrowingCall
from clearhead.maps.recording.storage import Storage
from clearhead.maps.storage.provenance import Source
from tests.maps.attending import recorded
from tests.maps.recorder.layers import Model


def test_tokens_label_queries_and_keys():
    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(9, 8)
            self.model = Model(1)

        def forward(self, input_ids):
            return self.model(self.embedding(input_ids))

    model, ids = Reader(), torch.tensor([[3, 1, 4], [1, 5, 8]])
    recording = recorded(model, lambda: model(ids), tokenizer=lambda ids: [f"<{i}>" for i in ids])
    assert [list(row) for row in recording[0].key_labels] == [
        ["<3>", "<1>", "<4>"],
        ["<1>", "<5>", "<8>"],
    ]
    with pytest.raises(ConfigError, match="tokenizer must have convert_ids_to_tokens"):
        recorded(model, lambda: model(ids), tokenizer=3)


IDS = torch.tensor([[3, 1, 4], [1, 5, 8]])
SOURCE_IDS = torch.tensor([[7, 7, 7, 7], [6, 6, 6, 6]])


def attention(queries, keys, kind="self"):
    query, key = torch.randn(2, 1, queries, 4), torch.randn(2, 1, keys, 4)
    captured = CapturedAttention(query, key, Scoring.of(query, key), "kernel")
    return GrowingCall.of(Source(kind=kind), captured, Storage()), captured


def owner(name, **inputs):
    return Owner(name, nn.Identity(), outermost=inputs)


@pytest.mark.parametrize("form", ["convert_ids_to_tokens", "id_to_token", "function"])
def test_each_kind_of_tokenizer_labels_alike(form):
    tokenizer = type("Tokenizer", (), {})()
    if form == "convert_ids_to_tokens":
        tokenizer.convert_ids_to_tokens = lambda ids: [f"<{i}>" for i in ids]
    elif form == "id_to_token":
        tokenizer.id_to_token = lambda i: f"<{i}>"
    else:
        tokenizer = lambda ids: [f"<{i}>" for i in ids]  # noqa: E731
    call, captured = attention(3, 3)
    TokenLabels(tokenizer).add(call, owner("layer", input_ids=IDS), captured)
    rows = [["<3>", "<1>", "<4>"], ["<1>", "<5>", "<8>"]]
    assert call.labels == {"query": rows, "key": rows}


def test_the_steps_of_a_generation_follow_one_another():
    labels, (call, captured) = TokenLabels(lambda ids: list(map(str, ids))), attention(3, 3)
    labels.add(call, owner("layer", input_ids=IDS), captured)
    _, step = attention(1, 4)
    labels.add(call, owner("layer", input_ids=torch.tensor([[9], [2]])), step)
    rows = [["3", "1", "4", "9"], ["1", "5", "8", "2"]]
    assert call.labels == {"query": rows, "key": rows}


@pytest.mark.parametrize("later", [False, True])
def test_the_keys_of_cross_attention_are_the_sources(later):
    """From the same inputs, or, in a later step, from the encoder's pass before."""
    labels = TokenLabels(lambda ids: list(map(str, ids)))
    inputs = {"decoder_input_ids": IDS, "input_ids": SOURCE_IDS}
    if later:
        call, captured = attention(4, 4)
        labels.add(call, owner("encoder.layer", input_ids=SOURCE_IDS), captured)
        del inputs["input_ids"]
    call, captured = attention(3, 4, kind="cross")
    labels.add(call, owner("decoder.layer", **inputs), captured)
    assert call.labels["query"] == [["3", "1", "4"], ["1", "5", "8"]]
    assert call.labels["key"] == [["7"] * 4, ["6"] * 4]


@pytest.mark.parametrize("ids", [IDS[:, :2], IDS[:1]], ids=["another length", "another batch"])
def test_ids_that_do_not_fit_label_nothing(ids):
    call, captured = attention(3, 3)
    TokenLabels(lambda ids: list(map(str, ids))).add(call, owner("layer", input_ids=ids), captured)
    assert call.labels == {}


def test_ids_of_one_length_are_the_decoders_in_a_decoder():
    inputs = {"input_ids": IDS, "decoder_input_ids": IDS + 1, "other": SOURCE_IDS}
    assert ids_of_length(inputs, 3, decoder=True) is inputs["decoder_input_ids"]
    assert ids_of_length(inputs, 3, decoder=False) is inputs["input_ids"]
    assert ids_of_length(inputs, 4, decoder=True) is SOURCE_IDS
    assert ids_of_length(inputs, 5, decoder=True) is None


def test_what_is_no_tokenizer_is_refused():
    with pytest.raises(ConfigError, match="or be a function from ids to tokens; got int"):
        TokenLabels(3)
