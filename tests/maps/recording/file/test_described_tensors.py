"""The tensors that a description names: there, of the right dtype, of the right shape."""

from __future__ import annotations

import pytest
import torch

from clearhead.file_reading import FileProblem
from clearhead.json_fields import Fields
from clearhead.maps.recording.file._described_tensors import FLOATS, INTEGERS, DescribedTensors

TENSORS = DescribedTensors({"t0": torch.zeros(2, 1, 5), "t1": torch.zeros(3, dtype=torch.int32)})
OF = Fields({"query": "t0", "start": "t1", "key": "t9", "value": None}, "maps[3]")


@pytest.mark.parametrize("shape", [(2, 1, 5), (None, 1, None), (-2, -4, 5), (-2, -1, -5)])
def test_a_tensor_of_a_shape_that_fits(shape):
    assert TENSORS.get(OF, "query", FLOATS, *shape).shape == (2, 1, 5)
    assert TENSORS.get_optional(OF, "query", FLOATS, *shape) is not None


@pytest.mark.parametrize("shape", [(2, 1), (2, 1, 5, None), (2, 4, 5), (2, 1, 4), (-3, 1, 5)])
def test_a_shape_that_does_not_fit_is_a_problem(shape):
    with pytest.raises(FileProblem) as error:
        TENSORS.get(OF, "query", FLOATS, *shape)
    words = "'query' of maps[3] has the shape [2, 1, 5], which does not fit there"
    assert error.value.reason == words


@pytest.mark.parametrize(
    ("key", "dtypes", "words"),
    [
        ("key", FLOATS, "'key' of maps[3] names the tensor 't9', which is missing"),
        ("query", INTEGERS, "'query' of maps[3] is a tensor of float32, not of int32 or int64"),
        ("start", (torch.bool,), "'start' of maps[3] is a tensor of int32, not of bool"),
        ("lse", FLOATS, "maps[3] lacks 'lse'"),
    ],
)
def test_what_is_not_there_or_of_another_dtype_is_a_problem(key, dtypes, words):
    with pytest.raises(FileProblem) as error:
        TENSORS.get(OF, key, dtypes, None, None, None)
    assert error.value.reason == words


@pytest.mark.parametrize("key", ["value", "lse"])
def test_what_may_be_absent_is_none_then(key):
    assert TENSORS.get_optional(OF, key, FLOATS, None) is None
