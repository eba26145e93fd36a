"""Statistics over texts have the same bytes however texts are divided and parts are added."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.surveys.statistics import HeadStatistics
from tests.surveys.readings import text_readings

READINGS = text_readings(0, 12)
WHOLE = HeadStatistics.of("ab", READINGS).to_bytes()


@settings(max_examples=40)
@given(st.permutations(range(12)), st.lists(st.integers(0, 12), max_size=5), st.randoms())
def test_any_division_and_any_tree_of_additions_gives_the_same_bytes(order, cuts, random):
    ends = [0, *sorted(cuts), 12]
    parts = [
        HeadStatistics.of("ab", [READINGS[n] for n in order[start:stop]])
        for start, stop in zip(ends, ends[1:], strict=False)
    ]
    while len(parts) > 1:  # any two of them, in any order, travelling as bytes now and then
        ours, theirs = (parts.pop(random.randrange(len(parts))) for _ in range(2))
        total = ours + theirs
        parts.append(
            HeadStatistics.from_bytes(total.to_bytes()) if random.random() < 0.3 else total
        )
    assert parts[0].to_bytes() == WHOLE


def test_counts_and_layers_are_those_of_the_texts():
    whole = HeadStatistics.from_bytes(WHOLE)
    assert whole.texts == 12
    assert whole.tokens == sum(one.tokens for one in READINGS)
    assert [key[1:] for key in whole.layers] == [("layers.0", 0), ("layers.1", 0), ("layers.1", 1)]
    second = whole.layers[5, "layers.1", 1]
    assert second.texts == sum((5, "layers.1", 1) in one.layers for one in READINGS) < 12
    assert second.kinds.sum(1).tolist() == [second.texts] * 2
    assert second.measures["entropy"].counts == (second.texts,) * 2
    assert whole.refusals == {
        ("layers.2", "a mask of # keys"): sum(bool(one.refusals) for one in READINGS)
    }


def test_a_layer_is_asked_for_by_its_name_and_call():
    whole = HeadStatistics.from_bytes(WHOLE)
    assert whole.layer("layers.1", 1) is whole.layers[5, "layers.1", 1]
    with pytest.raises(KeyError, match=r"No text has call 2 of 'layers\.0'\. There are"):
        whole.layer("layers.0", 2)


def test_nothing_is_the_statistics_of_no_text():
    nothing = HeadStatistics.of("ab", [])
    assert (nothing + HeadStatistics.from_bytes(WHOLE)).to_bytes() == WHOLE
    assert HeadStatistics.merge([]).to_bytes() == nothing.to_bytes()


def test_two_models_and_other_bytes_are_refused():
    other = HeadStatistics.of("cd", READINGS[:1])
    with pytest.raises(ConfigError, match=r"are of two: .* ab\.\.\. and cd\.\.\."):
        HeadStatistics.from_bytes(WHOLE) + other
    for content in (b"", b"{}", b"[1]", WHOLE[:-5], WHOLE.replace(b'"format":1', b'"format":9')):
        with pytest.raises(ConfigError, match="no statistics of heads of format 1"):
            HeadStatistics.from_bytes(content)
    fields = json.loads(WHOLE)
    fields["layers"][0][3]["kinds"] = [[1]]
    with pytest.raises(ConfigError, match="no statistics of heads"):
        HeadStatistics.from_bytes(json.dumps(fields).encode())
