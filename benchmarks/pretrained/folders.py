"""Folders of models with random weights, in the shapes of models that people use.

    python -m benchmarks.pretrained.folders SHAPE DTYPE FOLDER [--quick]

writes one: transformers makes it and saves it, in a process of its own.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clearhead.config import TransformerConfig
from clearhead.reference.weights import expected_shapes

from ..paths import ROOT, search_path

GPT2, MARIAN = "GPT-2 small", "OPUS-MT base"
TASK = {GPT2: "AutoModelForCausalLM", MARIAN: "AutoModelForSeq2SeqLM"}
_MARIAN_IDS = 58_100  # the last id is padding, and the decoder's start


def write(shape: str, dtype: str, folder: Path, *, quick: bool) -> None:
    """Write a model of a shape in a process of its own, so that none of its memory stays here."""
    subprocess.run(
        [sys.executable, "-m", __spec__.name, shape, dtype, str(folder), *["--quick"] * quick],
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": search_path()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def step_bytes(config: TransformerConfig) -> int:
    """Return the bytes of the float32 weights that a step of decoding cannot do without.

    Those are all of the decoder but what makes keys and values of the encoder's output, which is
    done once; of embedding and positions a step reads one row, and the output matrix whole.
    """
    shapes = expected_shapes(config)
    names = [name for name in shapes if name.startswith(("decoder.", "output."))]
    names = [name for name in names if not _once(name)]
    names += [f"{config.output_name}.weight"] * (config.output_name != "output")
    return sum(4 * math.prod(shapes[name]) for name in names)


def _once(name: str) -> bool:
    return ".cross_attention.key." in name or ".cross_attention.value." in name


def _model(shape: str, quick: bool) -> Any:
    import torch
    import transformers

    torch.manual_seed(0)
    if shape == GPT2:
        sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 300} if quick else {}
        ends = {"bos_token_id": 299, "eos_token_id": 299} if quick else {}
        return transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, **ends))
    layers, width, inner, last = (1, 16, 32, 300) if quick else (6, 512, 2048, _MARIAN_IDS)
    sides = ("encoder", "decoder")
    config = transformers.MarianConfig(
        vocab_size=last + 1,
        d_model=width,
        max_position_embeddings=512,
        activation_function="swish",
        scale_embedding=True,
        pad_token_id=last,
        decoder_start_token_id=last,
        eos_token_id=0,
        forced_eos_token_id=None,
        **{f"{side}_layers": layers for side in sides},
        **{f"{side}_attention_heads": 2 if quick else 8 for side in sides},
        **{f"{side}_ffn_dim": inner for side in sides},
    )
    return transformers.MarianMTModel(config)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a folder."""
    import torch

    parser = argparse.ArgumentParser(prog="benchmarks.pretrained.folders", description=__doc__)
    parser.add_argument("shape", choices=list(TASK))
    parser.add_argument("dtype")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    model = _model(options.shape, options.quick)
    model.to(getattr(torch, options.dtype)).save_pretrained(options.folder)


if __name__ == "__main__":
    main()
