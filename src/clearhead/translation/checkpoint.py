"""Reading a model's folder with NumPy alone; the bundled models are such folders."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..config import TransformerConfig
from ..engine.protocols import FloatArray
from ..engine.reference_engine import ReferenceEngine
from ..errors import CheckpointError, ConfigError, ShapeError
from ..file_reading import FileProblem, read_json
from ..json_fields import Fields, canonical_json
from ..reference.weights import check_shapes
from ..tensor_header import Checksums
from ..text.tokenizer import Tokenizer
from ..weight_storage.checksum_file import open_weights, statements_json
from ..weight_storage.weight_file import read_format, read_weights, weight_shapes
from .directions.discovery import FILES, bundled_models, find_model, user_models
from .directions.languages import Languages, read_languages
from .directions.register import read_registers

__all__ = [
    "Checkpoint",
    "bundled_models",
    "find_model",
    "is_pretrained",
    "longest_source",
    "read_checkpoint",
]

_WEIGHTS = ("float32", "float16", "bfloat16")  # and int8 with its scales
# The most numbers of a position table that a model may have whatever its weights: 16 MB in float32.
_POSITIONS = 1 << 22
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")


@dataclass(frozen=True)
class Checkpoint:
    """A model as it was saved.

    Attributes:
        config: its shape.
        weights: its arrays in float32, by the names of docs/formats.md.
        tokenizer: the way from text to its token ids and back.
        provenance: what it was trained on and how, as its training wrote it.
        folder: where it was read from.
        languages: that it translates between; None if its config.json does not state them.
        registers: that it supports, see `clearhead.translation.directions.register`.
        labels: of a text classifier, by number.
    """

    config: TransformerConfig
    weights: Mapping[str, FloatArray]
    tokenizer: Tokenizer
    provenance: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    languages: Languages | None = None
    registers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def statements(self) -> dict[str, Any]:
        """Return the rest of the model's config.json: languages, registers and labels."""
        languages = {"languages": self.languages.to_dict()} if self.languages else {}
        labels = {"labels": list(self.labels)} if self.labels else {}
        return languages | ({"registers": list(self.registers)} if self.registers else {}) | labels

    def engine(self, dtype: Any = np.float32) -> ReferenceEngine:
        """Build the engine of the model, in float32 to translate or in float64 to inspect.

        Raises:
            CheckpointError: the weights do not fit the config.
        """
        try:
            return ReferenceEngine.build(self.config, self.weights, dtype=dtype)
        except (ConfigError, ShapeError) as error:
            raise CheckpointError(
                f"The weights in {self.folder} are not those of its config.json. {error}"
            ) from error


def is_pretrained(model: str | Path) -> bool:
    """Return whether a name or a folder is of a model that transformers saved, not one of ours.

    A folder whose config.json says ``model_type`` is, and so is the ``org/name`` of a model on the
    hub.
    """
    if str(model) in bundled_models() or str(model) in user_models():
        return False
    folder = Path(model)
    try:
        if folder.is_dir():
            config = folder / "config.json"
            return _has_model_type(config) if config.exists() else _is_of_others(folder)
        return not folder.exists() and bool(_HUB_NAME.fullmatch(str(model)))
    except (OSError, ValueError):  # too long for a path, or with a zero byte
        return False


def _is_of_others(folder: Path) -> bool:
    """Return whether a folder without config.json looks like a model saved by other programs."""
    patterns = ("params.json", "adapter_config.json", "*.gguf", "*.safetensors.index.json", "*.bin")
    return any(any(folder.glob(pattern)) for pattern in patterns)


def _has_model_type(path: Path) -> bool:
    try:
        return Fields(read_json(path), "the file").has("model_type")
    except FileProblem:
        return False  # reading it will raise the error


