"""Tiny Hugging Face models with random weights and real tokenizers, saved as people save them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TEXT = "The animal didn't cross the street because it was too tired."
LENGTH = 64  # tokens that a model can read
CORPUS = [TEXT, "Les lumières de la rue étaient rouges.", "hello world\nagain", "日本 🎉"] * 5


def tokenizer(kind: str) -> Any:
    """A byte-level tokenizer (GPT-2's), one with ▁ for a space (T5's), or words (BERT's)."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    if kind == "gpt2":
        core = Tokenizer(models.BPE())
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        core.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer: Any = trainers.BpeTrainer(
            vocab_size=350, special_tokens=["<|end|>"], initial_alphabet=alphabet,
            show_progress=False,
        )  # fmt: skip
        special = {"eos_token": "<|end|>", "bos_token": "<|end|>"}
    elif kind == "t5":
        core = Tokenizer(models.BPE(unk_token="<unk>"))
        core.pre_tokenizer = pre_tokenizers.Metaspace()
        core.decoder = decoders.Metaspace()
        trainer = trainers.BpeTrainer(
            vocab_size=150, special_tokens=["<pad>", "</s>", "<unk>"], show_progress=False
        )
        special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    else:
        core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        core.decoder = decoders.WordPiece()
        trainer = trainers.WordPieceTrainer(
            vocab_size=150, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"],
            show_progress=False,
        )  # fmt: skip
        special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]",
                   "sep_token": "[SEP]"}  # fmt: skip
    core.train_from_iterator(CORPUS, trainer)
    if kind == "t5":
        core.post_processor = processors.TemplateProcessing(
            single="$A </s>", special_tokens=[("</s>", 1)]
        )
    if kind == "bert":
        core.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=core, **special)


def write(folder: Path, kind: str, *, length: int = LENGTH, layers: int = 2) -> str:
    """The folder of a model that can read `length` tokens, if it counts them."""
    import torch
    import transformers

    torch.manual_seed(0)
    words = tokenizer(kind)
    vocab = len(words)
    if kind == "gpt2":
        config: Any = transformers.GPT2Config(
            vocab_size=vocab, n_embd=32, n_layer=layers, n_head=4, n_positions=length,
            bos_token_id=0, eos_token_id=0, initializer_range=0.3,
        )  # fmt: skip
        model: Any = transformers.GPT2LMHeadModel(config)
    elif kind == "t5":
        config = transformers.T5Config(
            vocab_size=vocab, d_model=32, d_kv=8, d_ff=48, num_layers=layers, num_heads=4,
            pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
        )  # fmt: skip
        model = transformers.T5ForConditionalGeneration(config)
    else:
        config = transformers.BertConfig(
            vocab_size=vocab, hidden_size=32, num_hidden_layers=layers, num_attention_heads=4,
            intermediate_size=48, max_position_embeddings=length, initializer_range=0.3,
        )  # fmt: skip
        model = transformers.BertModel(config)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return str(folder)
