"""The pictures of the page in docs/images, taken anew.

    python -m tests.docs.pictures [FOLDER]

Needs Chromium. Where another model looks elsewhere, they show the head that looks most at the
word: it is looked up, and printed.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np

from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.explorer import Explorer
from clearhead.translation.checkpoint import read_checkpoint
from tests.explorer.served import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
NAMES = ("chromium", "chromium-browser", "google-chrome")
TEXT = "Where is the station?"
WORD = "▁station"
CROSSING, NEGATION = "The black cat sleeps.", "She did not see him."


@dataclass(frozen=True)
class Picture:
    """One picture of the page.

    Args:
        name: of its file, without the ending.
        state: what the address says, beside the sentence and the head.
        size: of the window, in pixels.
        text: the sentence.
        masked: whether `WORD` is masked.
        discovery: of the first screen, which of the three is pressed; empty for none.
        phone: whether it is in dark colours, as on a phone at night.
        export: the entry of the export menu that saves it; empty for what the window shows.
    """

    name: str
    state: dict[str, Any]
    size: tuple[int, int] = (1366, 1000)
    text: str = TEXT
    masked: bool = False
    discovery: str = ""
    phone: bool = False
    export: str = ""

    @property
    def is_first_screen(self) -> bool:
        """Whether it shows what opens, and no view."""
        return "view" not in self.state

    def address(self, head: Head) -> str:
        """Return the part of the address behind the server's."""
        edits = [{"kind": "mask_token", "position": head.key}] if self.masked else None
        if self.is_first_screen:
            return f"/#{urlencode({'text': self.text, 'language': 'en', **self.state})}"
        state = {"text": TEXT, "language": "en", "part": "cross", **head.state, **self.state}
        if edits:
            state["edits"] = json.dumps(edits)
        return f"/#{urlencode(state)}"


@dataclass(frozen=True)
class Head:
    """Where the cross-attention looks most at `WORD`."""

    layer: int
    head: int
    query: int
    key: int
    weight: float

    @property
    def state(self) -> dict[str, int]:
        """Return what the address says of it."""
        return {"layer": self.layer, "head": self.head, "query": self.query}


PICTURES = (
    Picture("explore-opening", {}, (1440, 900), text=CROSSING),
    Picture("explore-discovery", {}, (1440, 900), text=NEGATION, discovery="hide_word"),
    Picture("explore-opening-phone", {"language": "pt"}, (390, 844), text=CROSSING, phone=True),
    Picture("explore-heads", {"view": "heads"}),
    Picture("explore-words", {"view": "words", "rows": "output"}),
    Picture("explore-what-if", {"view": "what_if"}, masked=True),
    Picture("explore-walk", {"view": "walk", "step": "softmax"}, (1366, 900)),
    Picture("explore-compare", {"view": "compare"}, (1366, 900)),
    Picture("explore-phone", {"view": "heads", "language": "pt"}, (390, 844), phone=True),
    Picture("export-ribbons", {}, text=CROSSING, export="The ribbons as PNG"),
    Picture("export-heads", {"view": "heads"}, export="This view as PNG"),
)


def head_that_looks_at(explorer: Explorer, text: str = TEXT, word: str = WORD) -> Head:
    """Return the head and the row of the last layer with the largest weight on a source word."""
    answer = explorer.answer("run", {"text": text}).json
    key = [token["piece"] for token in answer["source"]].index(word)
    last = max(entry["layer"] for entry in answer["attention"] if entry["part"] == "cross")
    path = f"decoder.layers.{last}.cross_attention.weights"
    table = explorer.run(RunQuestion(text=text)).trace[path].value[0, :, :, key]
    head, query = map(int, np.unravel_index(table.argmax(), table.shape))
    return Head(last, head, query, key, float(table.max()))


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium, Debian's or Playwright's own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, NAMES)), None)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def take(browser: Browser, base: str, picture: Picture, head: Head) -> bytes:
    """Return a picture as a PNG of at most 256 colours."""
    from PIL import Image

    width, height = picture.size
    context = browser.new_context(
        base_url=base,
        locale="en-GB",
        viewport={"width": width, "height": height},
        color_scheme="dark" if picture.phone else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(picture.address(head))
    settle(page)
    if picture.discovery:
        page.locator(f".opening-discover[data-kind={picture.discovery}]").click()
        page.locator(".opening-after").wait_for()
    elif not (picture.is_first_screen or "step" in picture.state):
        page.locator(".tabs").evaluate("tabs => tabs.scrollIntoView()")
    content = exported(page, picture.export) if picture.export else page.screenshot()
    image = Image.open(io.BytesIO(content)).convert("RGB")
    context.close()
    file = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def exported(page: Page, entry: str) -> bytes:
    """Return what an entry of the export menu saves."""
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name=entry).click()
    return Path(waiting.value.path()).read_bytes()


def settle(page: Page) -> None:
    """Wait until every number and every small picture is there."""
    page.wait_for_selector(".page[aria-busy=false] [role=tabpanel]")
    page.wait_for_function(
        """() => document.querySelector('.page[aria-busy=false]')
            && !document.querySelector('.walk-loading, .heads-blank, .opening-waiting')
            && document.querySelector('.opening-ribbon')
            && ![...document.querySelectorAll('[role=tabpanel] td')]
                .some((cell) => cell.textContent.trim() === '…')
            && ![...document.querySelectorAll('[role=tabpanel] [role=status]')]
                .some((told) => told.textContent.trim().endsWith('…'))"""
    )
    page.wait_for_timeout(500)


def main(arguments: list[str] | None = None) -> int:
    """Take every picture; see the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=IMAGES, help=f"[{IMAGES.name}]")
    folder = parser.parse_args(arguments).folder
    head = head_that_looks_at(Explorer(read_checkpoint("en-fr")))
    print(f"cross-attention layer {head.layer}, head {head.head}, row {head.query}: "
          f"{head.weight:.2f} on {WORD}")  # fmt: skip
    with served() as server, chromium() as browser:
        for picture in PICTURES:
            (folder / f"{picture.name}.png").write_bytes(take(browser, server.base, picture, head))
            print(folder / f"{picture.name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
