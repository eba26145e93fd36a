"""Models of Hugging Face for the tests of `clearhead inspect`."""

from __future__ import annotations

import pytest

from tests.cli.inspect.hugging_face import write


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The folder of a model of a kind, written once."""
    root, folders = tmp_path_factory.mktemp("hugging_face"), {}

    def of(kind: str) -> str:
        if kind not in folders:
            folders[kind] = write(root / kind, kind)
        return folders[kind]

    return of
