"""transformers speaks of settings that small random models have on purpose; not here."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _quiet_transformers():
    logging = pytest.importorskip("transformers").utils.logging
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    yield
    logging.set_verbosity(before)
