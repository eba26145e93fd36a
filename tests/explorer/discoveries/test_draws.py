"""Draws at a temperature: what the dice take, and that low temperatures are greedy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.discoveries import draws
from clearhead.explorer.discoveries.draws import (
    LIKELIEST,
    TEMPERATURES,
    Story,
    draws_of,
    probability_at,
    token_at,
)
from clearhead.explorer.explorer import Explorer
from clearhead.reference.softmax import log_softmax


def test_a_number_takes_the_token_at_which_the_likeliest_pass_it():
    probabilities = np.array([0.1, 0.5, 0.15, 0.25])
    numbers = [0.0, 0.49, 0.5, 0.74, 0.76, 0.89, 0.91, 0.999]
    assert [token_at(probabilities, number) for number in numbers] == [1, 1, 3, 3, 2, 2, 0, 0]


@given(st.integers(0, 2**32 - 1), st.floats(0, 1, exclude_max=True))
def test_only_the_likeliest_ten_are_drawn(seed, number):
    probabilities = np.random.default_rng(seed).dirichlet(np.full(40, 0.3))
    token = token_at(probabilities, number)
    assert (probabilities > probabilities[token]).sum() < LIKELIEST


def test_a_story_departs_at_its_lowest_other_temperature():
    assert Story(((1, 2), (1, 2), (1,)), (True,) * 3).departs([1, 2]) == 2
    assert Story(((1, 2), (1, 2)), (True,) * 2).departs([1, 2]) is None


@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_draws_go_from_the_likeliest_to_chance(request, name, monkeypatch):
    each = request.getfixturevalue(name)
    text = {"bert": "The [MASK] cat sleeps."}.get(name, "Once upon a time")
    run = each.run(RunQuestion(text=text, beam_size=1, new_tokens=4))
    monkeypatch.setattr(draws, "TEMPERATURES", (0.01, 1.0, 50.0))
    drawn, departure = draws_of(run)
    assert [draw["temperature"] for draw in drawn] == [0.01, 1.0, 50.0]
    # Beam 1 is greedy, and so is it; where the search stops at its limit, a draw has more room.
    assert drawn[0]["text"].startswith(run.translation.strip())
    assert drawn[0]["probability"] > drawn[1]["probability"] > drawn[2]["probability"]
    assert drawn[2]["text"] != drawn[0]["text"]
    assert departure in (1, 2)
    assert draws_of(run)[0] == drawn  # the same dice again


def test_where_a_search_stops_at_its_limit_the_end_is_no_choice_of_the_model(explorer):
    run = explorer.run(RunQuestion(text="Where is the old house?", beam_size=1))
    logits, own = run.logits, run.predicted
    assert len(own) < run.config.max_length
    # Greedy, so each word is the likeliest where it stands; the end behind the last is not.
    assert tuple(logits[:-1].argmax(axis=-1)) == own[:-1]
    assert logits[-1].argmax() != own[-1] == run.config.end_id

    def words(temperature):
        rows = log_softmax(logits[:-1] / temperature)
        return float(np.exp(rows[np.arange(len(own) - 1), own[:-1]].sum()))

    assert words(0.01) > 0.4 > words(1.0) > words(50.0)
    # So the text with its end is less likely at 0.01 than at 1: nothing would end it there.
    assert probability_at(run, 0.01) < 1e-60 < probability_at(run, 1.0)
    end = log_softmax(logits[-1] / 0.01)[own[-1]]
    assert probability_at(run, 0.01) == pytest.approx(words(0.01) * np.exp(end), rel=1e-9)


def test_a_text_whose_numbers_are_not_all_held_is_drawn_alike(checkpoint):
    whole, bounded = Explorer(checkpoint), Explorer(checkpoint)
    bounded.models.most_bytes = 1
    question = RunQuestion(text="Where is it?", target="le vieil")
    runs = [each.run(question) for each in (whole, bounded)]
    assert draws_of(runs[0]) == draws_of(runs[1])


def test_the_probability_is_that_of_all_words_at_the_temperature(explorer):
    run = explorer.run(RunQuestion(text="Where is the old house?", target="le vieil"))
    logits = run.trace["logits"].value[0]
    for temperature in TEMPERATURES:
        rows = log_softmax(logits / temperature)
        expected = np.exp(sum(rows[at, word] for at, word in enumerate(run.predicted)))
        assert probability_at(run, temperature) == pytest.approx(expected, rel=1e-12)
    assert probability_at(run, 1.0) == pytest.approx(np.exp(run.log_probability), rel=1e-9)
