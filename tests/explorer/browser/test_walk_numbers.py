"""Every number of the walk against the reference in float64, and the programs that recompute it."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from clearhead.reference import Trace
from clearhead.translation.checkpoint import read_checkpoint
from tests.explorer.browser.walk_page import (
    AFTER,
    BEFORE,
    DERIVED,
    END,
    ask,
    decoder_input,
    en_fr,
    ids,
    number,
    numbers,
    opened,
    traced,
)
from tests.explorer.served import served
from tests.translation.conftest import write_checkpoint

pytestmark = pytest.mark.one_page

HEADS = [
    ("encoder", 1, 2, 2, 7),
    ("decoder", 1, 0, 4, 1),
    ("cross", 1, 3, 3, 5),
    ("encoder", 0, 0, 0, 0),
]


def expected(shown, trace, weights, part, layer, head):
    """What the reference has where the page says the number stands."""
    if shown.path.startswith("weights/"):
        return weights[shown.path.removeprefix("weights/")][shown.index]
    scope, _, name = shown.path.rpartition(".")
    if name not in DERIVED:
        return trace[shown.path].value[shown.index]
    _, at, query, *rest = shown.index
    assert at == head
    masked = trace[f"{scope}.masked"].value[0, head, query]
    if name in ("product", "running_sum"):
        products = (
            trace[f"{scope}.query"].value[0, head, query]
            * trace[f"{scope}.key"].value[0, head, rest[0]]
        )
        return products[rest[1]] if name == "product" else products[: rest[1] + 1].sum()
    shifted = np.exp(masked - masked.max())
    return {
        "exp": lambda: shifted[rest[0]],
        "exp_sum": shifted.sum,
        "max": masked.max,
        "weight_sum": trace[f"{scope}.weights"].value[0, head, query].sum,
    }[name]()


@pytest.mark.parametrize(("part", "layer", "head", "query", "key"), HEADS)
def test_every_number_is_the_references(page, part, layer, head, query, key):
    opened(page, part=part, layer=layer, head=head, query=query, key=key)
    _, reference = en_fr()
    target = ids(page, "decoder.tokens") or decoder_input(page)
    trace = traced(target)
    all_shown = numbers(page)
    assert len(all_shown) > 300
    paths = {shown.path.rpartition(".")[2] for shown in all_shown}
    assert paths >= DERIVED | {"scores", "scaled", "masked", "weights", "output", "projected", "up"}
    for shown in all_shown:
        wanted = expected(shown, trace, reference.weights, part, layer, head)
        # Steps are the same bits; what JavaScript computes between two steps may round otherwise.
        close = 1e-12 if shown.path.rpartition(".")[2] in DERIVED else 0
        assert shown.value == pytest.approx(wanted, rel=close, abs=close), shown


CROSS = "decoder.layers.0.cross_attention"
ASKED = [
    ("embedding", "decoder.scaled_embedding"),
    ("norm", f"{CROSS}_norm.normalized"),
    ("score", f"{CROSS}.product"),
    ("score", f"{CROSS}.running_sum"),
    ("score", f"{CROSS}.scores"),
    ("softmax", f"{CROSS}.exp"),
    ("softmax", f"{CROSS}.exp_sum"),
    ("softmax", f"{CROSS}.weights"),
    ("contributions", f"{CROSS}.contributions"),
    ("contributions", f"{CROSS}.output"),
    ("heads", f"{CROSS}.projected"),
    ("feed", "decoder.layers.0.feed_forward.up"),
    ("logits", "logits"),
    ("words", "probabilities"),
]


def test_numbers_say_where_they_come_from_and_their_python_runs(page):
    opened(page, part="cross", layer=0, head=1, query=2)
    programs = []
    for panel, path in ASKED:
        button = page.locator(f"#walk-{panel} button.num[data-path='{path}']").last
        exact = button.get_attribute("title")
        where = ask(page, button)
        assert exact in where.inner_text(), path
        programs.append((path, exact, where.locator("pre").inner_text()))
        page.keyboard.press("Escape")
    for path, exact, program in programs:
        assert program.startswith("import numpy as np")
        ran = python(program)
        assert ran.returncode == 0, (path, ran.stderr)
        assert float(ran.stdout) == pytest.approx(number(exact), rel=1e-9, abs=1e-12)
    # The program would notice a wrong number.
    wrong = re.sub(r"np\.isclose\(value, (\S+),", r"np.isclose(value, \1 + 1,", program)
    assert wrong != program
    assert "AssertionError" in python(wrong).stderr


def python(program):
    return subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True)


@pytest.mark.parametrize(
    "config",
    [
        {"norm_place": "after", "positions": "learned", "activation": "gelu"},
        {"norm": "rms", "positions": "rotary", "activation": "swiglu", "num_kv_heads": 1},
        {"positions": "alibi", "scale_embedding": False},
    ],
)
def test_other_shapes_of_transformers(browser, tmp_path, config):
    folder = write_checkpoint(tmp_path / "xx-yy", **config)
    checkpoint = read_checkpoint(folder)
    reference = checkpoint.engine(np.float64).model
    with served("--model", str(folder)) as running:
        page = browser.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        opened(
            page, f"{running.base}/", text="A small one.", part="decoder", layer=0, head=1, query=0
        )
        target = ids(page, "decoder.tokens")
        source = [*checkpoint.tokenizer.encode("A small one."), checkpoint.config.end_id]
        trace = Trace(keep="*")
        reference.forward(np.array([source]), np.array([target]), trace=trace)
        steps = page.locator(".walk-panel").evaluate_all("all => all.map(e => e.dataset.step)")
        after = config.get("norm_place") == "after"
        assert steps == [s for s in [*BEFORE, *AFTER, "cross", *END] if not (after and s == "norm")]
        for shown in numbers(page):
            name = shown.path.rpartition(".")[2]
            if name in ("product", "running_sum"):
                continue
            wanted = expected(shown, trace, reference.weights, "decoder", 0, 1)
            assert shown.value == pytest.approx(wanted, rel=1e-12, abs=1e-12), shown
        assert not errors
        assert page.locator(".walk-failed").count() == 0
        page.close()
