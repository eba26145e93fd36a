"""From nothing to understanding one weight, as the guide's six steps tell a newcomer."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from clearhead.translation.checkpoint import read_checkpoint
from clearhead.translation.translator import Translator
from clearhead.translation.walkthrough import trace

pytest.importorskip("starlette")
pytest.importorskip("playwright")

TEXT = "Where is the station?"


def test_a_newcomer_understands_one_weight(page):

    # 1. A sentence, Enter, its translation and the check.
    page.goto("/")
    page.get_by_role("textbox", name=re.compile("Sentence")).fill(TEXT)
    page.keyboard.press("Enter")
    walked = trace(TEXT)
    translation = page.locator(".translation, [lang=fr]").first
    translation.get_by_text(Translator.load("en-fr").translate(TEXT).text).wait_for()
    check = page.locator(".check")
    check.filter(has_text=re.compile(r"largest difference \d\.\de−\d")).wait_for()

    # 2. One head, which stays.
    page.get_by_role("button", name="Decoder, layer 1, cross-attention, head 0").click()

    # 3. The heads: the darkest cell of the locked head's matrix.
    page.get_by_role("tab", name="Heads").click()
    path = "decoder.layers.1.cross_attention.weights"
    weights = walked[path].value[0, 0]
    row, column = np.unravel_index(weights.argmax(), weights.shape)
    page.locator(f'.heads-locked td[data-row="{row}"][data-column="{column}"]').click()
    number = page.locator(".heads-locked .matrix-live button.num")
    number.wait_for()
    assert number.get_attribute("data-path") == path
    assert number.get_attribute("data-index") == f"0,0,{row},{column}"
    assert float(number.get_attribute("title")) == weights[row, column]

    # 4. Where from? The softmax of the row, with its operands.
    number.click()
    panel = page.locator(".where")
    panel.locator(".where-body[aria-busy=false]").wait_for()
    assert "exp" in panel.inner_text()

    # 5. As Python: the program runs by itself and asserts the number.
    program = panel.locator("pre").last.inner_text()
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    wrong = re.sub(r"np\.isclose\(value, ", "np.isclose(value + 1, ", program)
    assert wrong != program
    assert subprocess.run([sys.executable, "-c", wrong], capture_output=True).returncode != 0

    # 6. The same row in the walk, down to the ten likeliest words.
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Walk").click()
    page.get_by_role("button", name="Show all steps").click()
    likeliest = int(walked["probabilities"].value[0, row].argmax())
    (piece,) = read_checkpoint("en-fr").tokenizer.pieces([likeliest])
    words = page.locator("#walk-words")
    words.get_by_text(piece, exact=True).first.wait_for(state="attached", timeout=60_000)
