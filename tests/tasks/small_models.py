"""Folders of small models with a tokenizer, as transformers saves them."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tokenizers import (  # noqa: E402  # noqa: E402
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from tests.pretrained.encoders.comparing import random_model  # noqa: E402

WORDS = ["the", "cat", "sat", "on", "mat", "dog", "ran", "paris", "is", "capital", "of", "france"]
WORDS += [".", ",", "!"]
PIECES = [*"abcdefghijklmnopqrstuvwxyz", *(f"##{one}" for one in "abcdefghijklmnopqrstuvwxyz")]
BERT_VOCAB = {
    token: number
    for number, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *PIECES])
}
SIZES = {"num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 17}
LONGEST = 16


def bert_tokenizer():
    tokenizer = Tokenizer(models.WordPiece(BERT_VOCAB, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", model_max_length=LONGEST,
    )  # fmt: skip


def roberta_tokenizer():
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("Ġ", "c"), ("Ġc", "a"), ("Ġca", "t"), ("t", "h"), ("th", "e")]
    tokens = [*special, *letters, *("".join(pair) for pair in merges), "<mask>"]
    vocab = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", cls_token="<s>", eos_token="</s>",
        sep_token="</s>", pad_token="<pad>", unk_token="<unk>", model_max_length=4 * LONGEST,
        mask_token=AddedToken("<mask>", lstrip=True, normalized=False),
    )  # fmt: skip


def bert_folder(folder, name="BertForMaskedLM", *, surplus=0):
    """Save a BERT, with more rows than tokens, and its tokenizer; returns them too."""
    tokenizer = bert_tokenizer()
    config = transformers.BertConfig(
        vocab_size=len(tokenizer) + surplus,
        hidden_size=24,
        max_position_embeddings=LONGEST,
        **SIZES,
    )
    return _save(folder, random_model(getattr(transformers, name), config), tokenizer)


def roberta_folder(folder, name="RobertaForMaskedLM"):
    """Save a RoBERTa and its tokenizer; returns them too."""
    tokenizer = roberta_tokenizer()
    config = transformers.RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=24, max_position_embeddings=4 * LONGEST + 2,
        type_vocab_size=1, **SIZES,
    )  # fmt: skip
    return _save(folder, random_model(getattr(transformers, name), config), tokenizer)


def _save(folder, model, tokenizer):
    folder.mkdir(exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model, tokenizer
