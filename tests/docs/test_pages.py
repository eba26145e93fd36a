"""Every block of code in the guides runs: Python in order, commands in a shell."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest

from tests.docs.quotes import PAGES, Page, workshop

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [page for page in PAGES if page.path.startswith("docs/guides/")]


def test_every_guide_is_run() -> None:
    paths = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/guides").glob("*.md")}
    assert {page.path for page in GUIDES} == paths
    assert sum(not quote.command for page in GUIDES for quote in page.quotes()) >= 5
    assert sum(quote.command for page in GUIDES for quote in page.quotes()) >= 5


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.path)
def test_a_guide_runs_and_prints_what_it_shows(page: Page) -> None:
    with workshop(page) as place:
        for quote in page.quotes():
            printed = place.printed(quote)
            assert page.agrees(printed, quote), f"{quote.name}\n{printed}"
            if "> lines.fr" in quote.source:
                assert len((place.root / "lines.fr").read_text("utf-8").splitlines()) == 2


def test_the_programs_of_the_page_on_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they are shown, with the corpora that the settings name; only they are made small."""
    pytest.importorskip("torch")
    page = (ROOT / "docs" / "training.md").read_text("utf-8")
    (settings,) = (
        block
        for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
        if "train.tsv.gz" in block
    )
    small = (
        "[tokenizer]\nvocab_size = 300\n[model]\nd_model = 16\nnum_heads = 2\n"
        "encoder_layers = 1\ndecoder_layers = 1\n[training]\nmax_steps = 2\n"
    )
    monkeypatch.chdir(tmp_path)
    Path("run.toml").write_text(settings + small)
    pairs = "".join(f"number {i}\tnuméro {i}\n" for i in range(40))
    Path("dev.tsv").write_text(pairs, encoding="utf-8")
    Path("train.tsv.gz").write_bytes(gzip.compress(pairs.encode()))
    names: dict[str, Any] = {"run": Path("runs/first")}
    for program in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(program, "training.md", "exec"), names)
    assert (names["folder"] / "model.safetensors").exists()
    assert names["weights"]["embedding.weight"].shape[1] == 16
