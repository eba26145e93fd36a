"""What was read, by module, on average and as a table."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ConfigError
from clearhead.maps.generation.reading import SpanReading

ONE = torch.arange(12.0).view(1, 2, 3, 2) / 12
TWO = torch.ones(1, 1, 3, 2)


@pytest.fixture
def reading():
    return SpanReading(("document", "question"), {"a": ONE, "b": TWO}, "weight", (2,))


def test_means_count_each_head_the_same(reading):
    expected = (ONE.sum(1) + TWO.sum(1)) / 3
    torch.testing.assert_close(reading.mean().float(), expected)
    torch.testing.assert_close(reading.of("question").float(), expected[..., 1])
    assert list(reading) == ["a", "b"]
    assert torch.equal(reading["a"], ONE)


def test_printed_and_as_a_table(reading):
    lines = str(reading).splitlines()
    assert lines[0] == "Weight by new token and span, mean of 2 modules"
    assert lines[1].split() == ["sequence", "token", "document", "question"]
    assert len(lines) == 2 + 2, "two new tokens"
    assert float(lines[3].split()[2]) == pytest.approx(float(reading.mean()[0, 1, 0]), abs=1e-4)
    pytest.importorskip("pandas")
    table = reading.to_dataframe()
    assert list(table.columns) == ["sequence", "module", "head", "token", "span", "weight"]
    assert len(table) == 3 * 2 * 2
    row = table[(table.module == "a") & (table["head"] == 1) & (table.token == 1)]
    assert row.weight.tolist() == ONE[0, 1, 1].tolist()


def test_names_that_there_are_not(reading):
    with pytest.raises(ConfigError, match="no span 'answer'; the spans are document, question"):
        reading.of("answer")
    with pytest.raises(ConfigError, match="Nothing was summed of 'c', but of a, b"):
        reading["c"]
