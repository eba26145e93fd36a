"""A small model for every test of this room."""

from __future__ import annotations

import pytest

from tests.translation.small_folder import write_model


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("models") / "small")
