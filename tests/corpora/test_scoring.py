"""The score of a pair is the mean log-probability of its target's tokens, whatever is beside it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from clearhead.config import TransformerConfig
from clearhead.corpora import scoring
from clearhead.corpora.scores import read_scores
from clearhead.corpora.scoring import PairScorer, score_corpus
from clearhead.errors import CheckpointError, ConfigError, CorpusError
from clearhead.reference.transformer import Transformer
from clearhead.reference.weights import expected_shapes
from clearhead.text.corpus import Pair
from clearhead.text.tags import tag_id
from clearhead.text.token_store import corpus_hash
from clearhead.text.tokenizer import Tokenizer
from clearhead.translation.checkpoint import read_checkpoint

PAIRS = [
    Pair("the old house", "la maison"),
    Pair("river", "la rivière"),
    Pair("", "la"),
    Pair("by", ""),
    Pair("by the river " * 9, "la"),
    Pair("the house by the old river", "la vieille maison"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random model."""
    return save_model(tmp_path_factory.mktemp("model"))


def save_model(folder: Path, **changes: int) -> Path:
    tokenizer = Tokenizer.train(["the old house by the river", "la vieille maison"] * 5, 320)
    table = {"encoder_layers": 1, "decoder_layers": 1, **changes}
    config = TransformerConfig(
        vocab_size=tokenizer.vocab_size, d_model=16, num_heads=2, feed_forward_dim=16,
        max_length=24, **table,
    )  # fmt: skip
    generator = np.random.default_rng(3)
    shapes = expected_shapes(config).items()
    weights = {name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes}
    tokenizer.save(folder / "tokenizer.json")
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"format": 1, "model": config.to_dict()}))
    return folder


def alone(model: Path, pair: Pair, *before: int) -> float:
    """The score in float64, of one pair at a time, token by token."""
    checkpoint = read_checkpoint(model)
    source, target = map(checkpoint.tokenizer.encode, pair)
    reference = Transformer(checkpoint.config, checkpoint.weights)
    rows = reference.log_probabilities(np.array([[*before, *source, 2]]), np.array([[1, *target]]))[
        0
    ]
    return float(np.mean([rows[i, token] for i, token in enumerate([*target, 2])]))


@pytest.mark.parametrize("batch_tokens", [1, 20, 2048])
def test_scores_are_means_over_tokens(model: Path, batch_tokens: int) -> None:
    scorer = PairScorer(read_checkpoint(model), batch_tokens=batch_tokens)
    scores = scorer.score(PAIRS)
    assert np.isnan(scores).tolist() == [False, False, True, True, True, False]
    for pair, score in zip(PAIRS, scores, strict=True):
        if not np.isnan(score):
            assert score == pytest.approx(alone(model, pair), abs=1e-4)


def test_a_tag_stands_before_the_source(model: Path) -> None:
    (score,) = PairScorer(read_checkpoint(model), tag="vous").score(PAIRS[:1])
    assert score == pytest.approx(alone(model, PAIRS[0], tag_id("vous")), abs=1e-4)
    assert score != pytest.approx(alone(model, PAIRS[0]), abs=1e-3)
    with pytest.raises(ConfigError, match="no tag 'sie'"):
        PairScorer(read_checkpoint(model), tag="sie")


def test_a_model_that_does_not_translate_is_refused(tmp_path: Path) -> None:
    folder = save_model(tmp_path, encoder_layers=0)
    with pytest.raises(CheckpointError, match=r"needs a model with encoder .* 0 encoder"):
        PairScorer(read_checkpoint(folder))


def write(path: Path, pairs: list[Pair]) -> str:
    path.write_text("".join(f"{a}\t{b}\n" for a, b in pairs), encoding="utf-8")
    return str(path)


def test_a_file_of_scores_and_its_resumption(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "_AT_ONCE", 2)
    corpus = write(tmp_path / "train.tsv", PAIRS)
    score_corpus(model, corpus, tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    lines = whole.splitlines(keepends=True)
    assert [line == b"-\n" for line in lines[1:]] == [False, False, True, True, True, False]
    # Killed within the fourth line.
    (tmp_path / "other.part").write_bytes(b"".join(lines[:3]) + b"-1.2")
    counts: list[int] = []
    score_corpus(model, corpus, tmp_path / "other", on_progress=counts.append)
    assert counts == [2, 2, 2]
    assert (tmp_path / "other").read_bytes() == whole
    assert not (tmp_path / "other.part").exists()
    scores = read_scores(tmp_path / "whole", corpus, corpus_hash(corpus))
    assert scores[0] == pytest.approx(alone(model, PAIRS[0]), abs=1e-3)


def test_scores_of_the_other_direction(model: Path, tmp_path: Path) -> None:
    corpus = write(tmp_path / "train.tsv", PAIRS[:1])
    score_corpus(model, corpus, tmp_path / "s", is_reverse=True)
    (score,) = read_scores(tmp_path / "s", corpus, corpus_hash(corpus))
    assert score == pytest.approx(alone(model, Pair(*reversed(PAIRS[0]))), abs=1e-3)


def test_scores_of_something_else_are_not_gone_on_with(model: Path, tmp_path: Path) -> None:
    corpus = write(tmp_path / "train.tsv", PAIRS)
    (tmp_path / "s.part").write_text('{"format": 1}\n')
    with pytest.raises(CorpusError, match=r"s\.part has the scores of another model or corpus"):
        score_corpus(model, corpus, tmp_path / "s")
    (tmp_path / "s").write_text("")
    with pytest.raises(CorpusError, match=r"s exists\. Remove it"):
        score_corpus(model, corpus, tmp_path / "s")


def test_two_calls_do_not_write_one_file(model: Path, tmp_path: Path) -> None:
    corpus = write(tmp_path / "train.tsv", PAIRS[:1])

    def second(count: int) -> None:
        with pytest.raises(CorpusError, match=r"Another process writes .*s\. Wait until it ends"):
            score_corpus(model, corpus, tmp_path / "s")

    score_corpus(model, corpus, tmp_path / "s", on_progress=second)
    assert len((tmp_path / "s").read_text().splitlines()) == 2
