"""transformers speaks of settings that small random models have on purpose; not here."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True, scope="package")
def _quiet_transformers():
    if "transformers" not in sys.modules:  # no test that was collected needs it
        yield
        return
    logging = sys.modules["transformers"].utils.logging
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    yield
    logging.set_verbosity(before)
    logging.enable_progress_bar()
