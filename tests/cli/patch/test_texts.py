"""Two texts of as many tokens, and words that are one token."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.cli.patch._texts import pair_of, word_of
from clearhead.errors import ConfigError, ShapeError, TextError
from clearhead.surveys.text_model import Model


@pytest.fixture(scope="module")
def gpt2(folder) -> Model:
    return Model(folder("gpt2"), "cpu", "auto", writes=True)


def test_pairs(gpt2):
    pair = pair_of(gpt2, "The animal was tired", "The street was tired", None)
    assert pair.differing == [1]
    assert pair.position == -1
    assert pair.target is None
    with pytest.raises(ShapeError, match="--clean has 2 tokens: The ▁animal; --corrupted has 3"):
        pair_of(gpt2, "The animal", "The animal was", None)
    with pytest.raises(ShapeError, match="are the same tokens"):
        pair_of(gpt2, "The animal", "The animal", None)
    with pytest.raises(ConfigError, match="--target-text is for models with an encoder"):
        pair_of(gpt2, "The animal", "The street", "hello")


def test_words(gpt2):
    # In running text a word stands behind a space, which belongs to its token.
    assert word_of(gpt2, "animal", "--answer").label == "▁animal"
    assert word_of(gpt2, "The", "--answer").label == "The"
    assert word_of(gpt2, " animal", "--answer").label == "▁animal"
    with pytest.raises(TextError, match="--against 'zebra' is not one token of"):
        word_of(gpt2, "zebra", "--against")
