"""The head of an encoder for labels of texts: read from a file, or created for new labels.

The first token's vector passes through a linear layer and an activation, and a matrix gives the
labels' logits. In transformers it is a family's class ``...ForSequenceClassification``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..config import TransformerConfig
from ..config_parts import OutputConfig
from ..json_fields import Fields
from .family import Family, LabelHead
from .labels import label_names
from .model import PretrainedModel
from .weight_files import open_weights
from .weights import read_present, tensors_of

_ONE_LABEL = "single_label_classification"
_FEWEST = 2


@dataclass(frozen=True)
class Relabelled:
    """An encoder with a head for labels.

    Attributes:
        model: the model with the head in its config and settings; its weights are those in the
            files.
        fresh: the names, ours, of weights that the files lack.
    """

    model: PretrainedModel
    fresh: tuple[str, ...]


def stated_labels(fields: Fields, head: LabelHead) -> tuple[str, ...]:
    """Return the labels in a config.json, if the model assigns one label to each text.

    The result is empty for another head, for regression, and for several labels for each text.
    """
    classes = fields.texts("architectures") if fields.has("architectures") else []
    problem = fields.text("problem_type") if fields.has("problem_type") else _ONE_LABEL
    labels = label_names(fields) if set(classes) & set(head.model_classes) else ()
    if problem != _ONE_LABEL or not _FEWEST <= len(labels) == len(set(labels)):
        return ()
    return labels


def label_output(head: LabelHead, count: int) -> OutputConfig:
    """Return the output config of a head for a number of labels."""
    return OutputConfig(labels=count, bias=True, transform=head.activation, transform_norm=False)


def with_labels(config: TransformerConfig, family: Family, labels: int) -> TransformerConfig:
    """Return an encoder's config with its head replaced by one for a number of labels."""
    assert family.label_head is not None
    return dataclasses.replace(config, output=label_output(family.label_head, labels))


def relabelled(source: PretrainedModel, labels: Sequence[str]) -> Relabelled:
    """Return an encoder with a head for labels: the head in its files, or a new one.

    The layer before the matrix is read if the files have it. The matrix is read only if its labels
    are the same.

    Args:
        source: an encoder of a family with a head for labels.
        labels: the labels, by their numbers.

    Raises:
        CheckpointError: the folder has changed since it was read.
    """
    family, head = source.family, source.family.label_head
    assert head is not None
    config = with_labels(source.config, family, len(labels))
    kind = family.model_types.index(source.settings["model_type"])
    settings = {
        **source.settings,
        "architectures": [head.model_classes[kind]],
        "id2label": {str(number): label for number, label in enumerate(labels)},
        "label2id": {label: number for number, label in enumerate(labels)},
        "problem_type": _ONE_LABEL,
    }
    settings.pop("num_labels", None)
    dtype = next(iter(source.weights.values())).dtype if source.weights else np.dtype(np.float32)
    with open_weights(source.folder) as files:
        tensors = tensors_of(source.folder, files, family)
        weights, missing = read_present(family, config, tensors, dtype, settings)
    if tuple(labels) != source.labels:
        weights = {name: array for name, array in weights.items() if not _of_matrix(name)}
    fresh = tuple(
        name for name in (*missing, "output.weight", "output.bias") if name not in weights
    )
    model = dataclasses.replace(
        source, config=config, weights=weights, settings=settings, tasks=frozenset({"classify"})
    )
    return Relabelled(model, tuple(dict.fromkeys(fresh)))


def _of_matrix(name: str) -> bool:
    return name.startswith("output.")
