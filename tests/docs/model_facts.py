"""What the pages say of the bundled model's size, shape and score, held against the model itself.

`python -m tests.docs.quotes --write` puts the right figures in their place, with the outputs.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import numpy as np

from clearhead.translation.checkpoint import find_model, read_checkpoint

ROOT = Path(__file__).resolve().parents[2]
CARD = "src/clearhead/models/en-fr/README.md"
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
CONTAGEM = ("nenhuma", "uma", "duas", "três", "quatro", "cinco", "seis", "sete", "oito")
# How safetensors names what most of the weights are stored in.
STORED = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "I8": "int8"}

# Page -> sentences on it; a name in braces stands for a figure of the model.
SENTENCES = {
    "README.md": (
        "The model is small ({rounded} million parameters, {megabytes} MB)",
        "| unseen Tatoeba sentences, sacreBLEU | {bleu} |",
    ),
    "CHANGELOG.md": (
        "- A bundled model, English to French: {bleu} sacreBLEU on unseen Tatoeba sentences, "
        "{megabytes} MB.",
    ),
    CARD: (
        "| shape | encoder-decoder, {encoder} + {decoder} layers, d_model {width}, {heads} heads, "
        "feed-forward {inner} (ReLU)",
        "| size | {millions} million parameters in {stored}",
        ", {megabytes} MB |",
        "| vocabulary | {vocabulary} byte-pair pieces",
    ),
    "lessons/5-looking-into-a-model.md": ("in this one with its\n{count} decoder layers",),
    "src/clearhead/translation/alignment.py": ("In the {count} layers of the bundled\n",),
    "src/clearhead/explorer/front/views/heads/words.ts": (
        "in the bundled model, with {count} decoder layers,",
        "no modelo incluído, com {contagem} camadas de decodificador,",
    ),
}


def stored_type(path: Path) -> str:
    """Return the type in which most numbers of a safetensors file are stored."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    sizes: dict[str, int] = {}
    for name, entry in header.items():
        if name != "__metadata__":
            count = int(np.prod(entry["shape"], dtype=int))
            sizes[entry["dtype"]] = sizes.get(entry["dtype"], 0) + count
    most = max(sizes, key=lambda dtype: sizes[dtype])
    return STORED.get(most, most)


@cache
def facts() -> dict[str, str]:
    """Return the figures of the bundled model, as they are written."""
    checkpoint, path = read_checkpoint("en-fr"), find_model("en-fr") / "model.safetensors"
    config = checkpoint.config
    count = sum(weight.size for weight in checkpoint.weights.values())
    (bleu,) = re.findall(r"\| \*\*([\d.]+)\*\* \|", (ROOT / CARD).read_text("utf-8"))
    return {
        "millions": f"{count / 1e6:.1f}",
        "rounded": f"{count / 1e6:.0f}",
        "megabytes": f"{path.stat().st_size / 1e6:.1f}",
        "stored": stored_type(path),
        "encoder": str(config.encoder_layers),
        "decoder": str(config.decoder_layers),
        "count": COUNTS[config.decoder_layers],
        "contagem": CONTAGEM[config.decoder_layers],
        "width": str(config.d_model),
        "heads": str(config.num_heads),
        "inner": str(config.feed_forward_dim),
        "vocabulary": f"{config.vocab_size:,}",
        "bleu": bleu,
    }


def with_facts(text: str, sentence: str, values: dict[str, str]) -> str:
    """Return a text whose sentence has the right figures.

    Raises:
        ValueError: the text does not have the sentence exactly once, with any figures.
    """
    pattern = re.sub(r"\\\{(\w+)\\\}", r"([\\w.,]+?)", re.escape(sentence))
    if sentence.endswith("}"):  # a figure at the end is matched whole
        pattern += r"(?!\w)"
    matches = list(re.finditer(pattern, text))
    if len(matches) != 1:
        raise ValueError(f"It has {len(matches)} times, and must have once: {sentence}")
    start, stop = matches[0].span()
    return text[:start] + sentence.format(**values) + text[stop:]


def pages() -> dict[str, tuple[str, str]]:
    """Return each page as it is, and with the right figures."""
    every = {}
    for path, sentences in SENTENCES.items():
        text = new = (ROOT / path).read_text("utf-8")
        for sentence in sentences:
            try:
                new = with_facts(new, sentence, facts())
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from error
        every[path] = (text, new)
    return every


def check(*, write: bool) -> int:
    """Say which pages have other figures than the model, and return how many stay so."""
    differing = {path: new for path, (text, new) in pages().items() if text != new}
    print(
        f"figures of the model: {len(SENTENCES) - len(differing)} of {len(SENTENCES)} pages agree"
    )
    for path, new in differing.items():
        print(f"  {path}: other figures")
        if write:
            (ROOT / path).write_text(new, encoding="utf-8")
    return 0 if write else len(differing)
