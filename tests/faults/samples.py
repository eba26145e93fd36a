"""Small things to write and to read: a model, texts, a trace, a recording, a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from clearhead.cli.main import main
from clearhead.config import TransformerConfig
from clearhead.reference.weights import expected_shapes
from clearhead.text.tokenizer import Tokenizer
from tests.training.conftest import tiny_table

TEXTS = ["the old house by the river", "a house is a home", "the river is old"]
LINES = "the old house\n\na river by the house\nhome\n"


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.train(TEXTS * 5, 300)


def write_model(folder: Path, seed: int = 3) -> Path:
    """A model of ours with random weights, which writes nonsense and always the same."""
    import torch

    from clearhead.training.run_folder.export import export_model

    config = TransformerConfig(
        vocab_size=tokenizer().vocab_size, d_model=16, num_heads=2, feed_forward_dim=16,
        encoder_layers=1, decoder_layers=1, max_length=48,
    )  # fmt: skip
    generator = np.random.default_rng(seed)
    weights = {
        name: torch.from_numpy(generator.normal(size=shape).astype(np.float32))
        for name, shape in expected_shapes(config).items()
    }
    export_model(
        folder, weights, config.to_dict(), tokenizer().to_json(), {"steps": 1},
        statements={"languages": {"source": "en", "target": "fr"}},
    )  # fmt: skip
    return folder


def command(*arguments: str | Path) -> Callable[[], None]:
    """The work of a command of clearhead, which ends with its exit status."""
    return lambda: main([str(argument) for argument in arguments])


def run_table(folder: Path, steps: int = 4) -> dict[str, Any]:
    """The settings of a run of few steps, and its corpora in a folder."""
    written = folder / "table.json"
    if written.exists():
        return json.loads(written.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    table = tiny_table(folder)
    table["training"] |= {
        "max_steps": steps, "checkpoint_every": 2, "evaluate_every": 2, "log_every": 1,
        "average": 2, "keep_checkpoints": 1, "warmup_steps": 2,
    }  # fmt: skip
    written.write_text(json.dumps(table))
    return table


def train(table: dict[str, Any], run: Path) -> None:
    """Begin a run, or go on with it, to its end; refusals are one sentence, as in the command."""
    from clearhead.errors import ClearheadError
    from clearhead.training.loop import Trainer
    from clearhead.training.settings import Settings

    try:
        Trainer(Settings.from_dict(table), run).train()
    except ClearheadError as error:
        print(f"clearhead: {error}")
        raise SystemExit(2) from None


@cache
def recording(seed: int = 3) -> Any:
    """A recording of one attention of PyTorch."""
    import torch

    import clearhead

    torch.manual_seed(seed)
    layer = torch.nn.MultiheadAttention(8, 2, batch_first=True).eval()
    x = torch.randn(1, 5, 8)
    with torch.no_grad(), clearhead.record(layer) as recorded:
        layer(x, x, x, need_weights=False)
    return recorded


RECIPE = """
[held_out]
share = 0.0
[[corpus]]
path = "a.tsv"
output = "words"
licence = "CC0"
attribution = "us"
"""


def write_recipe(folder: Path) -> None:
    """A recipe for a corpus, and the corpus."""
    (folder / "r.toml").write_text(RECIPE)
    (folder / "a.tsv").write_text("It is late.\tIl est tard!\nWe sleep.\tNous dormons.\n")
