"""transformers speaks of settings that small random models have on purpose; not here."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="package")
def _quiet_transformers():
    logging = pytest.importorskip("transformers").utils.logging
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    yield
    logging.set_verbosity(before)
    logging.enable_progress_bar()
