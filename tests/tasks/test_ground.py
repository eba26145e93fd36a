"""A model of ours and one of someone else's stand on the same ground."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import CheckpointError
from clearhead.pretrained.reading import read_pretrained
from clearhead.tasks.ground import ground_of
from clearhead.translation.checkpoint import read_checkpoint
from tests.tasks import tiny_models as tiny


def test_ours():
    checkpoint = read_checkpoint("en-fr")
    ground = ground_of(checkpoint, "float64")
    assert (ground.family, ground.tasks) == ("clearhead", {"translate", "generate"})
    assert ground.engine.model.dtype == np.float64
    settings = ground.generation_settings()
    assert settings.eos_token_id == (ground.config.end_id,)
    assert settings.decoder_start_token_id == ground.config.start_id
    assert ground.require_tokenizer().roles["end"] == ground.config.end_id


@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        ("gpt2", {"generate"}),
        ("marian", {"generate", "translate"}),
        ("bert", {"embed", "fill_mask"}),
    ],
)
def test_someone_elses(name, tasks):
    ground = ground_of(read_pretrained(tiny.folder_of(name)), "float32")
    assert ground.tasks == tasks
    assert ground.engine.model.dtype == np.float32


def test_the_settings_are_those_of_the_files():
    settings = ground_of(read_pretrained(tiny.folder_of("marian")), "float32").generation_settings()
    assert settings.bad_words_ids == ((tiny.PAD,),)
    assert settings.forced_eos_token_id == (tiny.END,)
    # A T5 whose files do not say how its decoder begins, which transformers refuses.
    folder = tiny.folder_of("t5", decoder_start_token_id=None)
    ground = ground_of(read_pretrained(folder), "float32")
    assert ground.generation_settings().decoder_start_token_id == tiny.PAD


def test_without_a_tokenizer_it_is_said_why():
    ground = ground_of(read_pretrained(tiny.folder_of("gpt2", tokenizer=False)), "float32")
    with pytest.raises(CheckpointError, match=r"no tokenizer that is read here.*give ids\."):
        ground.require_tokenizer()
