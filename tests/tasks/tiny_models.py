"""Tiny models of every family, as transformers saves them, each built once a session.

A folder is built at the first question for it, and nobody changes it: a test that breaks a model
takes a copy (`copy_of`).
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tokenizers import (  # noqa: E402
    AddedToken,
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    processors,
    trainers,
)

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

PAD, END, UNKNOWN, MASK = 0, 1, 2, 3
VOCABULARY = 300
SENTENCES = [
    "The old house stands by the river.",
    "Where is the station, please?",
    "A small cat sleeps on the warm stone.",
    "La maison est près de la rivière.",
]
_IDS = {"pad_token_id": PAD, "eos_token_id": END, "bos_token_id": END}
_LLAMA = {
    "vocab_size": VOCABULARY, "hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 48, **_IDS,
}  # fmt: skip
_BART = {
    "vocab_size": VOCABULARY, "d_model": 24, "encoder_layers": 2, "decoder_layers": 2,
    "encoder_attention_heads": 3, "decoder_attention_heads": 2, "encoder_ffn_dim": 20,
    "decoder_ffn_dim": 28, "max_position_embeddings": 48, **_IDS,
}  # fmt: skip
_T5 = {
    "vocab_size": VOCABULARY, "d_model": 20, "d_kv": 6, "d_ff": 24, "num_layers": 2,
    "num_heads": 3, "pad_token_id": PAD, "eos_token_id": END, "decoder_start_token_id": PAD,
}  # fmt: skip
_BERT = {
    "vocab_size": VOCABULARY, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3,
    "intermediate_size": 17, "max_position_embeddings": 40, "pad_token_id": PAD,
}  # fmt: skip
_TASKS = {
    "translation_en_to_fr": {"prefix": "translate English to French: ", "num_beams": 3,
                             "max_length": 12, "early_stopping": True},
    "summarization": {"prefix": "summarize: ", "num_beams": 2, "max_length": 9},
}  # fmt: skip

# Name -> class and the fields of its config.
MODELS = {
    "t5": ("T5ForConditionalGeneration", {**_T5, "task_specific_params": _TASKS}),
    "flan": ("T5ForConditionalGeneration", {**_T5, "feed_forward_proj": "gated-gelu",
                                            "tie_word_embeddings": False}),
    "marian": ("MarianMTModel", {**_BART, "decoder_start_token_id": PAD, "scale_embedding": True,
                                 "activation_function": "swish", "forced_eos_token_id": END}),
    "bart": ("BartForConditionalGeneration", {**_BART, "decoder_start_token_id": END,
                                              "forced_bos_token_id": None,
                                              "forced_eos_token_id": END}),
    "m2m_100": ("M2M100ForConditionalGeneration", {**_BART, "decoder_start_token_id": END}),
    "gpt2": ("GPT2LMHeadModel", {"vocab_size": VOCABULARY, "n_embd": 24, "n_layer": 2, "n_head": 3,
                                 "n_positions": 48, **_IDS}),
    "llama": ("LlamaForCausalLM", _LLAMA),
    "mistral": ("MistralForCausalLM", {**_LLAMA, "sliding_window": 5}),
    "qwen2": ("Qwen2ForCausalLM", _LLAMA),
    "qwen3": ("Qwen3ForCausalLM", {**_LLAMA, "head_dim": 10, "tie_word_embeddings": True}),
    "gemma2": ("Gemma2ForCausalLM", {**_LLAMA, "head_dim": 10, "sliding_window": 4}),
    "gemma3": ("Gemma3ForCausalLM", {**_LLAMA, "head_dim": 10, "sliding_window": 4}),
    "gpt_neox": ("GPTNeoXForCausalLM", {
        "vocab_size": VOCABULARY, "hidden_size": 24, "num_hidden_layers": 2,
        "num_attention_heads": 3, "intermediate_size": 30, "max_position_embeddings": 48, **_IDS}),
    "bert": ("BertForMaskedLM", _BERT),
    "roberta": ("RobertaForMaskedLM", {**_BERT, "pad_token_id": PAD, "type_vocab_size": 1,
                                       "bos_token_id": END, "eos_token_id": END}),
    "distilbert": ("DistilBertForMaskedLM", {
        "vocab_size": VOCABULARY, "dim": 24, "n_layers": 2, "n_heads": 3, "hidden_dim": 17,
        "max_position_embeddings": 40, "pad_token_id": PAD}),
}  # fmt: skip
TRANSLATORS = ("t5", "flan", "marian", "bart", "m2m_100")
DECODERS = ("gpt2", "llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "gpt_neox")
ENCODERS = ("bert", "roberta", "distilbert")


@cache
def _root() -> Path:
    root = tempfile.mkdtemp(prefix="clearhead-tiny-")
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return Path(root)


def config_of(name: str, **changes):
    """The config of a model, with some fields changed."""
    class_name, fields = MODELS[name]
    return getattr(transformers, class_name).config_class(**{**fields, **changes})


def random_model(name: str, *, seed: int = 0, scale: float = 0.3, **changes):
    """A model of transformers with large random weights, so that a wrong detail shows."""
    class_name, _ = MODELS[name]
    torch.manual_seed(seed)
    model = getattr(transformers, class_name)(config_of(name, **changes)).eval()
    with torch.no_grad():
        for part, weight in model.named_parameters():
            if name in ("marian", "m2m_100") and "embed_positions" in part:
                continue  # sines, which no file holds
            is_gain = "norm" in part.lower() and part.endswith("weight")
            weight.normal_(1.0 if is_gain else 0.0, scale)
        if name in ("marian", "bart"):
            model.final_logits_bias.normal_(0.0, scale)
    if name == "marian":
        model.generation_config.bad_words_ids = [[PAD]]
    return model


@cache
def tokenizer_of(kind: str):
    """A tokenizer: ``bytes`` as GPT-2's and Llama 3's, ``source`` with an end token, ``masks``."""
    special = ["<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        SENTENCES,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY - 10, special_tokens=special, show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )  # fmt: skip
    if kind == "source":
        tokenizer.post_processor = processors.TemplateProcessing(
            single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", END)]
        )
    if kind == "masks":
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", END), ("</s>", END))
    mask = {"mask_token": AddedToken("<mask>", lstrip=True, normalized=False)}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        bos_token="</s>", **(mask if kind == "masks" else {}),
    )  # fmt: skip


def kind_of(name: str) -> str:
    """Which tokenizer stands beside a model."""
    if name in DECODERS:
        return "bytes"
    return "masks" if name in ENCODERS else "source"


@cache
def saved(name: str, *, tokenizer: bool = True, **changes):
    """The folder of a model, and the model of transformers that was saved there."""
    folder = _root() / f"{len(list(_root().iterdir()))}-{name}"
    model = random_model(name, **changes)
    model.save_pretrained(folder)
    if tokenizer:
        tokenizer_of(kind_of(name)).save_pretrained(folder)
    return folder, model


def folder_of(name: str, **changes) -> Path:
    """The folder of a model alone."""
    return saved(name, **changes)[0]


def copy_of(name: str, folder: Path, **changes) -> Path:
    """A copy of a model's folder that may be changed."""
    shutil.copytree(folder_of(name, **changes), folder, dirs_exist_ok=True)
    return folder


def padded(model, *, side: str = "right", seed: int = 0):
    """Ids of three rows with padding on one side, and their mask."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(4, model.config.vocab_size, (3, 9))
    places = np.arange(9) if side == "right" else np.arange(9)[::-1]
    mask = places < np.array([9, 4, 1])[:, None]
    ids[~mask] = PAD
    return ids, mask


def logits_of(model, ids, mask, target_ids=None):
    """The logits of transformers, in float64."""
    inputs = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask).long()}
    if target_ids is not None:
        inputs["decoder_input_ids"] = torch.tensor(target_ids)
    try:
        with torch.no_grad():
            return model.double()(**inputs).logits.numpy()
    finally:
        model.float()