def read_checkpoint(model: str | Path) -> Checkpoint:
    """Read the model of this name or folder.

    Names and shapes of the weights are compared with the config before any weight is read, so that
    a config with large sizes cannot claim memory that its weights do not fill.

    Raises:
        CheckpointError: the model is unknown, or one of its files is missing or damaged, or they
            are not of one model.
    """
    folder = find_model(model)
    if is_pretrained(folder):
        raise CheckpointError(
            f"{folder} holds a model that transformers saved; clearhead.load(folder) opens it. "
            f"Here a model of clearhead is needed."
        )
    missing = [name for name in FILES if not (folder / name).exists()]
    if missing:
        raise CheckpointError(
            f"The model folder {folder} lacks {', '.join(missing)}. "
            f"A model is a folder with {', '.join(FILES)}."
        )
    return _read_model(folder, folder / "model.safetensors")


def read_run_checkpoint(run: Path, step: int) -> Checkpoint:
    """Read the model that a training run had after a step.

    Args:
        run: its folder, with config.json, tokenizer.json and a folder for each checkpoint.
        step: of a checkpoint.

    Raises:
        CheckpointError: one of the files is missing or damaged, or they are not of one model.
    """
    if not (run / "config.json").exists():
        raise CheckpointError(
            f"The checkpoints of {run} are not read as models: the run has not written its "
            f"config.json yet, or it began from someone else's model, whose tokenizer stands with "
            f"the whole models alone. Those are {run / 'best'} and, at the end, {run / 'model'}."
        )
    return _read_model(run, run / f"step-{step:08d}" / "model.safetensors")


def _read_model(folder: Path, weight_file: Path) -> Checkpoint:
    """Read the model that a folder describes; its weights may be elsewhere."""
    description = _read_config(folder / "config.json")
    config = description.config
    tokenizer = Tokenizer.load(folder / "tokenizer.json")
    if tokenizer.vocab_size > config.vocab_size:
        raise CheckpointError(
            f"{folder}: the tokenizer has {tokenizer.vocab_size} ids and the model only "
            f"{config.vocab_size}. The files are not of one model."
        )
    weights = _read_weights(weight_file, description, folder / "tokenizer.json")
    return Checkpoint(
        config,
        weights,
        tokenizer,
        description.provenance,
        folder,
        description.languages,
        description.registers,
        description.labels,
    )


class _Description(NamedTuple):
    """What a config.json says."""

    config: TransformerConfig
    model: dict[str, Any]
    provenance: dict[str, Any]
    format_number: int
    languages: Languages | None
    registers: tuple[str, ...]
    labels: tuple[str, ...]
    statements: bytes  # everything but the model's settings, for the checksum
    is_as_written: bool  # whether the config matches the checksum of its own members
    is_edited: bool  # marks settings that deliberately differ from those of the weights


def _read_config(path: Path) -> _Description:
    try:
        content = Fields(read_json(path), "the file")
        if not content.has("model"):
            raise CheckpointError(
                f'{path} must hold an object with "format", "model" and "provenance"; '
                f'it has no "model", and no "model_type" either, which a model of transformers has.'
            )
        number = read_format(content)
        model = content.mapping("model")
        config = TransformerConfig.from_dict(model)
        languages, registers = read_languages(content), read_registers(content)
        labels = _labels(content, config.output.labels)
        provenance = _provenance(content)
        is_edited = content.has("edited") and content.flag("edited")
        return _Description(
            config, model, provenance, number, languages, registers, labels,
            statements_json(content.members()), content.is_as_written(), is_edited,
        )  # fmt: skip
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read {path}: {error.reason}. Get the model's folder again, or name another."
        ) from error
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from error


def _labels(content: Fields, count: int) -> tuple[str, ...]:
    """Return the labels of a classifier, as many as its config states; none for other models."""
    labels = tuple(content.texts("labels")) if content.has("labels") else ()
    if len(labels) != count or len(set(labels)) != count:
        raise FileProblem(
            f"it has {len(labels)} labels, {len(set(labels))} of them different, and its model has "
            f"output.labels = {count}"
        )
    return labels


