"""`clearhead patch` as a user calls it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clearhead.attribution.target import Target  # noqa: E402
from clearhead.cli.patch.command import command  # noqa: E402
from clearhead.errors import ConfigError, ShapeError, TextError  # noqa: E402
from clearhead.sweeps.result import Sweep  # noqa: E402
from tests.sweeps.by_hand import measure, seen, with_head, with_position  # noqa: E402

CLEAN = "The animal didn't cross the street"
CORRUPTED = "The street didn't cross the street"
TEXTS = ["--clean", CLEAN, "--corrupted", CORRUPTED, "--answer", "animal"]


def run(*arguments: str, width: int = 80) -> str:
    result = CliRunner(env={"COLUMNS": str(width)}).invoke(
        command, list(arguments), catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_numbers_are_those_of_hooks_in_eager_attention(folder):
    heads = json.loads(run(folder("gpt2"), *TEXTS, "--against", "street", "--json", "-"))
    words = transformers.AutoTokenizer.from_pretrained(folder("gpt2"))
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder("gpt2"), attn_implementation="eager"
    ).eval()
    clean, corrupted = (
        {"input_ids": torch.tensor([words(text)["input_ids"]])} for text in (CLEAN, CORRUPTED)
    )
    target = Target(heads["answer"]["id"], heads["against"]["id"])
    assert words.decode([target.answer]) == " animal"
    assert heads["clean"] == pytest.approx(measure(model, clean, target=target), abs=1e-4)
    assert heads["corrupted"] == pytest.approx(measure(model, corrupted, target=target), abs=1e-4)
    place = "transformer.h.1.attn.c_proj"
    values = seen(model, clean, [place], [])[place]
    number = measure(model, corrupted, {place: with_head(2, values)}, target=target)
    assert heads["changes"][1][2] == pytest.approx(number - heads["corrupted"], abs=1e-4)

    positions = run(
        folder("gpt2"), *TEXTS, "--against", "street", "--json", "-", "--over", "positions"
    )
    block = "transformer.h.0"
    values = seen(model, clean, [], [block])[block]
    number = measure(model, corrupted, None, {block: with_position(1, values)}, target=target)
    changes = json.loads(positions)["changes"]
    assert changes[0][1] == pytest.approx(number - heads["corrupted"], abs=1e-4)


def test_models_with_two_stacks(folder):
    page = run(
        folder("t5"), "--clean", "The animal was tired", "--corrupted", "The street was tired",
        "--answer", "animal", "--target-text", "hello", "--over", "positions",
    )  # fmt: skip
    assert "positions of the encoder: 0 ▁The  1 ▁animal / ▁street" in page
    assert "target  <pad> ▁hello" in page
    assert "decoder.block.1  position 1" in page


def test_models_that_fill_masks(masked_folder):
    texts = ["--clean", "the animal [MASK] tired", "--corrupted", "the street [MASK] tired"]
    numbers = json.loads(
        run(masked_folder, *texts, "--answer", "was", "--over", "layers", "--json", "-")
    )
    # Behind the last layer everything is as in the clean run.
    assert numbers["changes"][-1] == pytest.approx(
        numbers["clean"] - numbers["corrupted"], abs=1e-5
    )
    with pytest.raises(ConfigError, match=r"both texts need \[MASK\] at the same place, once"):
        run(masked_folder, *TEXTS)


def test_files_that_it_writes(folder, tmp_path):
    pytest.importorskip("matplotlib")
    plot, numbers, resume = (tmp_path / name for name in ("a.svg", "a.json", "a.sweep"))
    files = ["--plot", str(plot), "--json", str(numbers), "--resume", str(resume)]
    arguments = [folder("gpt2"), *TEXTS, "--over", "positions", "--layers", "*.mlp"]
    page = run(*arguments, *files)
    assert "▁animal / ▁street" in plot.read_text()
    assert json.loads(numbers.read_text())["axes"]["module"][0] == "transformer.h.0.mlp"
    content = json.loads(resume.read_text())
    assert len(content["numbers"]) == np.size(json.loads(numbers.read_text())["changes"])
    assert run(*arguments, "--resume", str(resume), "--save", str(tmp_path / "b.json")) == page
    result = Sweep.load(tmp_path / "b.json")
    assert result.values.tolist() == json.loads(numbers.read_text())["changes"]
    assert (result.over, result.edit, result.model) == ("positions", "patch", "GPT2LMHeadModel")
    assert result.tokens["edited"][1] == "▁street"
    assert result.tokens["source"][1] == "▁animal"
    with pytest.raises(ConfigError, match="is of another sweep"):
        run(folder("gpt2"), *TEXTS, "--resume", str(resume))


def test_what_is_refused(folder):
    model = folder("gpt2")
    with pytest.raises(ConfigError, match="--save is a file of one sweep, and --over asks for 2"):
        run(model, *TEXTS, "--over", "heads", "--over", "layers", "--save", "x.json")
    with pytest.raises(ShapeError, match="they need as many"):
        run(model, "--clean", CLEAN, "--corrupted", "The animal", "--answer", "animal")
    with pytest.raises(TextError, match="--answer 'zzzz' is not one token"):
        run(model, "--clean", CLEAN, "--corrupted", CORRUPTED, "--answer", "zzzz")
    with pytest.raises(ConfigError, match="There is no folder"):
        run(model, *TEXTS, "--resume", "/nowhere/at/all")
