"""Running text on paper: paragraphs, headings, and highlighted words."""

from __future__ import annotations

import textwrap

from .heatmap import Paper, width_of


def prose(text: str, paper: Paper) -> str:
    """Return a paragraph, wrapped at the width of the paper."""
    return textwrap.fill(text, paper.width)


def bold(text: str, paper: Paper) -> str:
    """Return a text in bold, if the paper supports it."""
    return f"\x1b[1m{text}\x1b[0m" if paper.colour else text


def heading(text: str, paper: Paper) -> str:
    """Return a section's title: bold in a terminal, underlined elsewhere."""
    if paper.colour:
        return f"\n{bold(text, paper)}"
    return f"\n{text}\n{('─' if paper.unicode else '-') * width_of(text)}"
