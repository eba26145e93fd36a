"""Sockeye's system tests: short sequences of digits, copied and sorted, are learnt almost wholly.

Its data (10,000 lines of up to nine digits), its shapes (two layers, width 32, copying with four
heads and sorting with two) and its thresholds: perplexity on the development set at most 1.02 and
BLEU of greedy translations at least 0.98. There 4,000 to 6,000 updates of 16 sentences; here
500 of about 110.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
import torch
from sacrebleu.metrics import BLEU
from safetensors.torch import load_file

from clearhead.nn.transformer import Transformer
from clearhead.text.batches import pad
from clearhead.text.tokenizer import Tokenizer
from clearhead.training.loop import Trainer
from clearhead.training.settings import Settings

LONGEST = 9


def digits(count: int, seed: int, *, sort: bool) -> list[tuple[str, str]]:
    rng = random.Random(seed)
    lines = []
    for _ in range(count):
        source = rng.choices("0123456789", k=rng.randint(1, LONGEST))
        lines.append((" ".join(source), " ".join(sorted(source) if sort else source)))
    return lines


def settings(folder: Path, *, sort: bool) -> Settings:
    for name, count, seed in (("train", 10_000, 13), ("development", 100, 17)):
        rows = digits(count, seed, sort=sort)
        (folder / f"{name}.tsv").write_text("".join(f"{s}\t{t}\n" for s, t in rows))
    return Settings.from_dict(
        {
            "data": {
                "corpus": [{"path": str(folder / "train.tsv")}],
                "development": str(folder / "development.tsv"),
                "max_tokens": 12,
            },
            "tokenizer": {"vocab_size": 300},
            "model": {
                "d_model": 32,
                "num_heads": 2 if sort else 4,
                "encoder_layers": 2,
                "decoder_layers": 2,
                "feed_forward_dim": 64,
                "positions": "rotary",
                "max_length": 16,
                "dropout": 0.0,
            },
            "training": {
                "max_steps": 500,
                "batch_tokens": 1000,
                "learning_rate": 4e-3,
                "warmup_steps": 50,
                "schedule": "cosine",
                "label_smoothing": 0.0,
                "precision": "float32",
                "checkpoint_every": 500,
                "evaluate_every": 500,
                "log_every": 100,
                "average": 1,
                "threads": 1,
            },
        }
    )


@torch.no_grad()
def translate(model: Transformer, tokenizer: Tokenizer, texts: list[str]) -> list[str]:
    """The likeliest token at each step, with a cache."""
    end, pad_id = tokenizer.end_id, tokenizer.pad_id
    sources = pad([[*ids, end] for ids in tokenizer.encode_batch(texts)])
    encoded = model.encode(torch.from_numpy(sources))
    memories = model.memories(encoded)
    tokens = torch.full((len(texts), 1), tokenizer.start_id)
    past, ended, columns = None, torch.zeros(len(texts), dtype=torch.bool), []
    for _ in range(LONGEST + 3):
        hidden, past = model.decode(tokens, encoded, memories=memories, past=past)
        tokens = model.logits(hidden[:, -1:]).argmax(-1).masked_fill(ended[:, None], pad_id)
        ended = ended | (tokens[:, 0] == end)
        columns.append(tokens)
    return [tokenizer.decode(row) for row in torch.cat(columns, dim=1).tolist()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "sort", [pytest.param(False, marks=pytest.mark.heavy), True], ids=["copy", "sort"]
)
def test_digits_are_learnt(tmp_path: Path, sort: bool) -> None:
    trainer = Trainer(settings(tmp_path, sort=sort), tmp_path / "run")
    folder = trainer.train()
    assert trainer.progress.best_loss is not None
    assert math.exp(trainer.progress.best_loss) <= 1.02

    model = Transformer(trainer.config).eval()
    model.load_state_dict(load_file(folder / "model.safetensors"))
    sources, targets = zip(*digits(110, 19, sort=sort), strict=True)
    translations = translate(model, Tokenizer.load(folder / "tokenizer.json"), list(sources))
    bleu = BLEU(tokenize="none", force=True).corpus_score(translations, [list(targets)])
    assert bleu.score / 100 >= 0.98
