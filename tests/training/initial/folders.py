"""Folders of small models with their tokenizers, and settings of runs that begin from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clearhead.pretrained.tokenizers.reading import read_tokenizer  # noqa: E402
from clearhead.training.settings import Settings  # noqa: E402
from tests.pretrained.tokenizers import folders as tokenizers  # noqa: E402
from tests.training.conftest import (  # noqa: E402
    classification_table,
    language_table,
    tiny_table,
)
from tests.training.initial.families import BART, BERT, DISTILBERT, GPT2, LLAMA, T5  # noqa: E402

# A name -> the tokenizer's, the class, its sizes, the task, and the languages of the run.
Kind = tuple[str, str, dict[str, Any], str, tuple[str, str] | None]
KINDS: dict[str, Kind] = {
    "Marian": ("Marian", "MarianMTModel", BART, "translation", ("en", "fra")),
    "BART": ("BART", "BartForConditionalGeneration", BART, "translation", None),
    "mBART": ("mBART", "MBartForConditionalGeneration", BART, "translation", ("en_XX", "ro_RO")),
    "NLLB": ("NLLB", "M2M100ForConditionalGeneration", BART, "translation",
             ("eng_Latn", "fra_Latn")),
    "T5": ("T5", "T5ForConditionalGeneration", T5, "translation", ("en", "fr")),
    "GPT-2": ("GPT-2", "GPT2LMHeadModel", GPT2, "language", None),
    "Llama": ("Llama", "LlamaForCausalLM", LLAMA, "language", None),
    "Qwen 2": ("Qwen 2", "Qwen2ForCausalLM", LLAMA, "language", None),
    "BERT": ("BERT", "BertForMaskedLM", BERT, "classification", None),
    "RoBERTa": ("RoBERTa", "RobertaModel", BERT, "classification", None),
    "DistilBERT": ("BERT", "DistilBertForMaskedLM", DISTILBERT, "classification", None),
}  # fmt: skip
_T5_TASKS = {
    "translation_en_to_fr": {"prefix": "translate English to French: "},
    "translation_en_to_de": {"prefix": "translate English to German: "},
}


def save_model(folder: Path, name: str) -> None:
    """Write a model with random weights, as its own library saves it, and its tokenizer."""
    tokenizer_name, kind, sizes, _, _ = KINDS[name]
    written = tokenizers.write(folder, tokenizer_name)
    tokenizer, reason = read_tokenizer(folder, written, tokenizers.CONFIG)
    assert tokenizer is not None, reason
    roles = tokenizer.roles
    end = roles.get("end", roles.get("separator", 0))
    changes: dict[str, Any] = {
        "vocab_size": tokenizer.vocab_size + 3,  # some that no text has
        "pad_token_id": roles.get("padding", end),
        "bos_token_id": roles.get("start"),
        "eos_token_id": end,
        **{key: 64 for key in ("max_position_embeddings", "n_positions") if key in sizes},
    }
    if "decoder_start_token_id" in sizes:
        starts_with_end = name in ("BART", "NLLB")
        changes["decoder_start_token_id"] = end if starts_with_end else changes["pad_token_id"]
    if name == "mBART":
        changes["decoder_start_token_id"] = tokenizer.languages["ro_RO"]
    sizes = {key: value for key, value in sizes.items() if key != "id2label"}
    if name == "T5":
        sizes |= {"task_specific_params": _T5_TASKS}
    model_class = getattr(transformers, kind)
    torch.manual_seed(0)
    model = model_class(model_class.config_class(**{**sizes, **changes}))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.3)
    model.save_pretrained(folder)


def settings_of(name: str, folder: Path, initial: Path, **training: Any) -> Settings:
    """The settings of a run of seconds that begins from a model, whose shape nobody repeats."""
    _, _, _, task, languages = KINDS[name]
    make = {
        "translation": tiny_table, "language": language_table,
        "classification": classification_table,
    }[task]  # fmt: skip
    table = make(folder)
    del table["tokenizer"], table["model"]
    table["data"]["max_tokens"] = 60
    if task == "language":
        table["data"]["unit"] = "line"
    if languages is not None:
        table["data"] |= dict(zip(("source_language", "target_language"), languages, strict=True))
    short = {"max_steps": 2, "checkpoint_every": 1, "evaluate_every": 2, "translated_pairs": 4}
    table["training"] |= {"initial": str(initial), "batch_tokens": 512, **short, **training}
    return Settings.from_dict(table)
