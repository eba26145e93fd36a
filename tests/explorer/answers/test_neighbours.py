"""The answer ``neighbours``: the nearest rows of the embedding matrix, by the angle."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from clearhead.errors import ConfigError, ShapeError
from clearhead.explorer.answers import neighbours
from clearhead.explorer.answers.neighbours import neighbours_answer
from clearhead.explorer.contract.questions import NeighboursQuestion
from clearhead.explorer.explorer import Explorer
from clearhead.translation.checkpoint import bundled_models, read_checkpoint


class Tokens:
    vocab_size = 5


class Config:
    encoder_layers, decoder_layers = 2, 0

    def embedding_name(self, side):
        return f"{side}_embedding"


class Models:
    """A table worked out by hand: five tokens with a name, and one row that has none."""

    config, tokenizer = Config(), Tokens()
    rows = np.array([[2, 0], [0, 0], [3, 4], [-1, 0], [0.5, 0], [1, 0]], np.float32)

    def __init__(self):
        self.reference = SimpleNamespace(weights={"source_embedding.weight": self.rows})

    def token(self, token):
        return {"id": token, "piece": f"<{token}>", "special": False}


def ask(**params):
    return neighbours_answer(Models(), NeighboursQuestion(stack="encoder", **params))


@pytest.mark.parametrize("rows", [1, 4096])
def test_the_smallest_angle_comes_first(rows, monkeypatch):
    monkeypatch.setattr(neighbours, "_ROWS", rows)
    answer = ask(token=0)
    assert answer["length"] == 2
    assert answer["table"] == "source_embedding.weight"
    assert [one["token"]["id"] for one in answer["nearest"]] == [4, 2, 3]
    assert [one["cosine"] for one in answer["nearest"]] == pytest.approx([1, 0.6, -1])
    # Neither the row of zeros, which has no direction, nor the row without a name.
    assert answer["of"] == 3
    assert len(ask(token=0, count=1)["nearest"]) == 1


def test_a_row_of_zeros_is_near_to_none():
    assert ask(token=1)["nearest"] == []
    assert ask(token=1)["length"] == 0


def test_what_is_not_there_is_refused():
    with pytest.raises(ShapeError, match=r"neighbours: token must be between 0 and 4 here; it is"):
        ask(token=5)
    with pytest.raises(ConfigError, match="neighbours: this model has no decoder"):
        neighbours_answer(Models(), NeighboursQuestion(stack="decoder", token=0))


@pytest.mark.skipif("en-fr" not in bundled_models(), reason="no model is bundled")
def test_of_a_trained_model_they_are_the_largest_cosines():
    explorer = Explorer(read_checkpoint("en-fr"))
    (token,) = explorer.models.encode_words("cat")[:1]
    answer = explorer.answer("neighbours", {"token": token, "stack": "encoder", "count": 3}).json
    rows = explorer.models.reference.weights[answer["table"]]
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = rows @ rows[token]
    best = sorted(np.delete(cosines, token))[::-1][:3]
    assert [one["cosine"] for one in answer["nearest"]] == pytest.approx(best)
