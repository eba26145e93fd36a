"""A small random model, explored: its translations are nonsense, and always the same."""

from __future__ import annotations

import pytest

from clearhead.explorer import explorer_of
from clearhead.explorer.explorer import Explorer
from clearhead.translation.checkpoint import read_checkpoint
from tests.explorer.others import bert_folder, gpt2_folder
from tests.translation.conftest import write_checkpoint, write_classifier


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return read_checkpoint(write_checkpoint(tmp_path_factory.mktemp("explored") / "xx-yy"))


@pytest.fixture(scope="session")
def explorer(checkpoint):
    return Explorer(checkpoint)


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory):
    """Someone else's model that continues prompts."""
    return explorer_of(gpt2_folder(tmp_path_factory.mktemp("others") / "tiny-gpt2"))


@pytest.fixture(scope="session")
def bert(tmp_path_factory):
    """Someone else's model that fills in hidden words."""
    return explorer_of(bert_folder(tmp_path_factory.mktemp("others") / "tiny-bert"))


@pytest.fixture(scope="session")
def vectors(tmp_path_factory):
    """Someone else's model that makes vectors of a text, and predicts nothing."""
    folder = tmp_path_factory.mktemp("others") / "tiny-vectors"
    return explorer_of(bert_folder(folder, fills_masks=False))


@pytest.fixture(scope="session")
def classifier(tmp_path_factory):
    """A model of ours that gives a text one of three labels."""
    return explorer_of(write_classifier(tmp_path_factory.mktemp("others") / "tiny-classifier"))
