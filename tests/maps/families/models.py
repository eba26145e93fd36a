"""Small models of each family with random weights, made once for all tests of a module."""

from __future__ import annotations

from functools import cache
from typing import Any

from torch import nn

from tests.maps.families.comparing import lively

VOCAB = 64
SMALL = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GROUPED = {**SMALL, "num_key_value_heads": 2, "head_dim": 8}
TWO_STACKS = {
    "vocab_size": VOCAB,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
    "forced_eos_token_id": None,
}


@cache
def model(family: str) -> nn.Module:
    """A model of a family, in eval mode; tests set its attention before each use."""
    import transformers

    model_class: Any = getattr(transformers, CLASSES[family])
    config = getattr(transformers, CONFIGS[family])(**SETTINGS[family])
    return lively(model_class(config), gain=0.8 if family == "t5" else 1.5)


CLASSES = {
    "gpt2": "GPT2LMHeadModel",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "gemma2": "Gemma2ForCausalLM",
    "gemma3": "Gemma3ForCausalLM",
    "gpt_oss": "GptOssForCausalLM",
    "t5": "T5ForConditionalGeneration",
    "marian": "MarianMTModel",
    "bart": "BartForConditionalGeneration",
    "whisper": "WhisperForConditionalGeneration",
}
CONFIGS = {
    "gpt2": "GPT2Config",
    "llama": "LlamaConfig",
    "mistral": "MistralConfig",
    "gemma2": "Gemma2Config",
    "gemma3": "Gemma3TextConfig",
    "gpt_oss": "GptOssConfig",
    "t5": "T5Config",
    "marian": "MarianConfig",
    "bart": "BartConfig",
    "whisper": "WhisperConfig",
}
LOCAL_AND_GLOBAL = ["sliding_attention", "full_attention"]
SETTINGS: dict[str, dict[str, Any]] = {
    "gpt2": {
        "vocab_size": VOCAB,
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 4,
        "n_positions": 64,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
    },
    "llama": GROUPED,
    "mistral": {**GROUPED, "sliding_window": 4},
    # A cap that bends most of the scores.
    "gemma2": {
        **GROUPED,
        "sliding_window": 4,
        "layer_types": LOCAL_AND_GLOBAL,
        "attn_logit_softcapping": 2.0,
        "query_pre_attn_scalar": 8,
    },
    "gemma3": {
        **GROUPED,
        "sliding_window": 4,
        "layer_types": LOCAL_AND_GLOBAL,
        "query_pre_attn_scalar": 8,
    },
    "gpt_oss": {
        **GROUPED,
        "sliding_window": 4,
        "layer_types": LOCAL_AND_GLOBAL,
        "num_local_experts": 2,
        "num_experts_per_tok": 1,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    },
    "t5": {
        "vocab_size": VOCAB,
        "d_model": 32,
        "d_kv": 8,
        "d_ff": 48,
        "num_layers": 2,
        "num_heads": 4,
        "relative_attention_num_buckets": 8,
        "relative_attention_max_distance": 16,
        "pad_token_id": 0,
        "eos_token_id": 2,
        "decoder_start_token_id": 0,
    },
    "marian": TWO_STACKS,
    "bart": TWO_STACKS,
    "whisper": {
        **{k: v for k, v in TWO_STACKS.items() if k != "max_position_embeddings"},
        "num_mel_bins": 8,
        "max_source_positions": 12,
        "max_target_positions": 32,
        "begin_suppress_tokens": None,
        "suppress_tokens": None,
    },
}
