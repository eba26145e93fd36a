"""What tests of the walk share: opening it, and reading its numbers."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from urllib.parse import urlencode

import numpy as np

from clearhead.reference import Trace, Transformer
from clearhead.translation.checkpoint import Checkpoint, read_checkpoint

TEXT = "The black cat sleeps on the table."
CHOSEN = "#walk-score .walk-total button"
BEFORE = ["text", "tokens", "embedding", "position", "input", "norm", "vectors", "score", "scores"]
AFTER = ["scaled", "masked", "softmax", "contributions", "heads", "residual"]
END = ["feed", "residual-two", "final", "logits", "words"]
DERIVED = {"product", "running_sum", "exp", "exp_sum", "max", "weight_sum"}


@dataclass
class Shown:
    """A number on the page."""

    path: str
    index: tuple[int, ...]
    value: float


def opened(page, base="/", **state):
    """The walk of a state, with all its numbers there; all steps, unless the state says one."""
    usual = {"text": TEXT, "view": "walk", "language": "en", "panels": "all"}
    page.goto(f"{base}#" + urlencode({**usual, **state}))
    page.locator(".walk-panel").first.wait_for()
    settled(page)


def settled(page):
    page.wait_for_function(
        "() => document.querySelector('.walk-panel') && !document.querySelector('.walk-loading')"
        " && document.querySelector('.page').getAttribute('aria-busy') === 'false'"
    )


def numbers(page, within=".walk"):
    found = page.eval_on_selector_all(
        f"{within} button.num",
        "all => all.map(b => [b.dataset.path, b.dataset.index, b.title])",
    )
    return [
        Shown(path, tuple(map(int, index.split(","))), number(text)) for path, index, text in found
    ]


def number(text: str) -> float:
    return float(text.replace("\N{MINUS SIGN}", "-").replace("\N{INFINITY}", "inf"))


def ids(page, path):
    return tuple(int(shown.value) for shown in numbers(page, "#walk-tokens") if shown.path == path)


def decoder_input(page):
    """The decoder's tokens where the walk shows the encoder's alone."""
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export").click()
        page.get_by_role("menuitem", name=re.compile("JSON")).click()
    shown = json.loads(saved.value.path().read_text())["shown"]
    return tuple(token["id"] for token in shown["decoder_input"])


def ask(page, locator):
    """Ask where a number comes from; the panel."""
    locator.click()
    panel = page.locator("[role=dialog].where")
    panel.locator("pre").wait_for()
    return panel


@functools.cache
def en_fr() -> tuple[Checkpoint, Transformer]:
    """The bundled model and its reference in float64."""
    checkpoint = read_checkpoint("en-fr")
    return checkpoint, checkpoint.engine(np.float64).model


@functools.cache
def traced(target):
    """The reference's own trace of the sentence and a translation, contributions included."""
    checkpoint, reference = en_fr()
    source = [*checkpoint.tokenizer.encode(TEXT), checkpoint.config.end_id]
    trace = Trace(keep="*")
    reference.forward(np.array([source]), np.array([target]), trace=trace)
    return trace
