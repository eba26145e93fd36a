"""Small models of transformers with random weights, their ``generate``, and an engine that asks them.

The engine computes every prefix anew, so what is compared is the search alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import transformers

VOCABULARY = 61
PAD, START, END = 0, 1, 2


def model_of(family: str, *, seed: int = 0, scale: float = 0.4, vocabulary: int = VOCABULARY):
    """A model in float64 whose weights are so large that its predictions differ much."""
    ids = {"vocab_size": vocabulary, "pad_token_id": PAD, "eos_token_id": END, "bos_token_id": START}
    two_sided = {
        **ids, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 24,
        "decoder_ffn_dim": 24, "max_position_embeddings": 64,
    }  # fmt: skip
    configs = {
        "gpt2": lambda: transformers.GPT2Config(
            n_embd=16, n_layer=1, n_head=2, n_positions=64, **ids
        ),
        "llama": lambda: transformers.LlamaConfig(
            hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=64, **ids
        ),
        "t5": lambda: transformers.T5Config(
            vocab_size=vocabulary, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2,
            decoder_start_token_id=PAD, pad_token_id=PAD, eos_token_id=END,
        ),
        "marian": lambda: transformers.MarianConfig(
            decoder_start_token_id=PAD, scale_embedding=True, forced_eos_token_id=END, **two_sided
        ),
        "bart": lambda: transformers.BartConfig(
            decoder_start_token_id=END, forced_bos_token_id=START, forced_eos_token_id=END,
            **two_sided
        ),
    }  # fmt: skip
    classes = {
        "gpt2": transformers.GPT2LMHeadModel,
        "llama": transformers.LlamaForCausalLM,
        "t5": transformers.T5ForConditionalGeneration,
        "marian": transformers.MarianMTModel,
        "bart": transformers.BartForConditionalGeneration,
    }
    torch.manual_seed(seed)
    model = classes[family](configs[family]()).double().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            center = 1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0
            parameter.normal_(center, scale)
    return model


class TransformersEngine:
    """A model of transformers as an engine, without a cache."""

    def __init__(self, model) -> None:
        self.model = model
        self.has_encoder = bool(model.config.is_encoder_decoder)
        self.vocab_size = model.config.vocab_size
        self.rows: list[int] = []  # of each call

    def begin(self, sources: Sequence[Sequence[int]]) -> _Decoding:
        return _Decoding(self, sources)


class _Decoding:
    def __init__(self, engine: TransformersEngine, sources: Sequence[Sequence[int]]) -> None:
        self.engine = engine
        self.encoded: list[torch.Tensor | None] = [None] * len(sources)
        self.prefixes = [list(source) for source in sources]
        if engine.has_encoder:
            encoder = engine.model.get_encoder()
            with torch.no_grad():
                self.encoded = [
                    encoder(input_ids=torch.tensor([source])).last_hidden_state
                    for source in self.prefixes
                ]
            self.prefixes = [[] for _ in sources]

    def advance_logits(self, tokens: np.ndarray, parents: np.ndarray) -> np.ndarray:
        parents = parents.tolist()
        self.encoded = [self.encoded[parent] for parent in parents]
        self.prefixes = [
            [*self.prefixes[parent], token]
            for parent, token in zip(parents, tokens.tolist(), strict=True)
        ]
        self.engine.rows.append(len(parents))
        logits = np.zeros((len(parents), self.engine.vocab_size))
        shapes = [
            (len(prefix), 0 if encoded is None else encoded.shape[1])
            for prefix, encoded in zip(self.prefixes, self.encoded, strict=True)
        ]
        for shape in set(shapes):
            rows = [row for row, other in enumerate(shapes) if other == shape]
            logits[rows] = self._logits(rows)
        return logits

    def _logits(self, rows: list[int]) -> np.ndarray:
        ids = torch.tensor([self.prefixes[row] for row in rows])
        with torch.no_grad():
            if not self.engine.has_encoder:
                return self.engine.model(input_ids=ids).logits[:, -1].numpy()
            encoded = torch.cat([self.encoded[row] for row in rows])
            outputs = self.engine.model(encoder_outputs=(encoded,), decoder_input_ids=ids)
            return outputs.logits[:, -1].numpy()

    def advance(self, tokens: np.ndarray, parents: np.ndarray) -> np.ndarray:
        logits = torch.from_numpy(self.advance_logits(tokens, parents))
        return torch.log_softmax(logits, -1).numpy()


def transformers_tokens(model, tokens: Sequence[int], seed: int | None = None, **settings):
    """What ``generate`` gives for one input: for each sequence the new tokens, and the scores."""
    if seed is not None:
        torch.manual_seed(seed)
    ids = torch.tensor([list(tokens)])
    outputs = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        return_dict_in_generate=True,
        output_scores=True,
        **settings,
    )
    first = 1 if model.config.is_encoder_decoder else len(tokens)
    ends = model.generation_config.eos_token_id if "eos_token_id" not in settings else settings["eos_token_id"]
    ends = [ends] if isinstance(ends, int) else ends or []
    sequences = []
    for row in outputs.sequences[:, first:].tolist():
        stop = next((place + 1 for place, token in enumerate(row) if token in ends), len(row))
        sequences.append(tuple(row[:stop]))
    scores = getattr(outputs, "sequences_scores", None)
    return sequences, None if scores is None else scores.tolist()
