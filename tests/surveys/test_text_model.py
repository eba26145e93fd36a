from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clearhead.errors import (  # noqa: E402
    CheckpointError,
    ConfigError,
    MissingExtraError,
    TextError,
)
from clearhead.surveys import text_model  # noqa: E402
from clearhead.surveys.text_model import Model  # noqa: E402
from tests.cli.inspect.hugging_face import LENGTH, TEXT  # noqa: E402


@pytest.fixture(scope="module")
def model(folder):
    """The model of a kind, loaded once."""
    models: dict[str, Model] = {}

    def of(kind: str) -> Model:
        if kind not in models:
            models[kind] = Model(folder(kind), "cpu", "auto")
        return models[kind]

    return of


def test_tokens_are_those_of_the_models_tokenizer(model, folder):
    tokens = model("bert").tokens(TEXT)
    words = transformers.AutoTokenizer.from_pretrained(folder("bert"))
    assert tokens.ids == words(TEXT)["input_ids"]
    assert tokens.labels[0] == "[CLS]"
    assert tokens.special == [True, *[False] * (len(tokens.ids) - 2), True]


def test_tokens_are_shown_in_characters_that_people_read(model):
    labels = model("gpt2").tokens("the 🎉\n語").labels
    assert "".join(labels) == "the▁🎉↵<E8><AA><9E>"


def test_a_decoder_reads_its_start_and_a_target_without_its_end(model):
    assert model("t5").tokens("the street", target=True).labels == ["<pad>", "▁the", "▁street"]


@pytest.mark.parametrize("most", [5, 12])
def test_a_target_that_the_model_writes_itself(model, monkeypatch, most):
    monkeypatch.setattr(text_model, "MOST_GENERATED", most)
    ours = model("t5")
    monkeypatch.setattr(ours, "notes", [])
    source = ours.tokens(TEXT)
    target = ours.generate_target(source)
    ids = torch.tensor([source.ids])
    generated = ours.model.generate(ids, max_new_tokens=most, num_beams=1, do_sample=False)[0]
    ended = int(generated[-1]) == ours.tokenizer.eos_token_id
    assert target.ids == generated.tolist()[: -1 if ended else None]
    assert [f"model writes, {most} tokens" in note for note in ours.notes] == [True] * (not ended)


def test_a_model_writes_no_more_than_its_decoder_can_read(model, monkeypatch):
    ours = model("t5")
    monkeypatch.setattr(ours, "notes", [])
    monkeypatch.setattr(ours, "limit", lambda side: 6)
    target = ours.generate_target(ours.tokens("the street"))
    assert len(target.ids) == 6
    assert "model writes, 5 tokens" in ours.notes[0]


def test_the_limit_is_that_of_positions_that_are_counted(model):
    assert model("gpt2").limit("source") == model("bert").limit("source") == LENGTH
    assert model("t5").limit("source") is None  # its positions are relative


def test_positions_that_roberta_skips_cannot_be_read():
    config = transformers.RobertaConfig(
        vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
        intermediate_size=8, max_position_embeddings=34, pad_token_id=1,
    )  # fmt: skip
    roberta = Model.__new__(Model)
    roberta.config, roberta.two_stacks = config, False
    roberta.model = transformers.RobertaModel(config)
    assert roberta.limit("source") == 32


class TestRefusals:
    def test_a_text_that_is_too_long(self, model):
        text = "hello " * LENGTH
        count = len(model("gpt2").tokenizer(text)["input_ids"])
        assert count > LENGTH
        with pytest.raises(
            TextError, match=rf"--text has {count:,} tokens, and .* can read {LENGTH}.*cut off"
        ):
            model("gpt2").tokens(text)

    def test_a_text_without_tokens(self, model):
        with pytest.raises(TextError, match="--target-text holds no token"):
            model("gpt2").tokens_of_ids([], target=True)

    def test_a_folder_without_a_model(self, tmp_path):
        with pytest.raises(CheckpointError, match=r"no config\.json"):
            Model(str(tmp_path), None, "auto")

    def test_a_folder_that_does_not_exist(self, tmp_path):
        with pytest.raises(CheckpointError, match="no folder"):
            Model(str(tmp_path / "none"), None, "auto")

    def test_a_model_of_our_own(self, tmp_path):
        (tmp_path / "config.json").write_text('{"format": 1, "model": {}}', "utf-8")
        with pytest.raises(ConfigError, match="clearhead trace"):
            Model(str(tmp_path), None, "auto")

    def test_a_model_without_a_tokenizer(self, folder, tmp_path):
        for name in ("config.json", "model.safetensors"):
            (tmp_path / name).write_bytes((Path(folder("bert")) / name).read_bytes())
        with pytest.raises(CheckpointError, match="tokenizer of"):
            Model(str(tmp_path), None, "auto")

    def test_weights_that_are_missing(self, folder, tmp_path):
        from safetensors.torch import load_file, save_file

        for file in Path(folder("bert")).iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        weights = load_file(tmp_path / "model.safetensors")
        missing = "encoder.layer.1.attention.self.key.weight"
        del weights[missing]
        save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(CheckpointError, match=f"{missing}.*random"):
            Model(str(tmp_path), None, "auto")

    def test_a_device_that_does_not_exist(self, folder):
        with pytest.raises(ConfigError, match="--device nonsense"):
            Model(folder("bert"), "nonsense", "auto")

    def test_transformers_is_not_installed(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "transformers", None)
        with pytest.raises(MissingExtraError, match=r'pip install "clearhead\[inspect\]"'):
            Model("any", None, "auto")
