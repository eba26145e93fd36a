from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clearhead.cli.heatmap import Paper, width_of  # noqa: E402
from clearhead.cli.inspect import _findings, _model, _page  # noqa: E402
from clearhead.cli.inspect.command import command, read_text  # noqa: E402
from clearhead.errors import (  # noqa: E402
    CheckpointError,
    ConfigError,
    MissingExtraError,
    TextError,
)
from tests.cli.inspect.hugging_face import TEXT, write  # noqa: E402

LONG = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a model of a kind, written once."""
    root, folders = tmp_path_factory.mktemp("hugging_face"), {}

    def of(kind: str) -> str:
        if kind not in folders:
            folders[kind] = write(root / kind, kind, length=LONG)
        return folders[kind]

    return of


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


def test_a_target_that_the_model_writes_itself(folder, monkeypatch):
    monkeypatch.setattr(_model, "MOST_GENERATED", 5)
    inspection = as_json(folder("t5"))
    words = transformers.AutoTokenizer.from_pretrained(folder("t5"))
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder("t5"))
    ids = torch.tensor([words(TEXT)["input_ids"]])
    generated = model.generate(ids, max_new_tokens=5, num_beams=1, do_sample=False)[0].tolist()
    read = generated[:-1] if generated[-1] == words.eos_token_id else generated
    assert inspection["target_tokens"] == words.convert_ids_to_tokens(read)
    assert any("beginning" in note for note in inspection["notes"]) == (read == generated)


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


def test_tokens_are_shown_in_characters_that_people_read(folder):
    labels = as_json(folder("gpt2"), text="the 🎉\n語")["source_tokens"]
    assert "".join(labels) == "the▁🎉↵<E8><AA><9E>"


def test_a_table_of_many_heads_is_broken_into_even_blocks():
    values = np.arange(64, dtype=float).reshape(2, 32) / 64
    labels, paper = ["0", "1"], Paper(width=80)
    text = _page.layer_table(values, labels, values, paper, "{:.2f}")
    blocks = [block.splitlines() for block in text.split("\n\n")]
    assert all(width_of(line) <= 80 for block in blocks for line in block)
    heads = [[word for word in block[0].split() if word.isdigit()] for block in blocks]
    assert [head for block in heads for head in block] == [str(head) for head in range(32)]
    sizes = [len(block) for block in heads]
    assert len(sizes) > 1
    assert max(sizes) - min(sizes) <= 1
    numbers = [cell.strip("░▒▓█") for block in blocks for cell in block[1].split()[1:]]
    assert numbers == [f"{value:.2f}" for value in values[0]]


def test_labels_are_the_numbers_that_differ():
    def layers(*names: str) -> list[str]:
        shape, none = (1, 1, 1, 1), np.zeros(1)
        folders = [_findings.Layer(name, None, "self", "", shape, {}, none) for name in names]
        _findings._label(folders)
        return [layer.label for layer in folders]

    assert layers("block.0.layer.1.Attn", "block.1.layer.1.Attn") == ["0", "1"]
    assert layers("layers.0.blocks.0.attn", "layers.1.blocks.3.attn") == ["0.0", "1.3"]
    assert layers("attention") == ["0"]
    assert layers("layers.5.attn") == ["5"]


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
    def refusal(self, kind: type[Exception], match: str, *arguments: str) -> None:
        with pytest.raises(kind, match=match):
            CliRunner().invoke(command, list(arguments), catch_exceptions=False)

    def test_a_text_that_is_too_long(self, folder):
        words = transformers.AutoTokenizer.from_pretrained(folder("gpt2"))
        text = "hello " * LONG
        count = len(words(text)["input_ids"])
        assert count > LONG
        self.refused(
            TextError, rf"--text has {count:,} tokens, and .* can read {LONG}.*cut off",
            folder("gpt2"), "--text", text,
        )  # fmt: skip

    def test_an_empty_text(self, folder):
        self.refused(TextError, "--text is empty", folder("gpt2"), "--text", "  ")

    def test_a_file_that_is_no_text(self, folder, tmp_path):
        (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
        self.refused(TextError, "UTF-8", folder("gpt2"), "--text", str(tmp_path / "x"))

    def test_a_target_for_a_model_without_a_decoder(self, folder):
        self.refused(
            ConfigError, "encoder and a decoder",
            folder("bert"), "--text", TEXT, "--target-text", TEXT,
        )  # fmt: skip

    def test_layers_that_do_not_exist(self, folder):
        self.refused(
            ConfigError, "fits no module", folder("bert"), "--text", TEXT, "--layers", "decoder.*"
        )
        self.refused(
            ConfigError, "Nothing was recorded", folder("bert"), "--text", TEXT, "--layers", "7"
        )

    def test_a_folder_without_a_model(self, tmp_path):
        self.refused(CheckpointError, "no config.json", str(tmp_path), "--text", TEXT)

    def test_a_folder_that_does_not_exist(self, tmp_path):
        self.refused(CheckpointError, "no folder", str(tmp_path / "none"), "--text", TEXT)

    def test_a_model_of_our_own(self, tmp_path):
        (tmp_path / "config.json").write_text('{"format": 1, "model": {}}', "utf-8")
        self.refused(ConfigError, "clearhead trace", str(tmp_path), "--text", TEXT)

    def test_a_model_without_a_tokenizer(self, folder, tmp_path):
        for name in ("config.json", "model.safetensors"):
            (tmp_path / name).write_bytes((Path(folder("bert")) / name).read_bytes())
        self.refused(CheckpointError, "tokenizer of", str(tmp_path), "--text", TEXT)

    def test_weights_that_are_missing(self, folder, tmp_path):
        from safetensors.torch import load_file, save_file

        for file in Path(folder("bert")).iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        weights = load_file(tmp_path / "model.safetensors")
        missing = "encoder.layer.1.attention.self.key.weight"
        del weights[missing]
        save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
        self.refused(CheckpointError, f"{missing}.*random", str(tmp_path), "--text", TEXT)

    def test_a_picture_of_another_kind(self, folder):
        self.refused(ConfigError, "png", folder("bert"), "--text", TEXT, "--plot", "x.jpg")

    def test_a_folder_to_write_to_that_does_not_exist(self, folder):
        self.refused(
            ConfigError, "no folder", folder("bert"), "--text", TEXT, "--save", "/no/such/x.st"
        )

    def test_a_device_that_does_not_exist(self, folder):
        self.refused(
            ConfigError, "--device nonsense", folder("bert"), "--text", TEXT, "--device", "nonsense"
        )

    def test_transformers_is_not_installed(self, folder, monkeypatch):
        monkeypatch.setitem(sys.modules, "transformers", None)
        self.refused(
            MissingExtraError, r'pip install "clearhead\[hub\]"', folder("bert"), "--text", TEXT
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
