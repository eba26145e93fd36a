from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clearhead.cli.inspect.command import command, read_text  # noqa: E402
from clearhead.cli.terminal.heatmap import width_of  # noqa: E402
from clearhead.errors import ConfigError, TextError  # noqa: E402
from tests.cli.inspect.hugging_face import TEXT, write  # noqa: E402


def run(model: str, *arguments: str, text: str = TEXT, width: int = 80) -> str:
    result = CliRunner(env={"COLUMNS": str(width)}).invoke(
        command, [model, "--text", text, *arguments], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def as_json(model: str, *arguments: str, text: str = TEXT) -> dict:
    return json.loads(run(model, "--json", "-", *arguments, text=text))


def eager(model: str, **inputs):
    """The model's own attentions, [layer][head, query, key]."""
    inspection = transformers.AutoModel.from_pretrained(model, attn_implementation="eager").eval()
    with torch.no_grad():
        return inspection(**inputs, output_attentions=True)


@pytest.mark.parametrize(
    ("kind", "stack"), [("bert", "encoder.layer.*.attention.self"), ("gpt2", "h.*.attn")]
)
def test_numbers_are_those_of_the_models_own_attentions(folder, kind, stack):
    inspection = as_json(folder(kind))["stacks"]
    assert [(one["stack"], one["kind"]) for one in inspection] == [(stack, "self")]
    words = transformers.AutoTokenizer.from_pretrained(folder(kind))
    ids = torch.tensor([words(TEXT)["input_ids"]])
    truth = [a[0].double() for a in eager(folder(kind), input_ids=ids).attentions]
    assert len(inspection[0]["layers"]) == len(truth) == 2
    positions = torch.arange(ids.shape[1])
    apart = (positions[:, None] - positions).abs()
    for layer, weights in zip(inspection[0]["layers"], truth, strict=True):
        expected = {
            "entropy": -torch.special.xlogy(weights, weights).sum(-1).mean(-1),
            "sink": weights[..., 0].mean(-1),
            "distance": (weights * apart).sum(-1).mean(-1),
        }
        for measure, numbers in expected.items():
            np.testing.assert_allclose(layer[measure], numbers, atol=2e-5)
    shares = torch.stack(truth).mean((0, 1)).mean(0)
    np.testing.assert_allclose(inspection[0]["received"], shares, atol=1e-6)
    check_links(inspection[0], truth, words, ids[0])


def check_links(stack, truth, words, ids) -> None:
    """Each head's largest weight that is neither to itself, the first nor a special token."""
    special = torch.isin(ids, torch.tensor(words.all_special_ids))
    best = []
    for layer, weights in zip(stack["layers"], truth, strict=True):
        weights = weights.clone()
        weights[..., special] = 0
        weights[..., 0] = 0
        weights.diagonal(dim1=-2, dim2=-1).zero_()
        for head, of_head in enumerate(weights):
            best.append((layer["name"], head, float(of_head.max()), int(of_head.argmax())))
    best.sort(key=lambda link: -link[2])
    assert len(stack["links"]) == len(best)
    for link, (name, head, weight, place) in zip(stack["links"], best, strict=True):
        assert (link["layer"], link["head"]) == (name, head)
        assert link["weight"] == pytest.approx(weight, abs=1e-5)
        assert (link["query"], link["key"]) == divmod(place, len(ids))


def test_an_encoder_and_a_decoder_have_three_stacks(folder):
    inspection = as_json(folder("t5"), "--target-text", "the street")
    assert [(one["stack"], one["kind"]) for one in inspection["stacks"]] == [
        ("encoder.block.*.layer.*.SelfAttention", "self"),
        ("decoder.block.*.layer.*.SelfAttention", "self"),
        ("decoder.block.*.layer.*.EncDecAttention", "cross"),
    ]
    # The decoder reads its start token, then the target without its end.
    assert inspection["target_tokens"] == ["<pad>", "▁the", "▁street"]
    shapes = [(s["layers"][0]["queries"], s["layers"][0]["keys"]) for s in inspection["stacks"]]
    source = len(inspection["source_tokens"])
    assert shapes == [(source, source), (3, 3), (3, source)]
    words = transformers.AutoTokenizer.from_pretrained(folder("t5"))
    truth = eager(
        folder("t5"),
        input_ids=torch.tensor([words(TEXT)["input_ids"]]),
        decoder_input_ids=torch.tensor([words.convert_tokens_to_ids(inspection["target_tokens"])]),
    )
    cross = truth.cross_attentions[1][0].double()
    np.testing.assert_allclose(
        inspection["stacks"][2]["layers"][1]["sink"], cross[..., 0].mean(-1), atol=1e-5
    )


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("kind", ["bert", "gpt2", "t5"])
def test_the_page_fits_its_paper(folder, kind, width):
    more = ["--target-text", "the street was red"] if kind == "t5" else []
    output = run(folder(kind), *more, width=width)
    # The first line names the model, which may be a long folder.
    assert max(width_of(line) for line in output.splitlines()[1:]) <= width
    parts = ["entropy", "sink", "distance", "strongest links", "most attended", "A weight says"]
    places = [output.index(f"\n{part}" if part[0].islower() else part) for part in parts]
    assert places == sorted(places)
    assert "\x1b" not in output


def test_layers_are_chosen_and_links_are_counted(folder):
    inspection = as_json(folder("gpt2"), "--layers", "h.1.*", "--top", "2")["stacks"]
    assert [layer["name"] for layer in inspection[0]["layers"]] == ["h.1.attn"]
    assert len(inspection[0]["links"]) == 2
    by_number = as_json(folder("gpt2"), "--layers", "1")["stacks"]
    assert [layer["name"] for layer in by_number[0]["layers"]] == ["h.1.attn"]


def test_files_are_written(folder, tmp_path):
    from clearhead.maps.recording.reading import load_recording

    picture, numbers, saved = tmp_path / "a.svg", tmp_path / "a.json", tmp_path / "a.safetensors"
    run(
        folder("bert"), "--plot", str(picture), "--json", str(numbers), "--save", str(saved)
    )  # fmt: skip
    assert "<svg" in picture.read_text("utf-8")
    inspection = json.loads(numbers.read_text("utf-8"))
    back = load_recording(saved)
    names = [layer["name"] for layer in inspection["stacks"][0]["layers"]]
    assert list(back.keys()) == names
    for layer in inspection["stacks"][0]["layers"]:
        entropy = back[layer["name"]].entropy().mean((0, 2))
        np.testing.assert_allclose(layer["entropy"], entropy, atol=1e-5)
    assert list(back[names[0]].key_labels[0]) == inspection["source_tokens"]


def test_one_layer_is_drawn_as_its_heads(folder, tmp_path):
    path = tmp_path / "heads.png"
    run(folder("gpt2"), "--layers", "h.0.attn", "--plot", str(path))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_text_may_be_a_file_or_standard_input(folder, tmp_path):
    file = tmp_path / "text.txt"
    file.write_text(TEXT, "utf-8")
    text = as_json(folder("gpt2"))["source_tokens"]
    assert as_json(folder("gpt2"), text=str(file))["source_tokens"] == text
    piped = CliRunner().invoke(
        command, [folder("gpt2"), "--text", "-", "--json", "-"], input=TEXT, catch_exceptions=False
    )
    assert json.loads(piped.output)["source_tokens"] == text
    assert read_text("x" * 5000, "--text") == "x" * 5000


class TestRefusals:
    def assert_refused(self, kind: type[Exception], match: str, *arguments: str) -> None:
        with pytest.raises(kind, match=match):
            CliRunner().invoke(command, list(arguments), catch_exceptions=False)

    def test_an_empty_text(self, folder):
        self.assert_refused(TextError, "--text is empty", folder("gpt2"), "--text", "  ")

    def test_a_file_that_is_no_text(self, folder, tmp_path):
        (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
        self.assert_refused(TextError, "UTF-8", folder("gpt2"), "--text", str(tmp_path / "x"))

    def test_a_target_for_a_model_without_a_decoder(self, folder):
        self.assert_refused(
            ConfigError, "encoder and a decoder",
            folder("bert"), "--text", TEXT, "--target-text", TEXT,
        )  # fmt: skip

    def test_layers_that_do_not_exist(self, folder):
        self.assert_refused(
            ConfigError, "fits no module", folder("bert"), "--text", TEXT, "--layers", "decoder.*"
        )
        self.assert_refused(
            ConfigError, "Nothing was recorded", folder("bert"), "--text", TEXT, "--layers", "7"
        )

    def test_a_picture_of_another_kind(self, folder):
        self.assert_refused(ConfigError, "png", folder("bert"), "--text", TEXT, "--plot", "x.jpg")

    def test_a_folder_to_write_to_that_does_not_exist(self, folder):
        self.assert_refused(
            ConfigError, "no folder", folder("bert"), "--text", TEXT, "--save", "/no/such/x.st"
        )


MEMORY = """
import resource, sys
from clearhead.cli.inspect import command
model, json_file, *texts = sys.argv[1:]
for text in texts:
    command([model, "--text", text, "--json", json_file], standalone_mode=False)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_eight_thousand_tokens_take_memory_that_is_linear(tmp_path):
    model = write(tmp_path / "model", "gpt2", length=8_500, layers=1)
    texts = [tmp_path / "short.txt", tmp_path / "long.txt"]
    for text, count in zip(texts, (16, 8_000), strict=True):
        text.write_text(" the" * count, "utf-8")
    result = subprocess.run(
        [sys.executable, "-c", MEMORY, model, str(tmp_path / "out.json"), *map(str, texts)],
        capture_output=True, text=True, check=True,
        env={"PYTHONPATH": "src", "OMP_NUM_THREADS": "1", "PATH": ""},
    )  # fmt: skip
    short, long = (int(line) for line in result.stdout.splitlines() if line.isdecimal())
    inspection = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert len(inspection["source_tokens"]) == 8_000
    # One head's matrix alone would be 256 MB; twice the limit.
    assert long - short < 128
