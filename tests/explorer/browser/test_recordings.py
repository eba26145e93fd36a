"""A recording of another model in the same page: its heads, its exact weights, its names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.explorer.browser.looking import exported_json
from tests.explorer.browser.notebook import notebook, show

torch = pytest.importorskip("torch")

from clearhead.explorer.recordings.explorer import RecordingExplorer  # noqa: E402 - it needs torch
from clearhead.maps import AttentionMap, Source  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def maps(length: int, layers: int = 2, heads: int = 3) -> dict[str, AttentionMap]:
    draw = torch.Generator().manual_seed(5)
    found = {}
    for layer in range(layers):
        x = torch.randn(1, heads, length, 8, generator=draw)
        source = Source(model="Tiny", module=f"layers.{layer}.attention")
        found[source.module] = AttentionMap.of(x, x.flip(1), causal=True, source=source)
    return found


SHORT, LONG = maps(6), maps(1000)
EXPLORERS = {
    "short": RecordingExplorer(SHORT, tokens=["one", "two", "three", "four", "five", "six"]),
    "long": RecordingExplorer(LONG),
}


@pytest.fixture
def page(browser: Browser) -> Any:
    errors: list[str] = []
    opened = notebook(browser, errors, **EXPLORERS)
    yield opened
    opened.context.close()
    assert not errors, "The page wrote errors: " + "\n".join(errors)


def test_only_views_that_a_recording_has_are_offered(page: Any) -> None:
    cell = show(page, "short", "#language=en")
    cell.locator("#view").wait_for()
    names = cell.get_by_role("tab").all_inner_texts()
    assert "Heads" in names
    assert not {"Walk", "What if", "Weight, contribution, effect"} & set(names)


def test_the_weights_are_the_map_s_and_the_names_the_user_s(page: Any) -> None:
    cell = show(page, "short", "#view=heads&part=self&layer=1&head=2&query=3&language=en")
    cell.locator("#view[data-view=heads] [role=grid]").first.wait_for()
    assert cell.get_by_text("three").count()
    page.wait_for_timeout(300)
    shown = exported_json(page)
    found = np.array(_weights(shown), dtype=float).reshape(6, 6)
    assert np.isnan(found[np.triu_indices(6, 1)]).all()  # masked, which is not a weight of 0
    expected = SHORT["layers.1.attention"][0, 2].numpy()
    np.testing.assert_array_equal(np.nan_to_num(found), expected)


def test_a_thousand_positions_are_shown_in_windows(page: Any) -> None:
    cell = show(page, "long", "#view=heads&part=self&layer=0&head=1&query=999&language=en")
    cell.locator("#view[data-view=heads] [role=grid]").first.wait_for()
    said = cell.locator("#view").inner_text()
    assert "1000" in said.replace("\u202f", "").replace(",", "").replace(" ", "")
    assert cell.locator("[role=gridcell]").count() < 20_000


def test_a_recording_opens_with_one_head_s_ribbons(page: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    expected = EXPLORERS["short"].answer("alignment", {"run": {}}).json
    cell = show(page, "short", "#language=en&view=heads&theme=light")
    cell.locator(".opening-ribbon").first.wait_for()
    for side in ("key", "query"):
        words = cell.locator(f".opening-word[data-side={side}]").all_inner_texts()
        assert words == ["one", "two", "three", "four", "five", "six"]
    assert cell.locator(".opening-side").count() == 2  # which row is which
    note = cell.locator(".opening-found").inner_text()
    best = expected["heads"][0]
    assert f"self-attention, layer {best['layer']}, head {best['head']}" in note
    assert f"Of {expected['of']} heads" in note
    assert "by its weights alone" in note
    assert "cannot be run again" in note
    # Nothing that only a model could have.
    assert cell.locator(".opening-discover").count() == 0
    assert cell.locator(".opening button.num").count() == 0

    word = cell.locator(".opening-word[data-side=query]").nth(4)
    word.click()
    row = expected["weights"][4]
    key = int(np.argmax(row))
    text = ["one", "two", "three", "four", "five", "six"][key]
    said = cell.locator(".opening-said").inner_text()
    assert said.startswith(f"“five” drew on “{text}” {round(100 * row[key])} %")
    locked = cell.locator(".map-head[aria-pressed=true]")
    assert locked.get_attribute("data-layer") == str(best["layer"])
    assert locked.get_attribute("data-head") == str(best["head"])

    cell.get_by_label("all layers").check()
    assert "rollout" in cell.locator(".opening-found").inner_text()
    flow = np.array(expected["flow"])
    drawn = cell.locator(".opening-ribbon").count()
    assert drawn == int((flow >= 0.04).sum())
    found = axe.Axe().run(page, context={"include": [["#cell"]]})
    # axe looks for what a skip link leads to outside of the widget's shadow root.
    violations = [one for one in found.response["violations"] if one["id"] != "skip-link"]
    assert not violations


def test_a_long_recording_opens_with_some_of_its_tokens(page: Any) -> None:
    cell = show(page, "long", "#language=en&view=heads")
    cell.locator(".opening-ribbon").first.wait_for()
    names = cell.locator(".opening-word[data-side=query]")
    assert names.all_inner_texts() == [str(place) for place in range(20)]
    assert "Tokens 0 to 19 of 1000" in cell.locator(".opening-switches").inner_text()
    cell.locator(".opening-switches .pager").get_by_text("Later").click()
    cell.locator(".opening-word[data-side=query]").get_by_text("39", exact=True).wait_for()
    expected = EXPLORERS["long"].answer("alignment", {"run": {}, "start": 20}).json
    drawn = cell.locator(".opening-ribbon").count()
    assert drawn == int((np.array(expected["weights"]) >= 0.04).sum())


def _weights(shown: dict[str, Any]) -> Any:
    """The numbers of the locked head, wherever the view's export has them."""
    for value in shown.values():
        if isinstance(value, list) and np.size(value) == 36:
            return value
        if isinstance(value, dict) and (inner := _weights(value)) is not None:
            return inner
    return None
