"""Models of ours and of others: their configs, weights and tokenizers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tests.faults import samples

from .target import Target, from_file, place


@cache
def model_folder() -> Path:
    return samples.write_model(place() / "whole model")


def _of_model(name: str) -> Callable[[bytes], object]:
    """A reader of a model of ours, one of whose files is replaced."""

    def read(content: bytes) -> object:
        from clearhead.translation.checkpoint import read_checkpoint

        folder = place() / f"model {name}"
        if not folder.exists():
            shutil.copytree(model_folder(), folder)
        (folder / name).write_bytes(content)
        return read_checkpoint(folder)

    return read


@cache
def others_folder() -> Path:
    from tests.explorer.others import gpt2_folder

    (place() / "gpt2").mkdir()
    return gpt2_folder(place() / "gpt2" / "whole", layers=1, heads=2, width=8)


def _of_gpt2(name: str) -> Callable[[bytes], object]:
    def read(content: bytes) -> object:
        from clearhead.pretrained.reading import read_pretrained

        folder = place() / f"gpt2 {name}"
        if not folder.exists():
            shutil.copytree(others_folder(), folder)
        (folder / name).write_bytes(content)
        model = read_pretrained(folder)
        if model.tokenizer is not None:
            model.tokenizer.decode(model.tokenizer.encode("the old house"))
        return model

    return read


def _tensors(path: Path) -> object:
    from clearhead.tensor_file import TensorFile

    with TensorFile(path) as file:
        return [file.raw(name) for name in file if not file.tensors[name].dtype.startswith("float")]


def _model_file(name: str) -> Callable[[], list[bytes]]:
    return lambda: [(model_folder() / name).read_bytes()]


def _gpt2_file(name: str) -> Callable[[], list[bytes]]:
    return lambda: [(others_folder() / name).read_bytes()]


TARGETS = (
    Target("config", _model_file("config.json"), _of_model("config.json"), is_json=True),
    Target("tokenizer", _model_file("tokenizer.json"), _of_model("tokenizer.json"), True),
    Target("weights", _model_file("model.safetensors"), _of_model("model.safetensors")),
    Target("safetensors", _model_file("model.safetensors"), from_file("x.safetensors", _tensors)),
    Target("transformers config", _gpt2_file("config.json"), _of_gpt2("config.json"), True),
    Target(
        "transformers tokenizer", _gpt2_file("tokenizer.json"), _of_gpt2("tokenizer.json"), True
    ),
)
