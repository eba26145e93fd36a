"""Writes a model of ours as one ONNX graph from token ids to logits, with PyTorch's exporter."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import TransformerConfig
from ..errors import require
from ..translation.checkpoint import Checkpoint
from .model_folder import new_folder, write_json
from .tokenizer import library_tokenizer

if TYPE_CHECKING:
    import torch

_OPSET = 20
_PURPOSE = "Writing a model as ONNX"


def input_names(config: TransformerConfig) -> list[str]:
    """Return the names of the graph's inputs: ``source_ids``, ``target_ids`` or both."""
    sides = (("source_ids", config.encoder_layers), ("target_ids", config.decoder_layers))
    return [name for name, layers in sides if layers]


def export_onnx(checkpoint: Checkpoint, folder: str | Path) -> None:
    """Write a folder with ``model.onnx`` and tokenizer.json.

    The graph's inputs are ``source_ids`` Int64["batch source_len"] and ``target_ids``
    Int64["batch target_len"], those of them that the model has, of any batch size and length. Its
    output is ``logits`` Float32["batch length vocab"]. Source positions with the padding id are
    masked. Each call computes the whole target: the graph has no cache.

    Args:
        checkpoint: a model of ours.
        folder: the new folder.

    Raises:
        ConfigError: the folder is not empty.
        MissingExtraError: PyTorch or onnxscript is not installed.
    """
    for package in ("torch", "onnxscript"):
        require(package, extra="export", purpose=_PURPOSE)
    with new_folder(Path(folder)) as draft:
        with warnings.catch_warnings():
            # Warnings about the exporter's own code, which do not concern this model.
            warnings.simplefilter("ignore")
            with _quiet("onnxscript", "torch.onnx"):
                program = _program(checkpoint)
        program.save(draft / "model.onnx", external_data=_is_large(checkpoint))
        tokenizer = library_tokenizer(checkpoint.tokenizer, checkpoint.config)
        write_json(draft / "tokenizer.json", tokenizer)


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Let loggers report only errors within the block."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _is_large(checkpoint: Checkpoint) -> bool:
    """Return whether the weights need a file beside the graph, which may have at most 2 GB."""
    return sum(weight.nbytes for weight in checkpoint.weights.values()) > 1 << 30


def _program(checkpoint: Checkpoint) -> Any:
    import torch

    from ..nn import Transformer

    config = checkpoint.config
    model = Transformer(config)
    model.load_state_dict({name: torch.tensor(w) for name, w in checkpoint.weights.items()})
    names = input_names(config)
    batch = torch.export.Dim("batch", min=1)
    sizes = {}
    examples = []
    for width, name in zip((7, 5), names, strict=False):
        length = torch.export.Dim(name.replace("ids", "len"), min=1, max=config.max_length)
        sizes[name] = {0: batch, 1: length}
        examples.append(_example(config, width))
    return torch.onnx.export(
        _by_order(model.eval(), names),
        tuple(examples),
        dynamo=True,
        input_names=names,
        output_names=["logits"],
        dynamic_shapes=(tuple(sizes.values()),),
        opset_version=_OPSET,
        verbose=False,
    )


def _example(config: TransformerConfig, length: int) -> torch.Tensor:
    """Return ids with padding at the end of one row, so that the graph includes the mask."""
    import torch

    ids = torch.full((2, length), config.end_id)
    ids[0, -2:] = config.pad_id
    return ids


def _by_order(model: Any, names: list[str]) -> Any:
    """Return a module that takes the inputs of a model as positional arguments."""
    import torch

    class ByOrder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *ids: torch.Tensor) -> torch.Tensor:
            return self.model(**dict(zip(names, ids, strict=True)))

    return ByOrder()
