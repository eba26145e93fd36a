"""What tests of the page's shell do again and again."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlencode

from clearhead.explorer.contract.arrays import decode

FIRST = "The black cat sleeps."  # the text that the page opens with
TABS = ["walk", "heads", "words", "what_if", "compare"]


def open_page(page, **state):
    """Open the page in a view that is quickly drawn, or in the one that is named."""
    state.setdefault("view", "what_if")
    for name, value in state.items():
        state[name] = value if isinstance(value, str) else json.dumps(value)
    page.goto(f"/#{urlencode(state)}")
    settled(page)


def settled(page):
    """Wait until nothing is being computed."""
    page.wait_for_selector(".page[aria-busy=false] [role=tabpanel]")


def state_of(page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(page.url.partition("#")[2]).items()}


def chosen_head(page) -> tuple[str, ...]:
    here = page.locator(".map-head[aria-pressed=true]").evaluate_all(
        "all => all.map(one => [one.dataset.part, one.dataset.layer, one.dataset.head])"
    )
    assert len(here) == 1
    return (*here[0], page.locator("#query").input_value())


def map_head(page, part: str, layer: int, head: int):
    """The head's button on the map of the model."""
    return page.locator(f".map-head[data-part='{part}'][data-layer='{layer}'][data-head='{head}']")


def tab(page, name):
    return page.locator(f"[data-tab={name}]")


class Asked:
    """The answers of the server that the page has, asked again."""

    def __init__(self, page, request) -> None:
        self.page = page
        self.run = self.json("run", request)
        self.steps = {step["path"]: step for step in self.run["steps"]}

    def json(self, question, params):
        return self.page.request.post(f"/api/{question}", data=params).json()

    def array(self, path, window):
        params = {"run": self.run["request"], "items": [{"path": path, "window": window}]}
        answer = self.page.request.post("/api/array", data=params).body()
        about, arrays = decode(answer)
        return arrays["0"], about["items"][0]["shape"]

    def fetch(self, path, where):
        """As the page gets an operand: a window, its single places taken out."""
        single = tuple(axis for axis, entry in enumerate(where) if entry != slice(None))
        _, shape = self.array(path, [[0, 1] if e == slice(None) else [e, e + 1] for e in where])
        spans = zip(where, shape, strict=True)
        window = [[0, size] if e == slice(None) else [e, e + 1] for e, size in spans]
        return self.array(path, window)[0].squeeze(single)
