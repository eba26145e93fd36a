"""The limits of a model, in the words of its card."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from ...file_reading import FileProblem, read_text

_MOST_BYTES = 2**20
_MOST_CHARACTERS = 400
# "## Limits", "## Limitations", "### Bias, Risks, and Limitations".
_SECTION = re.compile(r"^#{1,6}[^\n]*\blimit[^\n]*\n(.*?)(?=^#{1,6} |\Z)", re.I | re.M | re.S)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_SENTENCE = re.compile(r".+?[.!?](?=\s|$)", re.S)


def limits_of(folder: Path | None) -> str | None:
    """Return the first sentences under "Limits" in a model's card, README.md in its folder.

    Args:
        folder: of the model; None if it has none.

    Returns:
        whole sentences of the section's first paragraph or point, about two lines at most; None if
        the folder has no card, or the card no such section.
    """
    if folder is None:
        return None
    text = ""
    with suppress(FileProblem):  # a model without a card can be explored too
        text = read_text(Path(folder) / "README.md", most=_MOST_BYTES)
    section = _SECTION.search(text)
    return _first_sentences(section[1]) if section else None


def _first_sentences(section: str) -> str | None:
    paragraphs = re.split(r"\n\s*\n|\n(?=[-*+] )", section.strip())
    paragraph = re.sub(r"^[-*+] ", "", paragraphs[0])
    plain = " ".join(re.sub(r"[*_`]", "", _LINK.sub(r"\1", paragraph)).split())
    sentences = ""
    for sentence in _SENTENCE.findall(plain):
        longer = f"{sentences} {sentence.strip()}".strip()
        if len(longer) > _MOST_CHARACTERS:
            break
        sentences = longer
    return sentences or None
