"""BPE dropout: the same text in other pieces, and the same pieces for the same seed."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clearhead.text.tags import tag_id
from clearhead.text.tokenizer import Tokenizer
from clearhead.training.loop import Trainer
from clearhead.training.pairs.subwords import SubwordDropout
from clearhead.training.settings import Settings

TEXTS = [
    "the lowest of the low lands",
    "lower and lower, newest and newer",
    "a wide new window; the widest",
    "çà et là",
    "two\nlines  and three spaces",
    "☃ is no letter of theirs",
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(TEXTS[:3] * 4, 320)


def test_without_dropout_words_are_cut_as_the_tokenizer_cuts_them(tokenizer: Tokenizer) -> None:
    whole = SubwordDropout(tokenizer, 0.0, 1000)
    for text in TEXTS:
        ids = tokenizer.encode(text)
        assert whole.recut(ids, random.Random(1)).tolist() == ids


def test_every_cut_is_of_the_same_text(tokenizer: Tokenizer) -> None:
    dropout = SubwordDropout(tokenizer, 0.3, 1000)
    numbers = random.Random(1)
    cuts: Counter[tuple[int, ...]] = Counter()
    for text in TEXTS * 20:
        ids = np.array(tokenizer.encode(text), dtype=np.uint16)
        fresh = dropout.recut(ids, numbers)
        assert fresh.dtype == np.uint16
        assert tokenizer.decode(fresh.tolist()) == text
        cuts[tuple(fresh.tolist())] += text == TEXTS[0]
    assert sum(count > 0 for count in cuts.values()) > 10
    again = random.Random(7)
    assert dropout.recut(ids, random.Random(7)).tolist() == dropout.recut(ids, again).tolist()


def test_with_every_merge_left_out_characters_are_left(tokenizer: Tokenizer) -> None:
    dropout = SubwordDropout(tokenizer, 1 - 1e-15, 1000)
    ids = [tag_id("tu"), *tokenizer.encode("the low")]
    fresh = dropout.recut(ids, random.Random(1)).tolist()
    assert fresh[0] == tag_id("tu")
    assert tokenizer.pieces(fresh[1:]) == ["▁", "t", "h", "e", "▁", "l", "o", "w"]
    assert SubwordDropout(tokenizer, 0.999, 5).recut(ids, random.Random(1)).tolist() == ids


def test_a_run_trains_on_other_cuts_with_the_same_bits(
    table: dict[str, Any], tmp_path: Path
) -> None:
    table["training"] |= {"bpe_dropout": 0.5, "max_steps": 3, "micro_batches": 2, "best": "none"}
    trainers = [Trainer(Settings.from_dict(table), tmp_path / name) for name in "ab"]
    plan = trainers[0].data.corpus.epoch(0, 128)[:1]
    first = trainers[0]._micro_batches.of_step(1, plan)
    cut = sum(batch.target_tokens for rows in first for batch in rows)
    assert cut > trainers[0].data.corpus.batch(plan[0]).target_tokens
    for trainer in trainers:
        trainer.train()
    weights = [tmp_path / name / "model/model.safetensors" for name in "ab"]
    assert weights[0].read_bytes() == weights[1].read_bytes()
