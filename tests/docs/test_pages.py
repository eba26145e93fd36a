"""Every block of code in the guides runs: Python in order, commands in a shell."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def commands(page: Path) -> list[str]:
    """The commands shown; a page that is served and waits for its reader is not one to run."""
    shown = re.findall(r"^\$ (.*)$", "".join(blocks(page, "console")), re.MULTILINE)
    serving = re.compile(r"make |clearhead explore(?!.*--help)")
    return [command for command in shown if not serving.match(command)]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_the_programs_of_a_guide_run_in_order(page: Path) -> None:
    programs = blocks(page, "python")
    if not programs:
        pytest.skip("no Python on this page")
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        for program in programs:
            exec(compile(program, page.name, "exec"), names)
    assert printed.getvalue().strip()


@pytest.mark.parametrize(
    "command", [command for page in GUIDES for command in commands(page)], ids=lambda text: text
)
def test_the_commands_of_the_guides_run(command: str, tmp_path: Path) -> None:
    shim = tmp_path / "bin" / "clearhead"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m clearhead "$@"\n')
    shim.chmod(0o755)
    (tmp_path / "lines.en").write_text("Good evening.\nThe train is late.\n")
    environment = {
        **os.environ,
        "PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
    }
    run = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    if "> lines.fr" in command:
        assert len((tmp_path / "lines.fr").read_text("utf-8").splitlines()) == 2
    elif "> lines.en" not in command:
        assert run.stdout.strip()
    assert "translated as a text" not in run.stderr


def test_the_programs_of_the_page_on_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they are shown, with the corpora that the settings name; only they are made small."""
    pytest.importorskip("torch")
    page = ROOT / "docs" / "training.md"
    (settings,) = (block for block in blocks(page, "toml") if "train.tsv.gz" in block)
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
    for program in blocks(page, "python"):
        exec(compile(program, page.name, "exec"), names)
    assert (names["folder"] / "model.safetensors").exists()
    assert names["weights"]["embedding.weight"].shape[1] == 16
