"""The pictures of the page: each is used, and can be taken anew."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs

import numpy as np
import pytest

from tests.docs.pictures import (
    IMAGES,
    NAMES,
    PICTURES,
    WORD,
    Head,
    chromium,
    head_that_looks_at,
    take,
)
from tests.explorer.served import served

ROOT = Path(__file__).resolve().parents[2]
HEAD = Head(layer=1, head=3, query=2, key=4, weight=0.9)


def test_the_pictures_of_the_pages_are_those_that_are_taken():
    names = {picture.name for picture in PICTURES}
    assert names == {path.stem for path in IMAGES.glob("exp*.png")}
    for page in ("README.md", "docs/guides/explore.md"):
        shown = re.findall(r"images/(exp[\w-]+)\.png", (ROOT / page).read_text("utf-8"))
        assert shown
        assert set(shown) <= names


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_an_address_opens_the_head_that_was_found(picture):
    state = parse_qs(picture.address(HEAD).removeprefix("/#"))
    if picture.is_first_screen:
        assert (state["text"], "head" in state) == ([picture.text], False)
        return
    assert (state["layer"], state["head"], state["query"]) == (["1"], ["3"], ["2"])
    edits = json.loads(state.get("edits", ["[]"])[0])
    assert [edit["position"] for edit in edits] == [4] * picture.masked


def test_the_head_with_the_largest_weight_on_a_word_is_found():
    weights = np.zeros((1, 4, 5, 3))
    weights[0, 2, 3, 1] = 0.75

    answer = {
        "source": [{"piece": "▁Where"}, {"piece": WORD}, {"piece": "</s>"}],
        "attention": [{"part": "encoder", "layer": 5}, {"part": "cross", "layer": 1}],
    }
    trace = {"decoder.layers.1.cross_attention.weights": SimpleNamespace(value=weights)}
    explorer = SimpleNamespace(
        answer=lambda name, params: SimpleNamespace(json=answer),
        run=lambda question: SimpleNamespace(trace=trace),
    )
    assert head_that_looks_at(explorer) == Head(layer=1, head=2, query=3, key=1, weight=0.75)


@pytest.mark.slow
def test_a_picture_is_taken():
    pytest.importorskip("playwright")
    Image = pytest.importorskip("PIL.Image")
    if not any(map(shutil.which, NAMES)):
        pytest.skip("needs Chromium: apt-get install chromium")
    picture = next(one for one in reversed(PICTURES) if not one.export)
    with served() as server, chromium() as browser:
        data = take(browser, server.base, picture, HEAD)
    image = Image.open(io.BytesIO(data))
    assert image.size == picture.size
    assert len(image.convert("RGB").getcolors()) > 16
