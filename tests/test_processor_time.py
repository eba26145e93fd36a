from __future__ import annotations

import re
import time

import pytest

from tests.processor_time import at_most_processor_seconds


def test_bounded_work_passes_and_waiting_does_not_count():
    with at_most_processor_seconds(0.2):
        time.sleep(0.3)


def test_unbounded_work_is_stopped_even_within_one_regular_expression():
    with (
        pytest.raises(AssertionError, match=r"more than 0\.05 seconds of processor time"),
        at_most_processor_seconds(0.05),
    ):
        re.match(r"(a+)+b", "a" * 60)
