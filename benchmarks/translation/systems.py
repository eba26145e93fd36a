"""The systems that translate, each in a process of its own with its own number of threads.

    python -m benchmarks.translation.systems SYSTEM THREADS FOLDER

reads one request a line from standard input ({"batch": 1, "beam": 4, "calls": 3}) and answers
each with one line: the seconds of every call, and the tokens of the last one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clearhead.config import TransformerConfig

SOURCE_TOKENS = 20  # the end token among them
TARGET_TOKENS = 20
OURS = "clearhead"
MARIAN, MARIAN_BF16 = "transformers", "transformers bfloat16"
CT2, CT2_INT8 = "CTranslate2 float32", "CTranslate2 int8"
NEEDS = {
    OURS: (),
    MARIAN: ("torch", "transformers"),
    MARIAN_BF16: ("torch", "transformers"),
    CT2: ("ctranslate2", "torch", "transformers"),
    CT2_INT8: ("ctranslate2", "torch", "transformers"),
}
Sources = list[list[int]]
# (sources, beam size) -> the tokens of the best target of each
Translate = Callable[[Sources, int], list[list[int]]]


def random_weights(config: TransformerConfig, seed: int = 0) -> dict[str, np.ndarray]:
    """Return Xavier-uniform matrices, small biases, and norms near 1.

    Speed does not depend on the values as long as every system is told how long its targets
    are; and equal tokens show that all compute the same function.
    """
    rng = np.random.default_rng(seed)
    width, inner = config.d_model, config.feed_forward_dim
    weights = {
        "embedding.weight": rng.normal(0, width**-0.5, (config.vocab_size, width)),
    }

    def linear(name: str, rows: int, columns: int) -> None:
        bound = (6 / (rows + columns)) ** 0.5
        weights[f"{name}.weight"] = rng.uniform(-bound, bound, (rows, columns))
        weights[f"{name}.bias"] = rng.normal(0, 0.02, rows)

    for side, layers in (("encoder", config.encoder_layers), ("decoder", config.decoder_layers)):
        for number in range(layers):
            prefix = f"{side}.layers.{number}"
            kinds = ["self_attention"] + ["cross_attention"] * (side == "decoder")
            for kind in kinds:
                for part in ("query", "key", "value", "output"):
                    linear(f"{prefix}.{kind}.{part}", width, width)
            linear(f"{prefix}.feed_forward.up", inner, width)
            linear(f"{prefix}.feed_forward.down", width, inner)
            for kind in (*kinds, "feed_forward"):
                weights[f"{prefix}.{kind}_norm.weight"] = rng.normal(1, 0.1, width)
                weights[f"{prefix}.{kind}_norm.bias"] = rng.normal(0, 0.1, width)
    return {name: array.astype(np.float32) for name, array in weights.items()}


def random_sources(vocab_size: int, batch: int) -> Sources:
    """Return sources of `SOURCE_TOKENS` tokens."""
    rng = np.random.default_rng(1)
    ids = rng.integers(3, vocab_size, (batch, SOURCE_TOKENS - 1))
    return [[*row, 2] for row in ids.tolist()]


def clearhead(config: TransformerConfig, folder: Path, threads: int) -> Translate:
    """Load the default engine and search, as `Translator` puts them together.

    One BLAS thread, and several batches at once.
    """
    from safetensors.numpy import load_file

    from clearhead.engine.reference_engine import ReferenceEngine
    from clearhead.search.batches import search_batches
    from clearhead.search.settings import SearchSettings

    weights = load_file(folder / "model.safetensors")
    engine = ReferenceEngine.build(config, weights)

    def translate(sources: Sources, beam: int) -> list[list[int]]:
        # With the end token, which is forced in the last step, as many steps as the others do.
        length = TARGET_TOKENS - 1
        settings = SearchSettings(beam_size=beam, min_length=length, max_length=length)
        results = search_batches(engine, sources, settings, batch_tokens=1024, threads=threads)
        return [list(best[0].tokens) for best in results]

    return translate


def transformers(
    config: TransformerConfig, folder: Path, threads: int, dtype: str = "float32"
) -> Translate:
    """Load MarianMTModel, with the faster of its attention kernels for each case."""
    import torch
    from safetensors.numpy import load_file

    from clearhead.export.in_transformers import transformers_model

    torch.set_num_threads(threads)
    weights = load_file(folder / "model.safetensors")
    model = transformers_model(config, weights).to(getattr(torch, dtype))
    kernels: dict[tuple[int, int], str] = {}

    def generate(sources: Sources, beam: int) -> list[list[int]]:
        ids = torch.tensor(sources)
        with torch.inference_mode():
            tokens = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                num_beams=beam,
                do_sample=False,
                min_new_tokens=TARGET_TOKENS,
                max_new_tokens=TARGET_TOKENS,
                use_cache=True,
            )
        return tokens[:, 1:].tolist()

    def seconds(kind: str, sources: Sources, beam: int) -> float:
        model.set_attn_implementation(kind)
        generate(sources, beam)
        start = time.perf_counter()
        generate(sources, beam)
        return time.perf_counter() - start

    def translate(sources: Sources, beam: int) -> list[list[int]]:
        case = (len(sources), beam)
        if case not in kernels:
            kernels[case] = min(("sdpa", "eager"), key=lambda kind: seconds(kind, sources, beam))
            model.set_attn_implementation(kernels[case])
        return generate(sources, beam)

    return translate


def convert(config: TransformerConfig, folder: Path) -> Path:
    """Convert the Marian model with CTranslate2's own loader of it.

    The loader for BART, from which Marian's derives, is used: Marian's assumes that decoding
    begins with a vector of zeros and that padding is the last token, which is true of the
    published checkpoints and not of ours.
    """
    from ctranslate2.converters.transformers import BartLoader
    from safetensors.numpy import load_file

    from clearhead.export.in_transformers import transformers_model

    output = folder / "ctranslate2"
    if output.is_dir():
        return output
    model = transformers_model(config, load_file(folder / "model.safetensors"))
    model.config.normalize_before = False
    model.config.normalize_embedding = False
    loader = BartLoader()
    spec = loader.get_model_spec(model)
    tokens = ["<pad>", "<s>", "</s>", *(f"t{i}" for i in range(3, config.vocab_size))]
    loader.set_vocabulary(spec, tokens)
    spec.config.bos_token, spec.config.eos_token = "<s>", "</s>"
    spec.config.decoder_start_token, spec.config.unk_token = "<s>", "<pad>"
    spec.validate()
    spec.optimize(quantization=None)
    draft = folder / "ctranslate2.part"
    draft.mkdir()
    spec.save(str(draft))
    draft.rename(output)
    return output


def ctranslate2(
    config: TransformerConfig, folder: Path, threads: int, compute_type: str = "float32"
) -> Translate:
    """Load CTranslate2, one translator of so many threads."""
    import ctranslate2 as library

    translator = library.Translator(
        str(folder / "ctranslate2"),
        device="cpu",
        compute_type=compute_type,
        inter_threads=1,
        intra_threads=threads,
    )
    names = ["<pad>", "<s>", "</s>", *(f"t{i}" for i in range(3, config.vocab_size))]
    numbers = {name: i for i, name in enumerate(names)}

    def translate(sources: Sources, beam: int) -> list[list[int]]:
        results = translator.translate_batch(
            [[names[i] for i in row] for row in sources],
            beam_size=beam,
            min_decoding_length=TARGET_TOKENS,
            max_decoding_length=TARGET_TOKENS,
        )
        return [[numbers[name] for name in result.hypotheses[0]] for result in results]

    return translate


def make(system: str, config: TransformerConfig, folder: Path, threads: int) -> Translate:
    """Load a system by its name."""
    if system == OURS:
        return clearhead(config, folder, threads)
    if system in (MARIAN, MARIAN_BF16):
        dtype = "bfloat16" if system == MARIAN_BF16 else "float32"
        return transformers(config, folder, threads, dtype)
    return ctranslate2(config, folder, threads, "int8" if system == CT2_INT8 else "float32")


def answer(translate: Translate, vocab_size: int, request: dict[str, Any]) -> dict[str, Any]:
    """Warm up if the request says so, then time calls by their number or for some seconds."""
    sources, beam = random_sources(vocab_size, request["batch"]), request["beam"]
    for _ in range(request.get("warm_up", 0)):
        translate(sources, beam)
    times: list[float] = []
    tokens: list[list[int]] = []
    while len(times) < request.get("calls", 1) or sum(times) < request.get("seconds", 0.0):
        start = time.perf_counter()
        tokens = translate(sources, beam)
        times.append(time.perf_counter() - start)
    return {"times": times, "tokens": tokens}


def serve(arguments: Sequence[str]) -> None:
    """Answer requests in a process of its own; standard output belongs to the answers alone."""
    system, threads, folder = arguments[0], int(arguments[1]), Path(arguments[2])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    config = TransformerConfig.from_dict(json.loads((folder / "config.json").read_text()))
    if system == "convert":
        convert(config, folder)
        return
    translate = make(system, config, folder, threads)
    print(json.dumps("ready"), file=answers, flush=True)
    for line in sys.stdin:
        reply = answer(translate, config.vocab_size, json.loads(line))
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1:])
