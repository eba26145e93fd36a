"""`clearhead explore --recording FILE`: a model of many heads behind the real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
import pytest

from tests.explorer.browser.looking import exported_json, exported_svg, numbers, of_class
from tests.explorer.served import served

torch = pytest.importorskip("torch")

import clearhead  # noqa: E402 - it needs torch
from clearhead.maps import AttentionMap  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LAYERS, HEADS, LENGTH = 9, 8, 7
# What every object of the page's language has, and a module may be called.
INHERITED = ["__proto__", "constructor", "toString", "hasOwnProperty"]
# A page of pictures holds 64 heads: 72 are asked for in two.
assert LAYERS * HEADS > 64


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[AttentionMap]]:
    """A file that the library wrote, and the maps of its layers, in order."""
    torch.manual_seed(3)
    layer = torch.nn.TransformerEncoderLayer(32, HEADS, 16, batch_first=True, norm_first=True)
    model = torch.nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False).eval()
    # The copies of one layer would all be alike.
    for name, weight in model.named_parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.4 if "in_proj" in name else 0.05)
    with torch.no_grad(), clearhead.record(model) as recording:
        model(torch.randn(1, LENGTH, 32), is_causal=True,
              mask=torch.nn.Transformer.generate_square_subsequent_mask(LENGTH))  # fmt: skip
    file = tmp_path_factory.mktemp("recorded") / "many-heads.safetensors"
    recording.save(file)
    maps = [recording[name] for name in recording]
    assert [one.shape for one in maps] == [(1, HEADS, LENGTH, LENGTH)] * LAYERS
    last = maps[-1][0].double()
    assert (last[0] - last[1]).abs().max() > 0.05  # so that a head is not taken for another
    return file, maps


@pytest.fixture(scope="module")
def address(recorded: tuple[Path, list[AttentionMap]]) -> Iterator[str]:
    with served("--recording", str(recorded[0])) as running:
        yield running.base


@pytest.fixture
def visited(browser: Browser, address: str) -> Iterator[Any]:
    """Opens the page at a state; each answer of the server, and each error, is looked at."""
    yield from visiting(browser, address)


def visiting(browser: Browser, address: str) -> Iterator[Any]:
    answers: list[tuple[int, str]] = []
    errors: list[str] = []
    context = browser.new_context(
        base_url=address, locale="en-GB", viewport={"width": 1280, "height": 800}
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.on("response", lambda response: answers.append((response.status, response.url)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))

    def opened(**state: Any) -> Page:
        page.goto("about:blank")
        page.goto(f"/#{urlencode({'view': 'heads', 'language': 'en', **state})}")
        page.locator("#view[data-view=heads] .heads-locked [role=grid]").wait_for()
        return page

    yield opened
    context.close()
    assert answers
    assert not [(status, url) for status, url in answers if status >= 400]
    assert not errors, "The page wrote errors: " + "\n".join(errors)


def all_pictures(page: Page, count: int = LAYERS * HEADS) -> None:
    """Go down the page, so that the pictures of every head are asked for, and come."""
    for row in page.locator(".heads-row").all():
        row.scroll_into_view_if_needed()
    page.wait_for_function(
        "count => !document.querySelector('.heads-blank') && document.querySelectorAll("
        "'.heads-head canvas').length === count",
        arg=count,
    )


def weights(recorded: tuple[Path, list[AttentionMap]], layer: int, head: int) -> np.ndarray:
    found: np.ndarray = recorded[1][layer][0, head].double().numpy()
    return found


def test_every_head_has_its_picture_and_its_entropy(recorded: Any, visited: Any) -> None:
    page = visited()
    assert page.get_by_role("tab").all_inner_texts() == ["Heads"]
    all_pictures(page)
    for layer in range(LAYERS):
        for head in range(HEADS):
            rows = weights(recorded, layer, head)
            logs = np.log(rows, out=np.zeros_like(rows), where=rows > 0)
            entropy = -(rows * logs).sum(-1).mean()
            button = page.locator(f".heads-head[data-layer='{layer}'][data-head='{head}']")
            told = float(re.search(r"([\d.]+) nats", button.inner_text())[1])
            assert told == pytest.approx(entropy, abs=0.0051), (layer, head)


@pytest.mark.parametrize(("layer", "head", "query"), [(0, 0, 6), (7, 7, 3), (8, 5, 5)])
def test_the_numbers_of_a_head_are_the_recording_s(
    recorded: Any, visited: Any, layer: int, head: int, query: int
) -> None:
    page = visited(part="self", layer=layer, head=head, query=query)
    all_pictures(page)
    expected = weights(recorded, layer, head)
    shown = exported_json(page)
    assert (shown["locked"]["layer"], shown["locked"]["head"]) == (layer, head)
    found = np.array(shown["locked"]["weights"], dtype=float)
    masked = np.triu_indices(LENGTH, 1)
    assert np.isnan(found[masked]).all()
    np.testing.assert_allclose(np.nan_to_num(found), expected, rtol=1e-6, atol=1e-9)
    assert len(shown["heads"]) == LAYERS * HEADS
    cells = page.locator(".heads-locked td[data-row]").all_inner_texts()
    lower = np.tril(np.ones((LENGTH, LENGTH), bool)).ravel()
    for text, value, attends in zip(cells, expected.ravel(), lower, strict=True):
        assert text.strip() == (f"{value:.2f}" if attends else ""), text
    shown_row = numbers(page.locator(".heads-keys li .num"))  # three digits
    np.testing.assert_allclose(shown_row, expected[query, : query + 1], rtol=5.1e-3, atol=1e-9)


def test_a_number_leads_to_the_scores_of_the_recording(recorded: Any, visited: Any) -> None:
    page = visited(part="self", layer=8, head=2, query=4, key=1)
    number = page.locator(".heads-locked .num").first
    number.click()
    panel = page.locator(".where")
    panel.locator(".subject .value").wait_for()
    told = panel.locator(".subject .soft .number").first.inner_text()
    path = panel.locator(".subject .path").inner_text()
    query, key = map(int, re.search(r"(\d+), (\d+)\]$", path).groups())
    assert float(told) == pytest.approx(weights(recorded, 8, 2)[query, key], rel=1e-6)
    assert panel.get_by_role("alert").count() == 0


def test_all_heads_are_in_the_drawing(visited: Any) -> None:
    page = visited(part="self", layer=4, head=4)
    all_pictures(page)
    drawing = exported_svg(page)
    entropies = of_class(drawing, "entropy")
    assert len(entropies) == LAYERS * HEADS
    assert all(re.fullmatch(r"\d+\.\d\d", entropy.text) for entropy in entropies)


def test_it_is_saved_as_one_page(visited: Any, browser: Browser, tmp_path: Path) -> None:
    page = visited(part="self", layer=8, head=7, query=2)
    all_pictures(page)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as told:
        page.get_by_role("menuitem", name="one HTML file").click()
    told.value.save_as(tmp_path / "saved.html")
    context = browser.new_context(offline=True, locale="en-GB")
    again = context.new_page()
    again.goto((tmp_path / "saved.html").as_uri())
    again.locator("#view[data-view=heads] .heads-locked [role=grid]").wait_for()
    again.wait_for_function(
        f"() => document.querySelectorAll('.heads-head canvas').length === {LAYERS * HEADS}"
    )
    assert again.get_by_role("alert").filter(visible=True).count() == 0
    context.close()


class Named(torch.nn.Module):
    """Attention under names that are troublesome elsewhere, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        for name in INHERITED:
            self.add_module(name, torch.nn.MultiheadAttention(16, 2, batch_first=True))

    def forward(self, x: Any) -> Any:
        for attention in self.children():
            x = x + attention(x, x, x, need_weights=False)[0]
        return x


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, Any]]]:
    """The address of a page about such a model, and its maps by name."""
    torch.manual_seed(4)
    model = Named().eval()
    with torch.no_grad(), clearhead.record(model) as recording:
        model(4 * torch.randn(1, 5, 16))
    file = tmp_path_factory.mktemp("named") / "named.safetensors"
    recording.save(file)
    with served("--recording", str(file)) as running:
        yield running.base, {name: recording[name] for name in recording}


