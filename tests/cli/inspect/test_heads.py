"""What kind each head is, on the page, in JSON and as a picture."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clearhead.attribution.copying import copying_scores  # noqa: E402
from clearhead.cli.inspect._heads import WORDS  # noqa: E402
from clearhead.cli.inspect.command import command  # noqa: E402
from clearhead.cli.terminal.heatmap import width_of  # noqa: E402
from clearhead.head_kinds import KINDS  # noqa: E402
from clearhead.maps.recorder.record import record  # noqa: E402

TEXT = "the cat sat on the mat and the dog sat on the log because the cat saw the dog"


def run(model: str, *arguments: str, width: int = 80) -> str:
    result = CliRunner(env={"COLUMNS": str(width)}).invoke(
        command, [model, "--text", TEXT, "--heads", *arguments], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_each_kind_has_words():
    assert tuple(WORDS) == KINDS


def test_scores_are_those_of_the_recording(folder):
    (stack,) = json.loads(run(folder("gpt2"), "--json", "-"))["stacks"]
    words = transformers.AutoTokenizer.from_pretrained(folder("gpt2"))
    ids = torch.tensor([words(TEXT)["input_ids"]])
    model = transformers.AutoModel.from_pretrained(folder("gpt2")).eval()
    with torch.no_grad(), record(model) as recording:
        model(ids)
    kinds = recording.heads(ids=ids)
    assert stack["stack"] == "h.*.attn"
    whole = transformers.AutoModelForCausalLM.from_pretrained(folder("gpt2")).eval()
    copying = copying_scores(whole, ids).scores
    for layer in stack["layers"]:
        scores = copying[f"transformer.{layer['name']}"]
        np.testing.assert_allclose(layer["copying"], scores, atol=1e-5)
    for layer in stack["layers"]:
        rows = [row for row in kinds if row.module == layer["name"]]
        assert layer["kinds"] == [row.kind for row in rows]
        for measure in ("previous", "induction", "even"):
            expected = [row.scores[measure] for row in rows]
            np.testing.assert_allclose(layer["scores"][measure], expected, atol=1e-6)


def test_copying_heads_are_listed_or_there_is_a_reason(folder):
    words = " ".join(run(folder("gpt2")).split())
    assert "Their weights raise the words that they read" in words
    assert "of 8 heads" in words
    assert "no copying scores: it has no matrix that gives" in " ".join(run(folder("bert")).split())


@pytest.mark.parametrize("width", [60, 100])
def test_the_page_fits_its_paper_and_names_each_stack(folder, width):
    output = run(folder("t5"), "--target-text", "the street was red", width=width)
    assert max(width_of(line) for line in output.splitlines()[1:]) <= width
    for stack in ("SelfAttention", "EncDecAttention"):
        assert f"layer.*.{stack}" in output
    counts = [line for line in output.splitlines() if line.startswith("layer  head 0")]
    assert len(counts) == 3
    assert "of this text and of no other" in " ".join(output.split())
    assert "need token ids" not in output


def test_the_picture_is_of_kinds(folder, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "kinds.svg"
    run(folder("gpt2"), "--plot", str(path))
    assert "Kinds of heads of GPT2Model" in path.read_text("utf-8")
