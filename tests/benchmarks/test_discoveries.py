"""What is discovered in a model: crossings, hidden words, silent heads, counterparts."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import discoveries
from benchmarks.discoveries import Change, crossings_in, loses_negation

SOURCE = ["▁The", "▁black", "▁cat", ".", "</s>"]
TARGET = ["▁Le", "▁chat", "▁noir", "."]


def weights_of(*keys, weight=0.9):
    """One head whose rows look at these keys."""
    table = np.full((1, len(TARGET), len(SOURCE)), (1 - weight) / (len(SOURCE) - 1))
    table[0, np.arange(len(TARGET)), keys] = weight
    return table


def test_words_that_cross_are_found_in_their_head():
    straight, cross = weights_of(0, 1, 2, 3), weights_of(0, 2, 1, 3)
    (crossing,) = crossings_in(np.concatenate([straight, cross]), SOURCE, TARGET, 1)
    assert (crossing.layer, crossing.head) == (1, 1)
    assert str(crossing).endswith("head 1: ▁chat <- ▁cat 0.90, ▁noir <- ▁black 0.90")
    assert crossing.strength == pytest.approx(0.9)


@pytest.mark.parametrize(
    "weights",
    [
        weights_of(0, 2, 1, 3, weight=0.4),  # of which neither is sure
        weights_of(0, 4, 1, 3),  # the end token
        weights_of(0, 3, 1, 3),  # a mark
        weights_of(1, 2, 2, 3),  # the same word twice
    ],
)
def test_what_is_no_crossing(weights):
    assert not list(crossings_in(weights, SOURCE, TARGET, 0))


def test_a_negation_is_lost_only_where_it_was():
    assert loses_negation("Elle ne l'a pas vu.", "Elle l'a vu.")
    assert loses_negation("Il n'y a aucune eau.", "Il y a de l'eau.")
    assert not loses_negation("Elle ne l'a pas vu.", "Elle ne le voit jamais.")
    assert not loses_negation("Elle l'a vu.", "Elle passe.")


@pytest.fixture
def explorer():
    """An explorer whose translation depends on one edit alone."""

    class Answer:
        def __init__(self, json):
            self.json = json

    class Explorer:
        def answer(self, name, params):
            assert name == "run"
            pieces = [("▁She", False), ("▁not", False), ("</s>", True)]
            edit = params.get("edits", [None])[0]
            strong = edit in (
                {"kind": "mask_token", "position": 1},
                {"kind": "ablate_head", "part": "cross", "layer": 1, "head": 0},
            )
            return Answer({
                "source": [{"piece": piece, "special": special} for piece, special in pieces],
                "attention": [{"part": "cross", "layer": layer, "heads": 2} for layer in (0, 1)],
                "translation": "Oui." if strong else "Pas.",
                "baseline": {"log_probability": -1.0, "target_log_probability": -7.0 * strong - 1},
            })  # fmt: skip

    return Explorer()


def test_hidden_words_and_silent_heads_stand_by_what_they_change(explorer):
    hidden = discoveries.hidden_words(explorer, "She not")
    edit = {"kind": "mask_token", "position": 1}
    assert hidden[0] == Change("▁not", edit, "Oui.", 7.0)
    assert [change.name for change in hidden] == ["▁not", "▁She"]
    heads = discoveries.silent_heads(explorer, "She not")
    assert [change.name for change in heads if change.drop] == ["cross layer 1, head 0"]
    assert len(heads) == 4


def test_the_bundled_model_has_them(capsys):
    """A word that crosses another and a "not" that can be hidden: what the page can show first."""
    assert discoveries.main(["--crossing", "The black cat sleeps."]) == 0
    told = capsys.readouterr().out
    assert "words cross in" in told
    assert "the negation is lost" in told
    assert "layer 0, output rows:" in told
