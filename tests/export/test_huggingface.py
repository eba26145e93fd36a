"""What is written opens in transformers and computes the same; and it comes back."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import CheckpointError, ConfigError
from clearhead.export.huggingface import export_huggingface, import_huggingface
from clearhead.export.verification import verify
from clearhead.reference.transformer import Transformer
from clearhead.translation.checkpoint import read_checkpoint
from tests.export.models import FAMILIES, checkpoint_of
from tests.reference.models import random_ids

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.mark.parametrize("name", FAMILIES)
def test_transformers_computes_the_same_logits_and_tokens(name, tmp_path):
    import torch

    checkpoint = checkpoint_of(name)
    folder = tmp_path / "model"
    export_huggingface(checkpoint, folder)
    config, rng = checkpoint.config, np.random.default_rng(1)
    target = random_ids(rng, config, 2, 5)
    if config.encoder_layers:
        source = random_ids(rng, config, 2, 6)
        model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder)
        inputs = {"input_ids": torch.tensor(source), "decoder_input_ids": torch.tensor(target)}
    else:
        source = None
        model = transformers.AutoModelForCausalLM.from_pretrained(folder)
        inputs = {"input_ids": torch.tensor(target)}
    with torch.no_grad():
        logits = model.eval()(**inputs).logits.numpy()
    expected = Transformer(config, checkpoint.weights).forward(source, target)
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    result = verify(checkpoint, folder, "huggingface", inputs=8, length=6)
    assert (result.equal, result.difference) == (8, None)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_comes_back(name, tmp_path):
    checkpoint = checkpoint_of(name)
    export_huggingface(checkpoint, tmp_path / "there")
    import_huggingface(tmp_path / "there", tmp_path / "back")
    again = read_checkpoint(tmp_path / "back")
    rng = np.random.default_rng(2)
    target = random_ids(rng, checkpoint.config, 1, 6)
    source = random_ids(rng, checkpoint.config, 1, 4) if checkpoint.config.encoder_layers else None
    expected = Transformer(checkpoint.config, checkpoint.weights).forward(source, target)
    logits = Transformer(again.config, again.weights).forward(source, target)
    # Sinusoids in halves are stored, and so read, in float32.
    np.testing.assert_allclose(
        logits, expected, atol=1e-5 if checkpoint.config.encoder_layers else 1e-10
    )
    text = "the cat sleeps, 😀 please"
    assert again.tokenizer.encode(text) == checkpoint.tokenizer.encode(text)


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is there already, and what is in it would be lost"):
        export_huggingface(checkpoint_of("Llama"), tmp_path / "model")
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["notes.txt"]


def test_a_model_with_another_tokenizer_does_not_become_ours(tmp_path):
    config = transformers.GPT2Config(n_embd=8, n_layer=1, n_head=2, vocab_size=40, n_positions=16)
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path / "gpt2")
    (tmp_path / "gpt2/tokenizer.json").write_text('{"model": {"vocab": {"a": 0}, "merges": []}}')
    with pytest.raises(CheckpointError):
        import_huggingface(tmp_path / "gpt2", tmp_path / "back")
    assert not (tmp_path / "back").exists()
