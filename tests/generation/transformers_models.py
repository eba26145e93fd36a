"""Small models of transformers, what their ``generate`` gives, and an engine that asks them.

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
    ids = {
        "vocab_size": vocabulary,
        "pad_token_id": PAD,
        "eos_token_id": END,
        "bos_token_id": START,
    }
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
            decoder_start_token_id=PAD, scale_embedding=True, **two_sided
        ),
        "bart": lambda: transformers.BartConfig(
            decoder_start_token_id=END, forced_eos_token_id=None, **two_sided
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
            if family == "marian" and "embed_positions" in name:
                continue  # sines, which no file holds
            center = 1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0
            parameter.normal_(center, scale)
    # What the makers of such models set for generation.
    if family == "marian":
        model.generation_config.update(bad_words_ids=[[PAD]], forced_eos_token_id=END)
    if family == "bart":
        model.generation_config.update(forced_bos_token_id=START, forced_eos_token_id=END)
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
    """The new tokens of each sequence that ``generate`` gives for one input, and their scores."""
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
    ends = settings.get("eos_token_id", model.generation_config.eos_token_id)
    ends = [ends] if isinstance(ends, int) else ends or []
    sequences = []
    for row in outputs.sequences[:, first:].tolist():
        stop = next((place + 1 for place, token in enumerate(row) if token in ends), len(row))
        sequences.append(tuple(row[:stop]))
    if not hasattr(outputs, "sequences_scores") or outputs.sequences_scores is None:
        return sequences, None
    # Where a beam has fewer sequences than are asked for, transformers fills up with copies and
    # with empty ones, whose scores come from its -1e9 for "never".
    pairs = zip(sequences, outputs.sequences_scores.tolist(), strict=True)
    pairs = [(ids, score) for ids, score in pairs if score > -1e7]
    return [ids for ids, _ in pairs], [score for _, score in pairs]


FAMILIES = ("gpt2", "llama", "t5", "marian", "bart")
MODES = ("greedy", "beam", "sampling", "sampling in a beam")


def input_of(model, rng: np.random.Generator) -> list[int]:
    """A prompt, or a source with its end token."""
    tokens = rng.integers(3, model.config.vocab_size, rng.integers(1, 9)).tolist()
    return [*tokens, END] if model.config.is_encoder_decoder else tokens


def settings_of(model, mode: str, rng: np.random.Generator) -> dict[str, object]:
    """Settings of a mode, drawn at random, with what the family's models always have."""

    def ids(most: int) -> list[int]:
        return rng.integers(3, model.config.vocab_size, rng.integers(1, most + 1)).tolist()

    def maybe(share: float, **values: object) -> dict[str, object]:
        return values if rng.random() < share else {}

    family = model.generation_config
    settings: dict[str, object] = {
        "eos_token_id": sorted({END, *ids(6)}) if rng.random() < 0.8 else END,
        "max_new_tokens": int(rng.integers(2, 15)),
        **maybe(0.2, min_new_tokens=int(rng.integers(1, 6))),
        **maybe(0.2, min_length=int(rng.integers(1, 12))),
        **maybe(0.3, repetition_penalty=float(rng.choice([0.8, 1.2, 2.0]))),
        **maybe(0.3, no_repeat_ngram_size=int(rng.integers(1, 4))),
        **maybe(0.3, bad_words_ids=[ids(1), ids(2), ids(3)]),
        **maybe(0.2, suppress_tokens=ids(9)),
        **maybe(0.2, begin_suppress_tokens=ids(20)),
        **maybe(0.2, renormalize_logits=True),
        **maybe(0.1, remove_invalid_values=True),
    }
    if rng.random() < 0.2:
        del settings["max_new_tokens"]
        settings["max_length"] = int(rng.integers(10, 20))
    if model.config.is_encoder_decoder:
        settings["decoder_start_token_id"] = family.decoder_start_token_id
        for name in ("forced_bos_token_id", "forced_eos_token_id", "bad_words_ids"):
            if getattr(family, name) is not None and rng.random() < 0.9:
                settings[name] = getattr(family, name)
    if "beam" in mode:
        beams = int(rng.integers(2, 7))
        settings |= {
            "num_beams": beams,
            "num_return_sequences": int(rng.integers(1, beams + 1)),
            "length_penalty": float(rng.choice([-1.0, 0.0, 0.6, 1.0, 2.0])),
            "early_stopping": (False, True, "never")[rng.integers(3)],
        }
    if "sampling" in mode:
        settings |= {
            "do_sample": True,
            "temperature": float(rng.choice([0.7, 1.0, 1.5])),
            "top_k": int(rng.choice([0, 5, 50])),
            **maybe(0.5, top_p=float(rng.choice([0.3, 0.8, 0.95]))),
            **maybe(0.2, min_p=0.03),
            **maybe(0.2, typical_p=0.9),
        }
    if mode == "sampling":
        settings["num_return_sequences"] = int(rng.integers(1, 4))
    return settings
