"""What modules return, and where its positions are."""

from __future__ import annotations

from collections import namedtuple

import pytest
import torch
from torch import nn

from clearhead.errors import ConfigError
from clearhead.interventions.module_outputs import first_tensor, length_axis

X, Y = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)
Pair = namedtuple("Pair", "count values")


@pytest.mark.parametrize(
    ("output", "changed"),
    [
        (X, Y),
        ((X, None, "more"), (Y, None, "more")),
        ([torch.arange(3), X], [torch.arange(3), Y]),
        ({"mask": None, "values": X}, {"mask": None, "values": Y}),
        (Pair(3, X), Pair(3, Y)),
    ],
    ids=["tensor", "tuple", "list", "mapping", "named tuple"],
)
def test_the_first_tensor_is_replaced(output, changed):
    x, rebuild = first_tensor(output, "words")
    assert x is X
    assert type(rebuild(Y)) is type(output)
    assert str(rebuild(Y)) == str(changed)


def test_an_output_of_transformers():
    outputs = pytest.importorskip("transformers.modeling_outputs")
    output = outputs.BaseModelOutput(last_hidden_state=X, hidden_states=(X, X))
    _, rebuild = first_tensor(output, "words")
    assert rebuild(Y).last_hidden_state is Y
    assert rebuild(Y).hidden_states == (X, X)
    assert output.last_hidden_state is X


def test_an_output_without_numbers():
    with pytest.raises(ConfigError, match="my edit: the module returned tuple, in which there is"):
        first_tensor((torch.arange(3), None), "my edit")


def test_the_axis_of_positions():
    first, last = nn.MultiheadAttention(8, 2), nn.MultiheadAttention(8, 2, batch_first=True)
    linear = nn.Linear(8, 8)
    assert length_axis(X, [linear]) == (1, "")
    assert length_axis(X, [linear, nn.Sequential(last)]) == (1, "")
    assert length_axis(X, [linear, nn.Sequential(first)]) == (0, "")
    assert length_axis(X[0], [first]) == (0, "")
    assert length_axis(X[0], [linear])[0] is None
    assert "has 4 axes" in length_axis(X[None], [linear])[1]
