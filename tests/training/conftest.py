"""A tiny corpus and the settings of a tiny run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clearhead.training.settings import Settings

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]


def tiny_table(folder: Path) -> dict[str, Any]:
    """A settings table for a run of seconds, and its two corpora in a folder."""
    for name, count in (("train", 160), ("development", 12)):
        offset = 0 if name == "train" else 1000
        rows = []
        for i in range(offset, offset + count):
            words = [WORDS[(i * k + k) % 8] for k in range(1, 2 + i % 5)]
            rows.append(f"{' '.join(words)}\t{' '.join(reversed(words))}\n")
        (folder / f"{name}.tsv").write_text("".join(rows))
    return {
        "data": {
            "corpus": [{"path": str(folder / "train.tsv")}],
            "development": str(folder / "development.tsv"),
            "max_tokens": 20,
        },
        "tokenizer": {"vocab_size": 300},
        "model": {
            "d_model": 16,
            "num_heads": 2,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "feed_forward_dim": 32,
            "max_length": 24,
            "dropout": 0.1,
            "attention_dropout": 0.1,
        },
        "training": {
            "max_steps": 12,
            "batch_tokens": 128,
            "learning_rate": 0.01,
            "warmup_steps": 4,
            "checkpoint_every": 4,
            "evaluate_every": 4,
            "log_every": 2,
            "average": 2,
            "keep_checkpoints": 3,
            "precision": "float32",
            "threads": 1,
        },
    }


def language_table(folder: Path) -> dict[str, Any]:
    """The same for a language model, of the texts of a tiny language."""
    for name, count in (("train", 160), ("development", 12)):
        lines = [_text(i + 1000 * (name != "train")) for i in range(count)]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return _one_side(folder, "language", "decoder", "txt") | {"task": "language"}


def classification_table(folder: Path) -> dict[str, Any]:
    """The same for a classifier, which says with which word a text begins."""
    for name, count in (("train", 160), ("development", 12)):
        texts = [_text(i + 1000 * (name != "train")) for i in range(count)]
        rows = [f"{text}\tit is {text.split()[0]}\n" for text in texts]
        (folder / f"{name}.tsv").write_text("".join(rows))
    return _one_side(folder, "classification", "encoder", "tsv") | {"task": "classification"}


def _text(number: int) -> str:
    words = [WORDS[(number * k + k) % 8] for k in range(1, 4 + number % 5)]
    return " ".join(sorted(words, key=WORDS.index))


def _one_side(folder: Path, task: str, stack: str, suffix: str) -> dict[str, Any]:
    own = folder / f"{task} of a translator"
    own.mkdir(exist_ok=True)
    table = tiny_table(own)
    table["data"]["corpus"] = [{"path": str(folder / f"train.{suffix}")}]
    table["data"]["development"] = str(folder / f"development.{suffix}")
    del table["model"]["encoder_layers"], table["model"]["decoder_layers"]
    table["model"][f"{stack}_layers"] = 1
    table["training"]["label_smoothing"] = 0.0
    return table


ONE_SIDED = {"language": language_table, "classification": classification_table}


@pytest.fixture
def table(tmp_path: Path) -> dict[str, Any]:
    return tiny_table(tmp_path)


@pytest.fixture
def tiny(table: dict[str, Any]) -> Settings:
    return Settings.from_dict(table)
