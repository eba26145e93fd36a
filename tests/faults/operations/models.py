"""Models that are written, for clearhead and for other programs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults import samples
from tests.faults.operations.operation import Operation, keep, model, run, shared

_NOTES = "a person's own notes"


def share_onnx() -> None:
    """Make the graph of the model once: PyTorch takes seconds, and writes no file meanwhile."""
    from clearhead.export import onnx
    from clearhead.translation.checkpoint import read_checkpoint

    keep("graph", onnx._program(read_checkpoint(model())))


def _export(engine: str) -> Callable[[Path], None]:
    return lambda there: run(
        "export",
        model(),
        "--to",
        engine,
        there / "there",
        *["--no-verify"] * (engine != "clearhead"),
    )


def _export_onnx(there: Path) -> None:
    """The command, with the graph that `share_onnx` made."""
    from clearhead.export import onnx

    graph: Any = shared("graph")
    onnx._program = lambda checkpoint: graph  # in this process, which ends with the work
    _export("onnx")(there)


def _look_at_folder(*names: str) -> Callable[[Path], str]:
    def look(there: Path) -> str:
        if not (there / "there").exists():
            return "earlier"
        assert set(os.listdir(there / "there")) == set(names), os.listdir(there / "there")
        return "new"

    return look


def _begin_replacing(there: Path) -> None:
    samples.write_model(there / "there", seed=4)
    (there / "there" / "notes.txt").write_text(_NOTES)
    (there / "there" / "figures").mkdir()
    (there / "there" / "figures" / "notes.txt").write_text(_NOTES)


def _replace(there: Path) -> None:
    """Put a model in the place of the other, as a training does at its end."""
    from clearhead.training.run_folder._model_folder import remove_model_drafts

    remove_model_drafts(there / "there")
    samples.write_model(there / "there")


def _look_at_replaced_model(there: Path) -> str:
    from clearhead.translation.checkpoint import read_checkpoint

    for path in (there / "there" / "notes.txt", there / "there" / "figures" / "notes.txt"):
        assert path.read_text() == _NOTES
    stored = read_checkpoint(there / "there").weights["embedding.weight"]
    earlier, new = (
        np.array_equal(stored, read_checkpoint(path).weights["embedding.weight"])
        for path in (shared("other"), model())
    )
    assert earlier != new
    return "earlier" if earlier else "new"


def _look_at_our_model(there: Path) -> str:
    from clearhead.translation.checkpoint import read_checkpoint

    if not (there / "there").exists():
        return "earlier"
    theirs, ours = (read_checkpoint(path).weights for path in (there / "there", model()))
    assert theirs.keys() == ours.keys()
    assert all(np.array_equal(theirs[name], ours[name]) for name in ours)
    return "new"


def _write_to_the_cache(there: Path) -> None:
    """What `clearhead translate --engine ctranslate2` does with a model, with smaller files."""
    from clearhead.volume.model_cache import stored_model

    def write(folder: Path) -> None:
        for name in ("model.bin", "config.json"):
            (folder / name).write_text(name * 1000)

    os.environ["XDG_CACHE_HOME"] = str(there)
    stored_model("m-int8", write, lambda folder: {"sources": len(os.listdir(folder))})


def _look_at_the_cache(there: Path) -> str:
    from clearhead.volume.model_cache import _is_whole

    stored = there / "clearhead" / "ctranslate2" / "m-int8"
    if not stored.exists():
        return "earlier"
    assert _is_whole(stored)
    return "new"


def _begin(there: Path) -> None:
    pass


OPERATIONS = (
    Operation(
        "export for clearhead", _begin, _export("clearhead"), _look_at_our_model, repeats=False
    ),
    Operation(
        "put a finished model in another's place",
        _begin_replacing,
        _replace,
        _look_at_replaced_model,
    ),
    Operation(
        "write a model to the cache", _begin, _write_to_the_cache, _look_at_the_cache, short_calls=0
    ),
    Operation(
        "export for transformers",
        _begin,
        _export("huggingface"),
        _look_at_folder(
            *("config.json", "generation_config.json", "model.safetensors"),
            *("tokenizer.json", "tokenizer_config.json"),
        ),
        repeats=False,
        short_calls=0,
    ),
    Operation(
        "export for CTranslate2",
        _begin,
        _export("ctranslate2"),
        _look_at_folder("config.json", "model.bin", "shared_vocabulary.json", "tokenizer.json"),
        repeats=False,
        short_calls=0,
    ),
    Operation(
        "export for ONNX",
        _begin,
        _export_onnx,
        _look_at_folder("model.onnx", "tokenizer.json"),
        repeats=False,
        short_calls=0,
    ),
)
