"""Reads the weights of someone else's model from its files, under our names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np

from ..config import TransformerConfig
from ..errors import CheckpointError, ConfigError
from ..file_reading import FileProblem
from ..json_fields import Fields
from ..reference.weights import expected_shapes
from ..shapes import Array
from ..visible import quoted
from .family import Family, Shape, StoredWeight
from .weight_files import WeightFiles

_MOST_NAMES = 8  # weights that an error lists
_BLOCK = 1 << 20  # numbers checked at once


@dataclass(frozen=True)
class Tensors:
    """The tensors of a model's files, under the family's names.

    Attributes:
        folder: of the model.
        files: the files that hold them.
        names: the name in the files, by the name without the family's prefix.
        shapes: the shapes, by the name without the prefix.
    """

    folder: Path
    files: WeightFiles
    names: Mapping[str, str]
    shapes: Mapping[str, Shape]


def tensors_of(folder: Path, files: WeightFiles, family: Family) -> Tensors:
    """Return the tensors of a model's files, with the family's prefix removed.

    Raises:
        CheckpointError: two tensors then have the same name.
    """
    names: dict[str, str] = {}
    for name in files.places:
        prefix = next((one for one in family.prefixes if name.startswith(one)), "")
        short = name.removeprefix(prefix)
        if short in names:
            raise CheckpointError(
                f"The weights hold {quoted(names[short])} and {quoted(name)}, which are the same "
                f"weight of {family.name} with and without its prefix. Save the model again."
            )
        names[short] = name
    shapes = {short: files.tensor(name).shape for short, name in names.items()}
    return Tensors(folder, files, names, shapes)


def fit_config(family: Family, config: TransformerConfig, tensors: Tensors) -> TransformerConfig:
    """Return the config, adapted to the tensors in the files.

    Raises:
        CheckpointError: no config of the family has such tensors.
    """
    if family.fit_config is None:
        return config
    try:
        return family.fit_config(config, tensors.shapes)
    except ConfigError as error:
        raise CheckpointError(f"{tensors.folder / 'config.json'}: {error}") from error
    except KeyError as error:
        raise CheckpointError(
            _missing_words(tensors.folder, family, [str(error.args[0])])
        ) from error


def read_weights(
    family: Family,
    config: TransformerConfig,
    tensors: Tensors,
    dtype: np.dtype,
    settings: Mapping[str, Any],
) -> dict[str, Array]:
    """Return every weight of a config, in the order of `expected_shapes`.

    Tensors stored in this dtype become views of the files. Others are converted one at a time, so
    there is only one copy.

    Args:
        family: says which tensor each weight is in.
        config: determines which weights there are.
        tensors: of the files.
        dtype: float32 or float64.
        settings: config.json as parsed.

    Raises:
        CheckpointError: a weight is missing, unexpected, has another shape than the config says, or
            contains NaN or infinity.
    """
    folder, names = tensors.folder, tensors.names
    places = weight_places(family, config, tensors, settings)
    _check_names(folder, family, places, tensors.shapes)
    _check_rows(folder, places, tensors.shapes)
    weights: dict[str, Array] = {}
    wrong: list[str] = []
    config_shapes = expected_shapes(config)
    for tensor, parts in by_tensor(places).items():
        array = _tensor(folder, tensors.files, names[tensor], dtype)
        for name, place in parts.items():
            weight = _weight(array, place)
            if weight is not None and weight.shape == config_shapes[name]:
                weights[name] = weight
            else:
                gives = "nothing that fits" if weight is None else f"{weight.shape}"
                wrong.append(
                    f"{names[tensor]} is {array.shape}, which gives {name} {gives}; by "
                    f"config.json it should be {config_shapes[name]}"
                )
    if wrong:
        raise CheckpointError(
            f"Weights in {folder} have other shapes than its config.json says: "
            f"{listed(wrong, '; ')}. The files are not of one model, or config.json was changed."
        )
    return {name: weights[name] for name in config_shapes}


def read_present(
    family: Family,
    config: TransformerConfig,
    tensors: Tensors,
    dtype: np.dtype,
    settings: Mapping[str, Any],
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Return the weights of a config that the files have, and the names of the missing ones.

    A weight whose shape differs from the config's counts as missing. See `read_weights`.
    """
    weights: dict[str, Array] = {}
    shapes = expected_shapes(config)
    for name, place in weight_places(family, config, tensors, settings).items():
        if place.name not in tensors.shapes:
            continue
        array = _tensor(tensors.folder, tensors.files, tensors.names[place.name], dtype)
        weight = _weight(array, place)
        if weight is not None and weight.shape == shapes[name]:
            weights[name] = weight
    return weights, tuple(name for name in shapes if name not in weights)


def weight_places(
    family: Family, config: TransformerConfig, tensors: Tensors, settings: Mapping[str, Any]
) -> dict[str, StoredWeight]:
    """Return the place of each weight, after checking that the config fits the number of tensors.

    Raises:
        CheckpointError: the config asks for more than the files can hold.
    """
    folder, shapes = tensors.folder, tensors.shapes
    layers = config.encoder_layers + config.decoder_layers
    if layers > len(shapes):
        raise CheckpointError(
            f"The config.json of {folder} asks for {layers:,} layers, and its files hold "
            f"{len(shapes):,} tensors. The files are not of one model, or one of them is missing."
        )
    try:
        places = family.weights(config, shapes)
        if family.fold is not None:
            places = family.fold(Fields(dict(settings), "config.json"), places)
    except KeyError as error:
        raise CheckpointError(_missing_words(folder, family, [str(error.args[0])])) from error
    except (FileProblem, ConfigError) as error:
        reason = f"{error.reason}." if isinstance(error, FileProblem) else str(error)
        raise CheckpointError(f"{folder / 'config.json'}: {reason}") from error
    asked_and_placed = expected_shapes(config).keys() ^ places.keys()
    if asked_and_placed:
        raise CheckpointError(
            f"{family.name} with this config.json is not read here: it is not clear where "
            f"{listed(sorted(asked_and_placed))} stand in its files ({folder})."
        )
    return places


