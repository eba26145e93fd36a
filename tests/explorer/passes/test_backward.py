"""A backward pass holds every step of its own, and none of the forward pass's."""

from __future__ import annotations

import pytest

from clearhead.explorer.passes.backward import go_back, is_of_backward_pass, is_small_enough
from clearhead.explorer.passes.passage import Passage
from clearhead.reference import Trace, Transformer
from tests.reference.backward.passes import backward
from tests.reference.models import random_weights, small_config

CONFIG = small_config()


def test_all_steps_are_there_but_tables_over_the_vocabulary():
    passage = Passage((3, 4, 5), (1, 6, 7), (6, 7, 2), (0, 1, 2), "")
    model = Transformer(CONFIG, random_weights(CONFIG))
    result = go_back(model, passage, (0, 2))
    trace, _, _ = backward(CONFIG)
    expected = trace.paths[trace.paths.index("labels") :]
    assert sorted([*result.steps, *result.omitted]) == sorted(expected)
    assert all(result.steps[path].value.base is None for path in result.steps)
    assert {path.rpartition(".")[2] for path in result.omitted} == {
        "d_matrix", "d_table", "d_weight",
    }  # fmt: skip
    assert result.steps["label_weights"].value.tolist() == [[0.5, 0, 0.5]]
    assert result.nbytes == sum(step.value.nbytes for step in result.steps.values())


def test_a_path_says_which_pass_it_is_of():
    trace, _, _ = backward(small_config(positions="relative"), trace=Trace())
    first = trace.paths.index("labels")
    assert not any(map(is_of_backward_pass, trace.paths[:first]))
    assert all(map(is_of_backward_pass, trace.paths[first:]))


@pytest.mark.parametrize(
    ("change", "has"),
    [
        ({}, True),
        ({"output": {"matrix": False, "tied": False}, "decoder_layers": 0}, False),
        ({"output": {"labels": 3, "bias": True}, "decoder_layers": 0}, False),
        ({"vocab_size": 2_000_000}, False),
    ],
)
def test_which_models_have_gradients_on_a_page(change, has):
    assert is_small_enough(CONFIG.replace(**change)) is has
