"""Folders of small random models as transformers saves them, written without it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer, WordPieceTrainer

TEXTS = [
    "The black cat sleeps on the mat. She did not see him.",
    "The old man walks slowly to the house by the river.",
    "One, two, three, four, five, six. Once upon a time there was a cat.",
]
END = "<|endoftext|>"
MASK = "[MASK]"


def gpt2_folder(folder: Path, *, layers: int = 3, heads: int = 4, width: int = 32) -> Path:
    """A GPT-2 that continues prompts; its end token has id 0."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        TEXTS,
        BpeTrainer(
            vocab_size=330, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
        ),
    )
    config = {
        "model_type": "gpt2", "vocab_size": 340, "n_positions": 48, "n_embd": width,
        "n_layer": layers, "n_head": heads, "bos_token_id": 0, "eos_token_id": 0,
        "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new",
    }  # fmt: skip
    shapes = {"wte.weight": (340, width), "wpe.weight": (48, width)}
    for layer in range(layers):
        sizes = {"attn.c_attn": 3 * width, "attn.c_proj": width, "mlp.c_fc": 4 * width}
        for name, out in sizes.items():
            shapes |= {f"h.{layer}.{name}.weight": (width, out), f"h.{layer}.{name}.bias": (out,)}
        shapes[f"h.{layer}.mlp.c_proj.weight"] = (4 * width, width)
        shapes[f"h.{layer}.mlp.c_proj.bias"] = (width,)
        shapes |= _norms(f"h.{layer}.ln_1", f"h.{layer}.ln_2", width=width)
    shapes |= _norms("ln_f", width=width)
    weights = {f"transformer.{name}": array for name, array in _random(shapes, "ln_").items()}
    return _write(folder, config, weights, tokenizer, eos_token=END, bos_token=END)


def bert_folder(folder: Path, *, fills_masks: bool = True) -> Path:
    """A BERT with token types, with its head for masked words or without it."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", MASK]
    tokenizer.train_from_iterator(
        TEXTS, WordPieceTrainer(vocab_size=150, special_tokens=special, show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    width, words = 24, tokenizer.get_vocab_size()
    config = {
        "model_type": "bert", "vocab_size": words, "hidden_size": width, "num_hidden_layers": 2,
        "num_attention_heads": 4, "intermediate_size": 40, "max_position_embeddings": 32,
        "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12, "pad_token_id": 0,
    }  # fmt: skip
    shapes = {
        f"embeddings.{name}_embeddings.weight": (rows, width)
        for name, rows in (("word", words), ("position", 32), ("token_type", 2))
    }
    shapes |= _norms("embeddings.LayerNorm", width=width)
    for layer in range(2):
        at = f"encoder.layer.{layer}"
        for name, out, inner in (
            ("attention.self.query", width, width), ("attention.self.key", width, width),
            ("attention.self.value", width, width), ("attention.output.dense", width, width),
            ("intermediate.dense", 40, width), ("output.dense", width, 40),
        ):  # fmt: skip
            shapes |= {f"{at}.{name}.weight": (out, inner), f"{at}.{name}.bias": (out,)}
        shapes |= _norms(f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm", width=width)
    if fills_masks:
        shapes = {f"bert.{name}": shape for name, shape in shapes.items()}
        head = "cls.predictions"
        shapes |= {f"{head}.transform.dense.weight": (width, width), f"{head}.bias": (words,)}
        shapes |= {f"{head}.transform.dense.bias": (width,)}
        shapes |= _norms(f"{head}.transform.LayerNorm", width=width)
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "mask_token": MASK}
    return _write(
        folder, config, _random(shapes, "LayerNorm"), tokenizer, sep_token="[SEP]", **marks
    )


def _norms(*names: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{part}": (width,) for name in names for part in ("weight", "bias")}


def _random(shapes: dict[str, tuple[int, ...]], norm: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    weights = {}
    for name, shape in shapes.items():
        scale = 0.3 if len(shape) == 1 else 1.5 * shape[-1] ** -0.5
        shift = 1.0 if norm in name and name.endswith("weight") else 0.0
        weights[name] = (rng.standard_normal(shape) * scale + shift).astype(np.float32)
    return weights


def _write(folder: Path, config, weights, tokenizer, **marks: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **marks})
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
