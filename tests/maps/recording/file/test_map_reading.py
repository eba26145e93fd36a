"""One map from its description, and descriptions that make no map."""

from __future__ import annotations

import pytest
import torch

from clearhead.file_reading import FileProblem
from clearhead.json_fields import Fields
from clearhead.maps.recording.file._described_tensors import DescribedTensors
from clearhead.maps.recording.file._map_reading import read_map, read_source
from clearhead.maps.scores.bias import ToeplitzBias
from clearhead.maps.storage.provenance import Source
from tests.maps.attending import dense

torch.manual_seed(0)
SOURCE = {
    "model": "Model", "module": "a\x1b[31m", "kind": "cross", "kernel": "flash", "dropout": 0,
    "call": 2, "notes": ["one"],
}  # fmt: skip
DESCRIPTION = {
    "query": "query", "key": "key", "scale": 0.5, "query_offset": 2, "source": SOURCE,
}  # fmt: skip
TENSORS = {
    "query": torch.randn(2, 4, 5, 8),
    "key": torch.randn(2, 2, 7, 8),
    "start": torch.zeros(1, 1, 5, dtype=torch.int32),
    "end": torch.arange(1, 6, dtype=torch.int32)[None, None],
    "starts": torch.tensor([[0, 3]] * 5, dtype=torch.int32)[None, None],
    "ends": torch.tensor([[2, 4]] * 5, dtype=torch.int32)[None, None],
    "holes": torch.tensor([True, False, True, True, False, True, True])[None, None, None],
    "distances": torch.randn(1, 4, 11),
    "wide": torch.randn(1, 1, 5, 7),
    "sinks": torch.randn(4),
}
RANGES = {"start": "start", "end": "end"}
RUNS = {"starts": "starts", "ends": "ends"}


def read(**changes):
    return read_map(Fields({**DESCRIPTION, **changes}, "the map"), DescribedTensors(TENSORS))


def test_the_least_that_makes_a_map():
    attention_map = read()
    expected = dense(TENSORS["query"], TENSORS["key"], scale=0.5)
    torch.testing.assert_close(attention_map.dense().double(), expected, rtol=0, atol=3e-6)
    assert attention_map.query_offset == 2
    # Texts of a file are safe to print.
    notes = ("one",)
    assert attention_map.source == Source("Model", "a\\x1b[31m", "cross", "flash", 0.0, 2, notes)


@pytest.mark.parametrize(
    ("member", "mask"),
    [
        (RANGES, torch.ones(5, 7).tril().bool()),
        ({"allowed": "holes"}, TENSORS["holes"]),
        ({"allowed": "holes", "within": RANGES}, TENSORS["holes"] & torch.ones(5, 7).tril().bool()),
        (RUNS, torch.tensor([True, True, False, True, False, False, False])),
    ],
    ids=["ranges", "holes", "holes within ranges", "runs"],
)
def test_masks(member, mask):
    expected = dense(TENSORS["query"], TENSORS["key"], scale=0.5, mask=mask)
    actual = read(allowed=member).dense().double()
    torch.testing.assert_close(actual, expected, rtol=0, atol=3e-6)


def test_biases_sinks_and_caps():
    query, key = TENSORS["query"], TENSORS["key"]
    by_distance = read(bias={"values": "distances", "query_len": 5})
    assert isinstance(by_distance.scoring.bias, ToeplitzBias)
    distance = torch.arange(7) - torch.arange(5)[:, None]
    bias = TENSORS["distances"][..., distance + 4]
    expected = dense(query, key, scale=0.5, mask=bias.double())
    torch.testing.assert_close(by_distance.dense().double(), expected, rtol=0, atol=3e-6)
    other = read(bias={"values": "wide"}, sinks="sinks", softcap=3)
    options = {"softcap": 3.0, "mask": TENSORS["wide"].double(), "sinks": TENSORS["sinks"]}
    expected = dense(query, key, scale=0.5, **options)
    torch.testing.assert_close(other.dense().double(), expected, rtol=0, atol=3e-6)


@pytest.mark.parametrize(
    ("labels", "rows"),
    [
        (list("abcde"), (tuple("abcde"), tuple("abcde"))),
        ([list("abcde"), list("fghij")], (tuple("abcde"), tuple("fghij"))),
    ],
)
def test_labels_are_for_all_rows_or_for_each(labels, rows):
    assert read(query_labels=labels).query_labels == rows


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"softcap": 0}, "'softcap' of the map is 0.0; it must be above 0"),
        ({"added_in": "torch.int8"}, "is 'torch.int8', which is no type of numbers"),
        ({"query_offset": 1 << 41}, "'query_offset' of the map"),
        ({"query_labels": [["a", 1]]}, "'query_labels' of the map, [0]"),
        (
            {"bias": {"values": "distances", "query_len": 6}},
            "'bias' of the map is not for the 5 queries of its map",
        ),
        (
            {"allowed": {"start": "end", "end": "start"}},
            "'allowed' of the map has ranges of keys that are not among the 7",
        ),
        ({"source": {**SOURCE, "call": -1}}, "'call' of 'source' of the map"),
        ({"sinks": "query"}, "'sinks' of the map has the shape [2, 4, 5, 8]"),
    ],
)
def test_what_makes_no_map_is_a_problem(changes, words):
    with pytest.raises(FileProblem) as error:
        read(**changes)
    assert words in error.value.reason


def test_heads_without_a_width_are_a_problem():
    tensors = DescribedTensors({**TENSORS, "query": torch.zeros(2, 4, 5, 0)})
    with pytest.raises(FileProblem, match="the map has no heads, or heads without a width"):
        read_map(Fields(DESCRIPTION, "the map"), tensors)


@pytest.mark.parametrize("member", SOURCE)
def test_a_source_has_all_its_members(member):
    members = {name: value for name, value in SOURCE.items() if name != member}
    with pytest.raises(FileProblem, match=f"the source lacks '{member}'"):
        read_source(Fields(members, "the source"))
