"""What choosing a token costs beside the model, at a large vocabulary, against transformers.

    python -m benchmarks.generation [--quick] [--json]

The model is a table that costs next to nothing: what follows depends on the last token alone. Each
figure is processor time of a whole generation divided by its steps, the best of several rounds,
which take turns. Both sides must give the same tokens, or there is no result.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from clearhead.generation.generate import generate
from clearhead.generation.settings import GenerationSettings
from clearhead.shapes import Array

from .machine import machine
from .report import add_arguments, progress, publish

VOCABULARY, ROWS = 50_257, 64
PROMPT = [11, 12, 13]
MODES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "greedy, repetition penalty": {"repetition_penalty": 1.2},
    "beam of 4": {"num_beams": 4},
    "sampling, top-k 50": {"do_sample": True, "top_k": 50},
    "sampling, top-p 0.9": {"do_sample": True, "top_k": 0, "top_p": 0.9},
    "sampling, everything": {"do_sample": True, "top_k": 0},
}


class TableEngine:
    """An engine that looks the logits up."""

    def __init__(self, logits: Array) -> None:
        self.logits = logits
        self.vocab_size = logits.shape[1]

    def begin(self, sources: Sequence[Sequence[int]]) -> TableEngine:
        """Return this engine: there is no state."""
        return self

    def advance(self, tokens: Array, parents: Array) -> Array:
        """Return logits in place of log-probabilities: nobody asks for the latter."""
        return self.advance_logits(tokens, parents)

    def advance_logits(self, tokens: Array, parents: Array) -> Array:
        """Return a copy of the row of each token."""
        return self.logits[tokens % ROWS]


def transformers_tokens(logits: Array) -> Callable[..., list[int]]:
    """Return ``generate`` of a model of transformers with the same table."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel
    from transformers.modeling_outputs import CausalLMOutputWithCrossAttentions

    table = torch.from_numpy(logits)
    torch.set_num_threads(1)

    class TableModel(GPT2LMHeadModel):
        def forward(self, input_ids: Any = None, **others: Any) -> Any:
            rows = table[input_ids[:, -1:] % ROWS]
            return CausalLMOutputWithCrossAttentions(logits=rows)

    config = GPT2Config(vocab_size=8, n_embd=2, n_layer=1, n_head=1, bos_token_id=0, eos_token_id=0)
    model = TableModel(config)
    model.generation_config.eos_token_id = None

    def tokens(steps: int, **settings: Any) -> list[int]:
        torch.manual_seed(0)
        ids = torch.tensor([PROMPT])
        output = model.generate(
            ids, attention_mask=torch.ones_like(ids), use_cache=False, max_new_tokens=steps,
            pad_token_id=0, **settings,
        )  # fmt: skip
        return output[0, len(PROMPT) :].tolist()

    return tokens


def measure(steps: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return milliseconds of a step by mode, ours and theirs.

    Raises:
        RuntimeError: the tokens differ.
    """
    rng = np.random.default_rng(0)
    logits = (rng.normal(size=(ROWS, VOCABULARY)) * 3).astype(np.float32)
    engine, theirs = TableEngine(logits), transformers_tokens(logits)
    results: dict[str, dict[str, float]] = {}
    for mode, settings in MODES.items():
        ours = GenerationSettings(max_new_tokens=steps, seed=0, **settings)
        times = {"clearhead": math.inf, "transformers": math.inf}
        tokens: dict[str, list[int]] = {}
        for _ in range(rounds):
            start = time.process_time()
            tokens["clearhead"] = list(generate(engine, [PROMPT], ours)[0][0].ids)
            middle = time.process_time()
            tokens["transformers"] = theirs(steps, **settings)
            end = time.process_time()
            times["clearhead"] = min(times["clearhead"], middle - start)
            times["transformers"] = min(times["transformers"], end - middle)
        if tokens["clearhead"] != tokens["transformers"]:
            raise RuntimeError(f"{mode}: the tokens differ.")
        results[mode] = {name: seconds / steps * 1e3 for name, seconds in times.items()}
    return results


def result_of(milliseconds: dict[str, dict[str, float]], facts: dict[str, Any]) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""
    rows = [
        [
            mode, f"{times['clearhead']:.2f}", f"{times['transformers']:.2f}",
            f"{times['transformers'] / times['clearhead']:.1f}",
        ]
        for mode, times in milliseconds.items()
    ]  # fmt: skip
    slowest = max(milliseconds, key=lambda mode: milliseconds[mode]["clearhead"])
    return {
        "name": "generation",
        "title": "Generation: what choosing a token costs beside the model",
        "machine": facts,
        "milliseconds": milliseconds,
        "tables": [
            {
                "title": f"Milliseconds of processor time a step, {VOCABULARY:,} tokens",
                "header": ["mode", "clearhead", "transformers", "ratio"],
                "rows": rows,
            }
        ],
        "verdicts": [
            "The tokens are the same in every mode.",
            f"The slowest of ours: {slowest}, {milliseconds[slowest]['clearhead']:.2f} ms a step.",
        ],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.generation", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--steps", type=int, default=64, help="tokens of a generation")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    if options.quick:
        options.steps, options.rounds = 4, 1
    facts = machine()
    progress(f"Generating {options.steps} tokens {options.rounds} times in every mode ...")
    publish(result_of(measure(options.steps, options.rounds), facts), options)


if __name__ == "__main__":
    main()
