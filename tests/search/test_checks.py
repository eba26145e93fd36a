"""What cannot be searched is said before the engine is asked."""

from __future__ import annotations

import pytest

from clearhead.errors import ConfigError
from clearhead.search.checks import check_search
from clearhead.search.search import search
from clearhead.search.settings import SearchSettings
from clearhead.search.special_tokens import SpecialTokens

END = 2
SOURCES = [[5, END], [6, END]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prefixes": [[5]]}, "One prefix is needed for each source; 1 prefixes came for 2"),
        ({"prefixes": [[], [END]]}, "must not hold the pad, start or end token"),
        ({"prefixes": [[], [77]]}, "outside of 0 to 39"),
        ({"prefixes": [[], [5] * 300]}, "A prefix of 300 tokens is longer than .*, 26 tokens"),
        ({"settings": SearchSettings(beam_size=40)}, r"below the vocabulary's size \(40\)"),
    ],
)
def test_what_cannot_be_searched(arbitrary_engine, arguments, message):
    engine = arbitrary_engine(40)
    with pytest.raises(ConfigError, match=message):
        search(engine, SOURCES, **arguments)
    assert engine.rows == []


def test_what_can_be_searched_passes(arbitrary_engine):
    prefixes = [[], [5] * 26]
    check_search(arbitrary_engine(40), SOURCES, SearchSettings(), SpecialTokens(), prefixes)
