"""What the README shows is what its commands and its code print."""

from __future__ import annotations

import pytest

from tests.docs.quotes import page_of, workshop

PAGE = page_of("README.md")
QUOTES = PAGE.quotes()


@pytest.fixture(scope="module")
def place():
    with workshop(PAGE) as opened:
        yield opened


def test_there_is_something_to_test():
    programs = [quote for quote in QUOTES if not quote.command]
    assert len(QUOTES) - len(programs) >= 3
    assert len(programs) == PAGE.text.count("```python") >= 3
    assert all(quote.output for quote in QUOTES)


@pytest.mark.parametrize("quote", QUOTES, ids=lambda quote: quote.name)
def test_what_is_shown_is_printed(quote, place):
    assert place.printed(quote) == quote.output