def _check_names(
    folder: Path, family: Family, places: Mapping[str, StoredWeight], shapes: Mapping[str, Shape]
) -> None:
    """Refuse files with missing tensors, or with tensors that are neither used nor known."""
    tensors = {place.name for place in places.values()}
    missing = sorted(tensors - shapes.keys())
    if missing:
        raise CheckpointError(_missing_words(folder, family, missing))
    surplus = sorted(
        name
        for name in shapes.keys() - tensors
        if not any(fnmatchcase(name, pattern) for pattern in family.unused)
    )
    if surplus:
        raise CheckpointError(
            f"The files of {folder} hold tensors that {family.name} with this config.json has no "
            f"place for: {listed(map(quoted, surplus))}. A model that computes something with "
            f"them is another one than is read here."
        )


def _missing_words(folder: Path, family: Family, names: list[str]) -> str:
    hint = "The files are not of one model, or one of them is missing."
    if names == ["lm_head.weight"]:
        hint = "It was saved without its head: save the whole model, such as ...ForCausalLM."
    return (
        f"The files of {folder} lack weights of {family.name} with this config.json: "
        f"{listed(map(quoted, names))}. {hint}"
    )


def _check_rows(
    folder: Path, places: Mapping[str, StoredWeight], shapes: Mapping[str, Shape]
) -> None:
    """Refuse tensors that hold several weights if some of their rows belong to none."""
    for tensor, parts in by_tensor(places).items():
        slices = [place.rows for place in parts.values() if place.rows is not None]
        if len(slices) < len(parts) or not shapes[tensor]:
            continue
        ones = {place.transposed for place in parts.values()}
        count = shapes[tensor][-1 if ones == {True} else 0]
        covered = np.zeros(count, bool)
        for rows in slices:
            covered[rows] = True
        if not covered.all():
            raise CheckpointError(
                f"Weights in {folder} have other shapes than its config.json says: of the {count} "
                f"rows of {tensor} {count - covered.sum()} belong to none of {listed(parts)}."
            )


def by_tensor(places: Mapping[str, StoredWeight]) -> dict[str, dict[str, StoredWeight]]:
    """Return, for the name of each tensor, the places of the weights that it holds."""
    tensors: dict[str, dict[str, StoredWeight]] = {}
    for name, place in places.items():
        tensors.setdefault(place.name, {})[name] = place
    return tensors


def _tensor(folder: Path, files: WeightFiles, name: str, dtype: np.dtype) -> Array:
    file = files.file(name)
    try:
        if file.tensors[name].dtype == dtype.name:
            array = file.view(name)
        else:
            array = file.read_as(name, dtype)
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read the weights {folder / files.places[name]}: {error.reason}. Get the file "
            f"again, or convert it to float32, float16 or bfloat16."
        ) from error
    if not all_finite(array):
        raise CheckpointError(
            f"{folder / files.places[name]}: the tensor {quoted(name)} holds NaN or infinity in "
            f"{dtype.name}. With it every result is NaN: the file is damaged, or the training of "
            f"the model failed."
        )
    return array


def _weight(array: Array, place: StoredWeight) -> Array | None:
    """Return the weight at a place of a tensor; None if the tensor's shape does not fit."""
    try:
        if place.transposed:
            array = array.T
        if place.rows is not None:
            array = array[place.rows]
        return array if place.change is None else place.change(array)
    except (ValueError, IndexError):
        return None


def all_finite(array: Array) -> bool:
    """Return whether no number is NaN or infinite, at memory speed and without a copy.

    A sum with such a number is not finite. If a sum is not finite, its numbers are checked one by
    one, since it may only have overflowed.

    Args:
        array: contiguous, with float entries.
    """
    flat = array.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        return all(
            np.isfinite(block.sum()) or bool(np.isfinite(block).all())
            for block in (flat[i : i + _BLOCK] for i in range(0, flat.size, _BLOCK))
        )


def listed(names: Iterable[str], separator: str = ", ") -> str:
    """Return names as a list for a message, at most eight of them."""
    names = list(names)
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return separator.join(names[:_MOST_NAMES]) + more


def float_type(dtype: Any) -> np.dtype:
    """Return float32 or float64 as a dtype.

    Raises:
        CheckpointError: it is another dtype.
    """
    try:
        # NumPy would read None as float64; for a PyTorch dtype, its name is used.
        plain = str(dtype).removeprefix("torch.") if _is_torch(dtype) else dtype
        kind = None if dtype is None else np.dtype(plain)
    except TypeError:
        kind = None
    if kind not in (np.float32, np.float64):
        raise CheckpointError(
            f"dtype is what computes, float32 or float64; it is {quoted(dtype)}. Weights of "
            f"float16 and bfloat16 are read all the same, and widened."
        )
    return kind


def _is_torch(dtype: Any) -> bool:
    return str(dtype).startswith("torch.")
