"""docs/other-models.md: its programs and commands print what is shown, on models made here.

Words are compared exactly. Numbers may differ a little: the models are trained on the spot, and
training in floating point differs from one machine to the next.
"""

from __future__ import annotations

import re

import pytest

import clearhead as ch
from clearhead.pretrained.families import families
from tests.docs.quotes import page_of, workshop

pytest.importorskip("torch")
pytest.importorskip("transformers")

PAGE = page_of("docs/other-models.md")
PROGRAMS = [quote for quote in PAGE.quotes() if not quote.command]
# A page that is served waits for its reader; the others are run, in their order.
COMMANDS = [quote for quote in PAGE.quotes() if quote.command]


@pytest.fixture(scope="module")
def place():
    """A folder with the models of the page, and the command ``clearhead``."""
    with workshop(PAGE) as opened:
        yield opened


def test_the_page_shows_programs_and_commands():
    assert len(PROGRAMS) == PAGE.text.count("```python") >= 5
    assert len(COMMANDS) >= 8
    assert all(quote.output for quote in PROGRAMS + COMMANDS)


def test_the_programs_print_what_is_shown(place):
    for quote in PROGRAMS:
        printed = place.printed(quote)
        assert PAGE.agrees(printed, quote), printed


@pytest.mark.slow
def test_the_commands_print_what_is_shown(place):
    """In the order of the page, because one reads what another wrote."""
    for quote in COMMANDS:
        printed = place.printed(quote)
        assert PAGE.agrees(printed, quote), f"{quote.source}\n{printed}"


def test_the_table_of_families_has_those_that_are_read():
    table = PAGE.text.split("## Which families")[1].split("Refused, each")[0]
    named = set(re.findall(r"`([\w-]+)`", table)) - {"model_type"}
    read = {name for family in families() for name in family.model_types}
    assert named == read - {"gemma3"}  # with its images; refused with the way to its text model


@pytest.mark.parametrize("model_type", ["umt5", "mixtral", "mamba"])
def test_what_the_page_calls_refused_is_refused(model_type, tmp_path):
    (tmp_path / "config.json").write_text(f'{{"model_type": "{model_type}"}}')
    with pytest.raises(ch.CheckpointError, match=r"not read"):
        ch.load(tmp_path)