@pytest.fixture
def visited_named(browser: Browser, named: Any) -> Iterator[Any]:
    yield from visiting(browser, named[0])


def test_a_module_may_have_any_name(
    named: Any, visited_named: Any, browser: Browser, tmp_path: Path
) -> None:
    page = visited_named()
    assert list(named[1]) == INHERITED
    assert page.locator(".map-stack-name").all_inner_texts() == INHERITED
    assert page.locator(".map-step").count() == 0  # what was not recorded is not there
    titles = page.locator(".heads-part h4").all_inner_texts()
    assert titles == INHERITED  # and no words about them that are not theirs
    all_pictures(page, 8)
    for name in INHERITED:
        page.locator(f".heads-head[data-part='{name}'][data-head='1']").click()
        page.locator(".heads-path").get_by_text(f"{name}.weights").wait_for()
        page.wait_for_function(
            "() => document.querySelector('.heads-locked td[data-row]').innerText !== '…'"
        )
        expected = named[1][name][0, 1].double().numpy()
        shown = exported_json(page)
        assert shown["locked"]["part"] == name
        found = np.array(shown["locked"]["weights"], dtype=float)
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        drawing = exported_svg(page)
        texts = [text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
        assert set(INHERITED) <= set(texts)
        assert f"{name}, layer 0, head 1" in texts
    with page.expect_download() as told:
        page.get_by_role("button", name="Export").click()
        page.get_by_role("menuitem", name="one HTML file").click()
    told.value.save_as(tmp_path / "named.html")
    context = browser.new_context(offline=True, locale="en-GB")
    again = context.new_page()
    again.goto((tmp_path / "named.html").as_uri())
    all_pictures(again, 8)
    assert again.locator(".heads-part h4").all_inner_texts() == INHERITED
    context.close()
