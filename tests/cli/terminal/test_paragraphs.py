"""Paragraphs and headings on paper of both kinds."""

from __future__ import annotations

from clearhead.cli.terminal.heatmap import Paper
from clearhead.cli.terminal.paragraphs import bold, heading, prose

TERMINAL, FILE = Paper(width=40, colour=True), Paper(width=40, colour=False, unicode=False)


def test_a_paragraph_breaks_where_the_paper_ends() -> None:
    lines = prose("word " * 30, FILE).splitlines()
    assert len(lines) > 1
    assert all(len(line) <= 40 for line in lines)


def test_headings_are_bold_in_a_terminal_and_underlined_elsewhere() -> None:
    assert heading("Tokens", TERMINAL) == "\n\x1b[1mTokens\x1b[0m"
    assert heading("Tokens", FILE) == "\nTokens\n------"
    assert heading("你好", Paper(colour=False)) == "\n你好\n────"


def test_bold_is_left_out_where_it_cannot_be_drawn() -> None:
    assert bold("x", TERMINAL) == "\x1b[1mx\x1b[0m"
    assert bold("x", FILE) == "x"
