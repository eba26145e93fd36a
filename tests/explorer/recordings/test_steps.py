"""Windows of a recorded attention's steps are those of the plain formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from clearhead.explorer.contract.stopping import QuestionCancelled, Stop, until
from clearhead.explorer.recordings import steps
from clearhead.explorer.recordings.modules import Module
from clearhead.maps import AttentionMap

QUERY, KEY, VALUE = (
    torch.randn(1, heads, length, width, generator=torch.Generator().manual_seed(length))
    for heads, length, width in ((4, 5, 8), (2, 7, 8), (2, 7, 6))
)
SCORES = QUERY.double() @ KEY.double().repeat_interleave(2, 1).mT / 8**0.5
WHOLE = ((0, 1), (0, 4), (0, 5), (0, 7))


def ask_and_give_up(work: Callable[[], Any]) -> Any:
    """Do a piece of work for a question that is given up as soon as it has begun."""
    stop = Stop()

    def begin() -> Any:
        stop.give_up()
        return work()

    return until(stop, begin)


def test_values_are_there_only_where_they_were_recorded() -> None:
    assert steps.available(Module("a", AttentionMap.of(QUERY, KEY, VALUE))) == list(steps.STEPS)
    without = steps.available(Module("a", AttentionMap.of(QUERY, KEY)))
    assert without == [step for step in steps.STEPS if step != "value"]


@pytest.mark.parametrize(
    ("step", "shape", "of"),
    [
        ("query", [1, 4, 5, 8], []),
        ("key", [1, 2, 7, 8], []),
        ("value", [1, 2, 7, 6], []),
        ("scores", [1, 4, 5, 7], ["a.query", "a.key"]),
        ("log_sum_exp", [1, 4, 5], ["a.scores"]),
        ("weights", [1, 4, 5, 7], ["a.scores", "a.log_sum_exp"]),
    ],
)
def test_a_step_is_described_with_its_shape_and_sources(
    step: str, shape: list[int], of: list[str]
) -> None:
    three_rows = [x.expand(3, -1, -1, -1) for x in (QUERY, KEY, VALUE)]
    answers = {
        one["path"]: one for one in steps.steps_of(Module("a", AttentionMap.of(*three_rows)))
    }
    answer = answers[f"a.{step}"]
    assert (answer["shape"], answer["of"]) == (shape, of)
    assert len(answer["axes"]) == len(shape)


@pytest.mark.parametrize("piece", [1, 10**10])
def test_windows_are_parts_of_the_whole_in_pieces_of_any_size(
    monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(steps, "PIECE", piece)
    window = ((0, 1), (1, 3), (1, 5), (2, 6))
    place = tuple(slice(*span) for span in window)
    for step, whole in (("scores", SCORES), ("weights", SCORES.softmax(-1))):
        values = steps.values(AttentionMap.of(QUERY, KEY), step, window)
        np.testing.assert_allclose(values, whole[place], rtol=1e-5, atol=1e-6)


def test_the_log_sum_exp_is_computed_once() -> None:
    one = AttentionMap.of(QUERY, KEY)
    values = steps.values(one, "log_sum_exp", WHOLE[:3])
    np.testing.assert_allclose(values, SCORES.logsumexp(-1), rtol=1e-5)
    ask_and_give_up(
        lambda: steps.compute_log_sum_exp(one)
    )  # remembered: there is nothing to give up
    with pytest.raises(QuestionCancelled):
        ask_and_give_up(lambda: steps.compute_log_sum_exp(AttentionMap.of(QUERY, KEY)))


def test_recorded_tensors_are_handed_out_as_float32() -> None:
    one = AttentionMap.of(QUERY.bfloat16(), KEY.bfloat16(), VALUE.bfloat16())
    values = steps.values(one, "value", ((0, 1), (0, 2), (3, 4), (0, 6)))
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, VALUE.bfloat16().float()[:, :, 3:4])


def test_a_question_that_was_given_up_ends_between_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "PIECE", 1)
    with pytest.raises(QuestionCancelled):
        ask_and_give_up(lambda: steps.values(AttentionMap.of(QUERY, KEY), "scores", WHOLE))
