"""Language models and classifiers: what they ask of the settings, and a run of each."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import clearhead as ch
from clearhead.errors import ConfigError
from clearhead.reference.transformer import Transformer as Reference
from clearhead.text.corpus import read_texts
from clearhead.training.loop import Trainer
from clearhead.training.run_folder.log import read_log
from clearhead.training.settings import Settings
from clearhead.training.step import count_right
from clearhead.translation.checkpoint import read_checkpoint
from tests.training.conftest import ONE_SIDED

Table = dict[str, Any]
WIDER = {"d_model": 32, "dropout": 0.0, "attention_dropout": 0.0}


def trained(table: Table, run: Path, **training: Any) -> Trainer:
    changed = {**table, "training": {**table["training"], **training}}
    trainer = Trainer(Settings.from_dict(changed), run)
    trainer.train()
    return trainer


@pytest.fixture(params=ONE_SIDED)
def one_sided(request: pytest.FixtureRequest, tmp_path: Path) -> Table:
    return ONE_SIDED[request.param](tmp_path)


def test_going_on_gives_the_same_bits(one_sided: Table, tmp_path: Path) -> None:
    trained(one_sided, tmp_path / "whole")
    trained(one_sided, tmp_path / "part", max_steps=6)
    rest = trained(one_sided, tmp_path / "part")
    assert rest.progress.starts == [0, 6]
    whole, part = (
        (tmp_path / run / "model/model.safetensors").read_bytes() for run in ("whole", "part")
    )
    assert whole == part


def test_the_reference_finds_the_same_losses(one_sided: Table, tmp_path: Path) -> None:
    trainer = trained(one_sided, tmp_path / "run", max_steps=4, average=1)
    checkpoint = read_checkpoint(tmp_path / "run/model")
    reference = Reference(checkpoint.config, checkpoint.weights)
    nats, right, count = 0.0, 0, 0
    for batch in trainer.data.development:
        sides = (batch.source, batch.target_input)
        logits = reference.forward(*(ids if ids.shape[1] else None for ids in sides))
        logits = logits[:, : batch.target_output.shape[1]]
        log_probabilities = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        real = batch.target_output != batch.padding
        columns = np.where(real, batch.target_output, 0)[..., None]
        nats -= np.take_along_axis(log_probabilities, columns, -1)[..., 0][real].sum()
        right += int((logits.argmax(-1) == batch.target_output)[real].sum())
        count += int(real.sum())
    assert trainer.development_loss() == pytest.approx(nats / count, rel=1e-5)
    assert sum(count_right(trainer.model, b) for b in trainer.data.development) == right


def test_a_language_model_from_text_to_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = ONE_SIDED["language"](tmp_path)
    table["model"] |= WIDER
    table["data"]["unit"] = "line"
    trainer = trained(table, tmp_path / "run", max_steps=80, evaluate_every=40)
    messages = capsys.readouterr().err
    assert "train.txt: 160 windows (no line skipped)" in messages
    tokens = sum(
        len(trainer.data.tokenizer.encode(text)) + 1
        for text in read_texts(tmp_path / "train.txt", "line")
    )
    assert f"epoch 1: 160 windows, {tokens:,} tokens, " in messages
    losses = [r["loss"] for r in read_log(tmp_path / "run/log.jsonl") if r["kind"] == "development"]
    assert f"perplexity {math.exp(losses[-1]):.2f} (best " in messages
    assert " tokens/s" in messages
    assert losses[-1] < 1.5 < math.log(trainer.config.vocab_size)
    assert trainer.config.encoder_layers == 0
    # The words of the tiny language come in the order of their numbers.
    model = ch.load(tmp_path / "run/model")
    assert model.tasks == {"generate"}
    text = model.generate("two three", max_new_tokens=2)
    assert text.text.startswith(" ")
    assert set(text.text.split()) <= {"three", "four", "five", "six", "seven", "eight"}


def test_texts_are_held_out_and_cut_into_windows(tmp_path: Path) -> None:
    table = ONE_SIDED["language"](tmp_path)
    table["data"] = {
        "corpus": [{"path": "train.txt", "held_out": True}],
        "unit": "line",
        "held_out_share": 0.3,
        "max_tokens": 3,
    }
    run = tmp_path / "run"
    trainer = Trainer(Settings.from_dict(table), run, data_folder=tmp_path)
    trainer.lock.release()
    held_out = {
        text for part in ("development", "test") for text in read_texts(
            run / f"held_out.{part}.txt", "line"
        )
    }  # fmt: skip
    corpus, tokenizer = trainer.data.corpus, trainer.data.tokenizer
    texts = set(read_texts(tmp_path / "train.txt", "line"))
    assert 2 < len(held_out) < len(texts)
    rows = [corpus.stores[0].target(i).tolist() for i in range(len(corpus.stores[0]))]
    assert max(map(len, rows)) == 3
    ends = [i + 1 for i, row in enumerate(rows) if tokenizer.end_id in row]
    lines = {
        tokenizer.decode([token for row in rows[first:end] for token in row])
        for first, end in zip([0, *ends], ends, strict=False)
    }
    assert lines == texts - held_out


def test_a_classifier_from_labels_to_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = ONE_SIDED["classification"](tmp_path)
    table["model"] |= WIDER
    with (tmp_path / "development.tsv").open("a") as file:
        file.write("one two\tit is odd\n")
    trainer = trained(table, tmp_path / "run", max_steps=60, evaluate_every=30)
    messages = capsys.readouterr().err
    labels = trainer.data.labels
    assert f"{len(labels)} labels: {', '.join(labels)}" in messages
    assert "1 with a label that training has not" in messages
    assert "epoch 1: 160 labelled texts, " in messages
    rows = [r for r in read_log(tmp_path / "run/log.jsonl") if r["kind"] == "development"]
    assert f"accuracy {rows[-1]['accuracy']:.1%} (best " in messages
    assert rows[-1]["accuracy"] > 0.9
    content = json.loads((tmp_path / "run/model/config.json").read_text())
    assert content["labels"] == sorted(labels) == list(labels)
    assert content["model"]["output"]["labels"] == len(labels)
    model = ch.load(tmp_path / "run/model")
    assert model.tasks == {"classify"}
    texts = ["two three", "one five eight", "two four"]
    assert [one.name for one in model.classify(texts)] == ["it is two", "it is one", "it is two"]
    # It goes on from its own labels, and from no others.
    table["tokenizer"] = {"path": str(tmp_path / "run/model/tokenizer.json")}
    first = trained(table, tmp_path / "more", max_steps=1, initial=str(tmp_path / "run/model"))
    assert first.development_accuracy() > 0.9


@pytest.mark.parametrize(
    ("task", "change", "message"),
    [
        ("language", {"model": {"encoder_layers": 2}}, "model.encoder_layers is 2, and task = "
         "'language' trains a language model, which has none: it is a decoder alone. Leave it out"),
        ("classification", {"model": {"decoder_layers": 1}}, "is an encoder alone. Leave it out."),
        ("language", {"model": {"decoder_layers": 0, "encoder_layers": 0}}, "needs layers"),
        ("language", {"data": {"source_language": "en", "target_language": "fr"}},
         "data.source_language = 'en' is for translators, and task = 'language' trains"),
        ("classification", {"data": {"unit": "line"}}, "data.unit says what one text of a"),
        ("translation", {"data": {"unit": "line"}}, "task = 'translation' reads pairs"),
        ("language", {"data": {"unit": "file", "held_out_share": 0.1}}, "no part can be held out"),
        ("language", {"data": {"unit": "page"}}, "one of line, paragraph, file; it is 'page'"),
        ("language", {"data": {"corpus": [
            {"path": "a", "source_column": "1", "target_column": "2"}]}},
         "data.corpus[0].source_column is of pairs"),
        ("language", {"data": {"corpus": [{"path": "hub:some"}]}}, "Write its texts to one."),
        ("classification", {"data": {"corpus": [{"path": "a", "register_share": 0.5}]}},
         "data.corpus[0].register_share = 0.5 is for translators"),
        ("language", {"data": {"corpus": [{"path": "a", "back_translation_tag": True}]}},
         "data.corpus[0].back_translation_tag = True is for translators"),
        ("classification", {"data": {"max_tokens": 23}}, "the start token and the end token; they"),
        ("classification", {"model": {"output": {"labels": 3}}}, "follows from the data"),
        ("language", {"model": {"output": {"matrix": False, "tied": False}}}, "no logits to train"),
        ("speech", {}, "one of translation, language, classification; it is 'speech'"),
    ],
)  # fmt: skip
def test_what_another_task_would_need_is_refused(
    task: str, change: Table, message: str, tmp_path: Path
) -> None:
    table = ONE_SIDED.get(task, ONE_SIDED["language"])(tmp_path)
    if task == "translation":
        table["model"] |= {"encoder_layers": 1}
    table["task"] = task
    for section, values in change.items():
        table[section] = {**table[section], **values}
    with pytest.raises(ConfigError) as error:
        Settings.from_dict(table)
    assert message in str(error.value)


def test_the_task_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('[data]\ndevelopment = "b.txt"\n[[data.corpus]]\npath = "a.txt"\n')
    assert Settings.from_toml(path).task == "translation"
    settings = Settings.from_toml(path, {"task": "language"})
    assert settings.task == "language"
    assert settings.model_config(300).encoder_layers == 0
    with pytest.raises(ConfigError, match="Write 'seed' with its section"):
        Settings.from_toml(path, {"seed": 3})


def test_another_task_in_the_folder_of_a_run_is_refused(tmp_path: Path) -> None:
    table = ONE_SIDED["language"](tmp_path)
    trained(table, tmp_path / "run", max_steps=4)
    other = ONE_SIDED["classification"](tmp_path)
    with pytest.raises(ConfigError, match=r"begun with other settings: .*task"):
        Trainer(Settings.from_dict(other), tmp_path / "run")


def test_characters_alone(tmp_path: Path) -> None:
    table = ONE_SIDED["language"](tmp_path)
    table["tokenizer"]["kind"] = "characters"
    trainer = Trainer(Settings.from_dict(table), tmp_path / "run")
    trainer.lock.release()
    tokenizer = trainer.data.tokenizer
    text = "one two"
    assert tokenizer.pieces(tokenizer.encode(text)) == list("▁one▁two")
    assert torch.equal(
        torch.tensor(trainer.data.development[0].target_input[:, 0]),
        torch.ones(len(trainer.data.development[0].target_input), dtype=torch.int64),
    )
