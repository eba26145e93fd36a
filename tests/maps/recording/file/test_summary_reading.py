"""The measures of an attention from their description."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ConfigError
from clearhead.file_reading import FileProblem
from clearhead.json_fields import Fields
from clearhead.maps.measures.per_position import Entropy, Received, Sink
from clearhead.maps.measures.pooled import Mass
from clearhead.maps.measures.topk import TopK
from clearhead.maps.recording.file._described_tensors import DescribedTensors
from clearhead.maps.recording.file._summary_reading import read_summary

SOURCE = {
    "model": "Model", "module": "a", "kind": "self", "kernel": "flash", "dropout": 0.0, "call": 0,
    "notes": [],
}  # fmt: skip
TENSORS = {
    "per query": torch.rand(1, 2, 3),
    "per key": torch.rand(1, 2, 4),
    "values": torch.rand(1, 2, 3, 2),
    "indices": torch.tensor([[0, 3], [1, -1], [2, 0]]).expand(1, 2, 3, 2),
    "far": torch.full((1, 2, 3, 2), 4),
    "masses": torch.rand(1, 2, 1, 2),
}
TOPK = {"k": 2, "by": "weight"}


def result(measure, settings, *tensors):
    return {"measure": measure, "settings": settings, "tensors": list(tensors)}


def read(*results, shape=(1, 2, 3, 4)):
    members = {"shape": list(shape), "source": SOURCE, "results": list(results)}
    return read_summary(Fields(members, "the summary"), DescribedTensors(TENSORS))


def test_every_measure_has_its_tensors_and_its_settings():
    summary = read(
        result("Entropy", {}, "per query"),
        result("Sink", {"count": 2}, "per query"),
        result("Received", {}, "per key"),
        result("TopK", TOPK, "values", "indices"),
        result("Mass", {"query_spans": [[0, 3]], "key_spans": [[0, 1], [1, 4]]}, "masses"),
    )
    assert summary.shape == (1, 2, 3, 4)
    assert summary.source.module == "a"
    mass = Mass([(0, 3)], [(0, 1), (1, 4)])
    assert list(summary.results) == [Entropy(), Sink(2), Received(), TopK(2), mass]
    assert torch.equal(summary.entropy(), TENSORS["per query"])
    assert torch.equal(summary.results[TopK(2)].indices, TENSORS["indices"])
    assert torch.equal(summary.results[mass], TENSORS["masses"])


@pytest.mark.parametrize(
    ("results", "words"),
    [
        (result("Spread", {}, "per query"), "is of the measure 'Spread', which is not known"),
        (result("Received", {}, "per query"), "has the shape [1, 2, 3], which does not fit there"),
        (result("Entropy", {}), "lacks '0'"),
        (result("Entropy", {"k": 2}, "per query"), "'k'"),
        (result("Sink", {}, "per query"), "lacks 'count'"),
        (result("Sink", {"count": "2"}, "per query"), "'count'"),
        (result("TopK", TOPK, "values", "far"), "has keys that are not among the 4"),
        (result("TopK", TOPK, "values", "values"), "is a tensor of float32, not of int64"),
        (
            result("Mass", {"query_spans": [[0]], "key_spans": []}, "masses"),
            "holds something other than (begin, end)",
        ),
    ],
)
def test_what_is_no_result_is_a_problem(results, words):
    with pytest.raises(FileProblem) as error:
        read(results)
    assert words in error.value.reason


def test_a_map_has_four_sizes():
    with pytest.raises(FileProblem, match="the summary has 3 sizes, and a map has 4"):
        read(shape=(1, 2, 3))


def test_settings_that_a_measure_does_not_accept_are_its_own_error():
    with pytest.raises(ConfigError):
        read(result("TopK", {"k": 0, "by": "weight"}, "values", "indices"))
