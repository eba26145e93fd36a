"""Small random models of every family that can be fine-tuned, and the numbers of transformers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch import Tensor

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clearhead.nn.transformer import Transformer  # noqa: E402
from clearhead.pretrained.model import PretrainedModel  # noqa: E402
from clearhead.pretrained.reading import read_pretrained  # noqa: E402
from clearhead.text.batches import Batch  # noqa: E402
from clearhead.training.initial.loading import load_origin, set_trained  # noqa: E402
from clearhead.training.initial.origin import Origin  # noqa: E402
from clearhead.training.initial.rows import NOTHING, origin_form  # noqa: E402
from clearhead.training.tasks.task import CLASSIFICATION, LANGUAGE, TRANSLATION, Task  # noqa: E402
from tests.pretrained.encoder_decoders.saved_models import in_float64  # noqa: E402
from tests.reference.exact_transformers import double_throughout  # noqa: E402

BART = {
    "vocab_size": 41, "d_model": 24, "encoder_layers": 2, "decoder_layers": 1,
    "encoder_attention_heads": 4, "decoder_attention_heads": 3, "encoder_ffn_dim": 20,
    "decoder_ffn_dim": 28, "max_position_embeddings": 26, "pad_token_id": 1, "bos_token_id": 0,
    "eos_token_id": 2, "decoder_start_token_id": 2,
}  # fmt: skip
MARIAN = {**BART, "pad_token_id": 40, "eos_token_id": 0, "decoder_start_token_id": 40}
T5 = {
    "vocab_size": 41, "d_model": 24, "d_kv": 7, "d_ff": 20, "num_layers": 2, "num_heads": 3,
    "relative_attention_num_buckets": 8, "relative_attention_max_distance": 12,
    "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0,
}  # fmt: skip
LLAMA = {
    "vocab_size": 41, "hidden_size": 24, "intermediate_size": 36, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 26,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
WIDE = {**LLAMA, "head_dim": 8}
GPT2 = {
    "vocab_size": 41, "n_embd": 24, "n_layer": 2, "n_head": 4, "n_positions": 26,
    "bos_token_id": 0, "eos_token_id": 0,
}  # fmt: skip
NEO = {
    "vocab_size": 41, "hidden_size": 24, "num_layers": 2, "num_heads": 4, "bos_token_id": 0,
    "max_position_embeddings": 26, "attention_types": [[["global", "local"], 1]],
    "window_size": 4, "eos_token_id": 0,
}  # fmt: skip
NEOX = {**LLAMA, "num_key_value_heads": 4}
BERT = {
    "vocab_size": 41, "hidden_size": 24, "intermediate_size": 36, "num_hidden_layers": 2,
    "num_attention_heads": 4, "max_position_embeddings": 26, "pad_token_id": 0,
    "id2label": {0: "c", 1: "a", 2: "b"},
}  # fmt: skip
DISTILBERT = {
    "vocab_size": 41, "dim": 24, "hidden_dim": 36, "n_layers": 2, "n_heads": 4,
    "max_position_embeddings": 26, "pad_token_id": 0, "id2label": {0: "c", 1: "a", 2: "b"},
}  # fmt: skip
LABELS = ("c", "a", "b")
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "Marian": ("MarianMTModel", {**MARIAN, "scale_embedding": True}),
    "Marian, apart": ("MarianMTModel", {**MARIAN, "share_encoder_decoder_embeddings": False}),
    "BART": ("BartForConditionalGeneration", BART),
    "mBART": ("MBartForConditionalGeneration", {**BART, "decoder_start_token_id": 38}),
    "M2M100": ("M2M100ForConditionalGeneration", BART),
    "PEGASUS": (
        "PegasusForConditionalGeneration",
        {**BART, "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0},
    ),
    "T5": ("T5ForConditionalGeneration", T5),
    "T5 v1.1": (
        "T5ForConditionalGeneration",
        {**T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
    ),
    "mT5": ("MT5ForConditionalGeneration", T5),
    "GPT-2": ("GPT2LMHeadModel", {**GPT2, "scale_attn_by_inverse_layer_idx": True}),
    "GPT-Neo": ("GPTNeoForCausalLM", NEO),
    "GPT-NeoX": ("GPTNeoXForCausalLM", NEOX),
    "Llama": ("LlamaForCausalLM", {**LLAMA, "tie_word_embeddings": False}),
    "Mistral": ("MistralForCausalLM", {**LLAMA, "sliding_window": 3}),
    "Qwen 2": ("Qwen2ForCausalLM", {**LLAMA, "tie_word_embeddings": True}),
    "Qwen 3": ("Qwen3ForCausalLM", WIDE),
    "Gemma 2": ("Gemma2ForCausalLM", {**WIDE, "sliding_window": 3, "query_pre_attn_scalar": 8}),
    "Gemma 3": (
        "Gemma3ForCausalLM",
        {**WIDE, "sliding_window": 3, "layer_types": ["sliding_attention", "full_attention"]},
    ),
    "BERT": ("BertForSequenceClassification", BERT),
    "RoBERTa": ("RobertaForSequenceClassification", {**BERT, "pad_token_id": 1}),
    "XLM-RoBERTa": ("XLMRobertaForSequenceClassification", {**BERT, "pad_token_id": 1}),
    "DistilBERT": ("DistilBertForSequenceClassification", DISTILBERT),
}  # fmt: skip


def random_model(name: str) -> Any:
    """A model of transformers in float64, all of whose weights are random and large."""
    kind, settings = MODELS[name]
    model_class = getattr(transformers, kind)
    config = model_class.config_class(**settings)
    config._attn_implementation = "eager"
    torch.manual_seed(1)
    with double_throughout():
        model = in_float64(model_class(config)).eval()
    tables = {module.weight for module in model.modules() if "Sinusoidal" in type(module).__name__
              and hasattr(module, "weight")}  # fmt: skip
    with torch.no_grad():
        for weight in model.parameters():
            if weight not in tables:
                weight.normal_(0, 0.3)
    return model


def origin_of(model: Any, folder: Path, dtype: str = "float64") -> Origin:
    """Save a model of transformers, and read what a run would begin from, without a tokenizer."""
    model.save_pretrained(folder)
    pretrained = read_pretrained(folder, dtype=dtype)
    tokenizer: Any = SimpleNamespace(encode=lambda text: [5], encode_plain=lambda text: [5])
    pretrained = dataclasses.replace(pretrained, tokenizer=tokenizer)
    origin = Origin("it", folder, pretrained.config, pretrained)
    return origin.with_labels(LABELS) if task_of(origin) is CLASSIFICATION else origin


def task_of(origin: Origin) -> Task:
    if not origin.config.encoder_layers:
        return LANGUAGE
    return TRANSLATION if origin.config.decoder_layers else CLASSIFICATION


def batch_of(origin: Origin) -> Batch:
    """Rows of different lengths, without the token of padding in them."""
    rng = np.random.default_rng(3)
    words = [word for word in range(3, origin.config.vocab_size) if word != origin.config.pad_id]
    sides = [
        [rng.choice(words, size=length).tolist() for length in lengths]
        for lengths in ((9, 4, 6), (7, 10, 3))
    ]
    if task_of(origin) is CLASSIFICATION:
        sides[1] = [[2], [0], [1]]
    return origin_form(origin, task_of(origin)).make(*sides)


def our_model(origin: Origin, dtype: str = "float64") -> Transformer:
    """The model in training, without dropout."""
    torch.manual_seed(0)
    model = Transformer(origin.config).to(getattr(torch, dtype)).eval()
    load_origin(origin, model)
    set_trained(origin, model)
    return model


def their_loss(model: Any, batch: Batch) -> Tensor:
    """The sum of the losses that transformers computes of its labels, and of no inputs of ours."""
    labels = torch.from_numpy(np.where(batch.target_output == NOTHING, -100, batch.target_output))
    labels = labels[:, 0] if not batch.target_input.shape[1] else labels
    inputs: dict[str, Any] = {"labels": labels}
    if batch.source.shape[1]:
        ids = torch.from_numpy(batch.source)
        inputs |= {"input_ids": ids, "attention_mask": (ids != model.config.pad_token_id).long()}
    else:  # a decoder shifts its labels by itself
        first = torch.from_numpy(batch.target_input)[:, :1]
        whole = torch.cat([first, labels], dim=1)
        inputs = {"input_ids": whole.clamp(min=0), "attention_mask": (whole != -100).long()}
        inputs["labels"] = torch.cat([torch.full_like(first, -100), labels], dim=1)
    loss: Tensor = model(**inputs).loss * batch.target_tokens
    return loss


def their_gradients(model: Any) -> Mapping[str, Tensor | None]:
    """The gradient of each parameter, by all of its names; None where it has none."""
    return {
        name: parameter.grad for name, parameter in model.named_parameters(remove_duplicate=False)
    }


def pretrained_of(origin: Origin) -> PretrainedModel:
    assert origin.pretrained is not None
    return origin.pretrained
