"""A text of more than a thousand tokens: every sentence of it can be walked, one at a time."""

from __future__ import annotations

import pytest

from clearhead.translation.checkpoint import read_checkpoint

from .shell import open_page, settled, tab

pytest.importorskip("playwright")

ANIMALS = ["cat", "dog", "horse", "bird", "mouse"]
PLACES = ["table", "chair", "roof", "grass", "bed"]
SENTENCES = [
    f"The black {animal} number {count} sleeps on the {place} of my old friend."
    for count in range(3, 7)
    for animal in ANIMALS
    for place in PLACES
]
TEXT = " ".join(SENTENCES)


def test_a_text_of_a_thousand_tokens_is_walked_sentence_by_sentence(page):
    assert len(read_checkpoint("en-fr").tokenizer.encode(TEXT)) > 1000
    open_page(page, text=TEXT)
    picker = page.locator("#which-sentence")
    assert picker.locator("option").count() == len(SENTENCES)
    translated = page.locator(".sentence-box .translated").inner_text()

    picker.select_option(index=77)
    page.wait_for_function(
        "before => document.querySelector('.sentence-box .translated').innerText !== before",
        arg=translated,
    )
    settled(page)
    words = SENTENCES[77].split()
    masks = page.get_by_role("button", name=words[2]).first  # its tokens are those of the sentence
    masks.wait_for()

    tab(page, "heads").click()
    page.locator(".heads-locked [role=grid] td").first.wait_for()
    assert "sentence=" in page.url
