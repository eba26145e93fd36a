"""The result of a sweep on the page: its grid, its words, its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from clearhead.explorer.recordings.sweep import SweepExplorer, sweep_answer
from tests.explorer.browser.notebook import notebook, show
from tests.explorer.recordings.test_sweep import MEMBERS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

EDGES = {
    **MEMBERS,
    "over": "edges",
    "edit": "remove",
    "target": None,
    "axes": {
        "module": ("h.0.attn", "h.1.attn"),
        "query": tuple(map(str, range(50))),
        "key": tuple(map(str, range(50))),
    },
    "values": np.arange(5000.0).reshape(2, 50, 50) / 1000,
    "tokens": {},
}
EXPLORERS = {
    "heads": SweepExplorer(sweep_answer(MEMBERS)),
    "edges": SweepExplorer(sweep_answer(EDGES)),
}


@pytest.fixture
def page(browser: Browser) -> Any:
    errors: list[str] = []
    opened = notebook(browser, errors, **EXPLORERS)
    yield opened
    opened.context.close()
    assert not errors, "The page wrote errors: " + "\n".join(errors)


def test_heads_are_a_grid_with_every_number_as_text(page: Any) -> None:
    cell = show(page, "heads", "#language=en")
    grid = cell.locator("#view[data-view=sweep] [role=grid]")
    grid.wait_for()
    assert grid.locator("tbody td").all_inner_texts() == [
        "0.50", "", "1.00", "2.00", "3.00", "−4.00",
    ]  # fmt: skip
    grid.locator("td[data-row='1'][data-column='2']").hover()
    live = cell.locator(".matrix-live").inner_text()
    assert live.startswith("h.1.attn, head 2: −4, the metric is then −5.250: −107")
    rows = cell.locator(".sweep-largest tbody tr")
    assert rows.count() == 5
    assert rows.first.inner_text().split("\t")[0] == "h.1.attn, head 2"
    assert cell.locator(".sweep-facts mark").all_inner_texts() == ["␣cat", "␣dog"]
    assert not cell.get_by_role("tab").count()


def test_edges_of_a_large_map_are_shown_in_part(page: Any) -> None:
    cell = show(page, "edges", "#language=pt")
    cell.locator("#view[data-view=sweep] [role=grid]").wait_for()
    assert "Uma aresta de cada vez" in cell.locator("#view").inner_text()
    cell.locator("#sweep-grid select, section[aria-labelledby=sweep-grid] select").select_option(
        "1"
    )
    cell.locator("td[data-row='0'][data-column='1']").hover()
    assert "h.1.attn, consulta 0, chave 1: +2.501" in cell.locator(".matrix-live").inner_text()
    slider = cell.locator(".sweep-window input").first
    slider.fill("2")
    assert cell.locator("td[data-row='49'][data-column='1']").count() == 1
