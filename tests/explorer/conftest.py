"""A small random model, explored: its translations are nonsense, and always the same."""

from __future__ import annotations

import pytest

from clearhead.explorer.explorer import Explorer
from clearhead.translation.checkpoint import read_checkpoint
from tests.translation.conftest import write_checkpoint


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return read_checkpoint(write_checkpoint(tmp_path_factory.mktemp("explored") / "xx-yy"))


@pytest.fixture(scope="session")
def explorer(checkpoint):
    return Explorer(checkpoint)