def _provenance(content: Fields) -> dict[str, Any]:
    """Return the training's provenance, checking the parts that translation reads."""
    if not content.has("provenance"):
        return {}
    of = content.object("provenance")
    for name in ("settings", "data"):
        of = of.object(name) if of.has(name) else Fields({}, name)
    if of.has("max_tokens"):
        of.integer("max_tokens", least=1)
    return content.mapping("provenance")


def _read_weights(path: Path, of: _Description, tokenizer: Path) -> dict[str, FloatArray]:
    """Read the weights of a description; see `checksum_metadata` for their metadata."""
    try:
        with open_weights(path) as file:
            shapes = weight_shapes(file, of.format_number)
            _check_fit(path, shapes, of.config)
            _check_types(path, {name: file.tensors[name].dtype for name in shapes})
            if not of.is_edited:
                _check_description(path, file.checksums, of)
            if not file.checksums.belongs("tokenizer", tokenizer.read_bytes()):
                raise _not_written_together(path, "tokenizer.json")
            return read_weights(file, shapes)
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read the weights {path}: {error.reason}. The file is damaged or was not "
            f"copied whole: get it again."
        ) from error


def _check_description(path: Path, checksums: Checksums, of: _Description) -> None:
    parts = {
        "config": ('the "model" in config.json', canonical_json(of.model)),
        "statements": ("what config.json says beside its model", of.statements),
        "provenance": ("the provenance in config.json", canonical_json(of.provenance)),
    }
    advice = ' If it was edited on purpose, say so there: "edited": true.'
    for name, (words, content) in parts.items():
        if not checksums.belongs(name, content):
            raise _not_written_together(path, words, advice)
    if not of.is_as_written:
        raise _not_written_together(path, "config.json", advice)


def _not_written_together(path: Path, what: str, more: str = "") -> CheckpointError:
    return CheckpointError(
        f"{path.parent}: {what} is not what the weights were written with. One of the files is "
        f"damaged or of another model: get the model's folder again.{more}"
    )


def _check_fit(
    path: Path, shapes: Mapping[str, tuple[int, ...]], config: TransformerConfig
) -> None:
    """Check that the weights fit the config, which may not need more memory than they have."""
    try:
        check_shapes(shapes, config)
    except (ConfigError, ShapeError) as error:
        raise CheckpointError(
            f"The weights in {path.parent} are not those of its config.json. {error}"
        ) from error
    numbers = sum(map(math.prod, shapes.values()))
    width = {"sinusoidal": config.d_model, "rotary": config.head_dim}.get(config.positions, 0)
    if config.max_length * width > max(numbers, _POSITIONS):
        raise CheckpointError(
            f"{path.parent / 'config.json'}: a max_length of {config.max_length} would take a "
            f"table of {config.max_length * width:,} numbers for positions, and the weights have "
            f"{numbers:,}. Set max_length to the longest text that the model was trained on."
        )


def _check_types(path: Path, types: Mapping[str, str]) -> None:
    for name, dtype in types.items():
        if dtype not in (*_WEIGHTS, "int8"):
            raise CheckpointError(
                f"{path}: {name} is of type {dtype}; weights are {', '.join(_WEIGHTS[:-1])} or "
                f"{_WEIGHTS[-1]}. Convert them to one of these."
            )


def longest_source(longest: int, provenance: Mapping[str, Any]) -> int:
    """Return the most tokens that a sentence may have before it is cut.

    A model knows no positions beyond those in its training, which left out pairs with more than
    ``max_tokens`` on a side. A source of four fifths of that leaves room for a target that is a
    quarter longer. Stand-ins may need a few more tokens than the placeholders, hence the 8.
    """
    data = (provenance.get("settings") or {}).get("data") or {}
    most = data.get("max_tokens")
    trained = longest if most is None else int(most) * 4 // 5
    return max(1, min(longest - 8, trained))
