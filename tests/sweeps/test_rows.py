"""Copies of texts side by side, and what a model returned for one of them."""

from __future__ import annotations

from typing import NamedTuple

import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from torch import nn  # noqa: E402

from clearhead.attribution.target import Target  # noqa: E402
from clearhead.errors import ConfigError  # noqa: E402
from clearhead.sweeps.rows import (  # noqa: E402
    batch_of,
    beside,
    mapped,
    repeated,
    reversed_texts,
    row_of,
    scale_of,
    without_surplus,
)


class Pair(NamedTuple):
    first: torch.Tensor
    second: torch.Tensor


@given(batch=st.integers(1, 4), length=st.integers(1, 5), copies=st.integers(1, 4))
def test_each_row_of_copies_is_the_original(batch, length, copies):
    ids = torch.arange(batch * length).reshape(batch, length)
    named = {
        "input_ids": ids,
        "lengths": torch.arange(batch),
        "use_cache": False,
        "parts": (ids, {"more": ids + 1}),
    }
    copied = repeated(named, copies)
    assert copied["input_ids"].shape == (batch * copies, length)
    output = {"logits": copied["input_ids"], "pair": Pair(copied["lengths"], torch.tensor(3.0))}
    for row in range(copies):
        own = row_of(output, row, batch, copies)
        assert torch.equal(own["logits"], ids)
        assert torch.equal(own["pair"].first, torch.arange(batch))
        assert own["pair"].second == 3.0
    assert torch.equal(copied["parts"][1]["more"][-batch:], ids + 1)


def test_the_number_of_texts():
    assert batch_of(torch.zeros(3, 2)) == 3
    assert batch_of({"scale": torch.tensor(2.0), "input_ids": torch.zeros(2, 4)}) == 2
    with pytest.raises(ConfigError, match="no tensor with an axis for texts"):
        batch_of(torch.zeros(3))
    with pytest.raises(ConfigError, match="The inputs hold a object"):
        batch_of({"input_ids": torch.zeros(2, 4), "past": object()})


def test_texts_beside_others():
    ids, others = torch.tensor([[1, 2, 3]]), torch.tensor([[7, 8, 9]])
    both = beside({"input_ids": ids, "flag": True}, {"input_ids": others, "flag": True})
    assert both["input_ids"].tolist() == [[1, 2, 3], [7, 8, 9]]
    assert beside(ids, others).tolist() == [[1, 2, 3], [7, 8, 9]]
    assert reversed_texts({"input_ids": ids, "flag": True})["input_ids"].tolist() == [[3, 2, 1]]


def test_outputs_that_cannot_be_divided():
    with pytest.raises(ConfigError, match="The model returned a object, which cannot be divided"):
        mapped((torch.zeros(2), object()), lambda x: x)
    with pytest.raises(ConfigError, match=r"nothing whose first axis is theirs, but the shapes"):
        row_of({"loss": torch.tensor(1.0)}, 0, 1, 4)


def test_the_scale_of_an_output_is_that_of_its_finite_numbers():
    output = (torch.tensor([-3.0, torch.inf, 2.0]), torch.tensor([7]), None)
    assert scale_of(output) == 3.0
    assert scale_of(()) == 0.0


class Named(nn.Module):
    def forward(self, tokens, use_cache=True, logits_to_keep=0):
        return tokens


def test_what_a_metric_does_not_read_is_not_computed():
    ids = torch.zeros(1, 3)
    asked = without_surplus(Named(), ids, Target(1, position=-2))
    assert asked["tokens"] is ids
    assert (asked["use_cache"], asked["logits_to_keep"]) == (False, 2)
    # Other positions and functions may read all logits; what was asked for stays.
    assert "logits_to_keep" not in without_surplus(Named(), {"tokens": ids}, Target(1, position=1))
    assert without_surplus(Named(), {"tokens": ids, "use_cache": True}, len)["use_cache"] is True
    assert without_surplus(nn.Identity(), ids, len) is ids
