"""The definition of a model family: the meaning of its config, and the places of its weights.

Each family is a value, `Family`, in a file of its own; no other code knows the family. Its config
becomes a `clearhead.config.TransformerConfig`, and each weight of that config gets a
`StoredWeight`, its place in the family's files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..config import TransformerConfig
from ..json_fields import Fields
from ..shapes import Array

Shape = tuple[int, ...]


@dataclass(frozen=True)
class StoredWeight:
    """The place of one weight in the files of a model.

    Attributes:
        name: of the tensor in the files, without the family's prefix.
        transposed: whether the files store it as [in, out], as for GPT-2; it is transposed first.
        rows: the rows to take, if several weights are stored in one tensor; None means all.
        change: a function then applied to the array, such as 1 + weight for Gemma's norms. A change
            that only selects or reshapes returns a view of the file.
        restore: the inverse of the change, if that does more than move numbers; it is used to write
            a trained weight back.
    """

    name: str
    transposed: bool = False
    rows: slice | None = None
    change: Callable[[Array], Array] | None = None
    restore: Callable[[Array], Array] | None = None


@dataclass(frozen=True)
class LabelHead:
    """A family's names for the parts of its head for labels of texts.

    Attributes:
        model_classes: the transformers classes that have the head, in the order of the family's
            ``model_types``.
        transform: the linear layer that the first token's vector passes through.
        activation: the activation after it.
        matrix: the layer that gives the labels' logits.
        apart: prefix of the tensors that lack the family's prefix in the files.
    """

    model_classes: tuple[str, ...]
    transform: str
    activation: str
    matrix: str
    apart: tuple[str, ...]


@dataclass(frozen=True)
class Family:
    """A family of models.

    Attributes:
        name: the usual name, for messages: ``"GPT-2"``.
        model_types: the values of ``model_type`` in its config.json.
        read_config: turns its config.json into our config. Settings that are not supported are
            refused with a ConfigError that names the field, its value, and the supported ones.
        weights: returns, for a config and the tensors in the files (shapes by name, without the
            prefix), the place of every weight in `clearhead.reference.weights.expected_shapes`.
        tasks: returns the tasks of a model, of ``translate generate fill_mask embed classify``,
            from the names of the tensors in the files: a BERT without its head for masked words
            cannot fill masks.
        prefixes: possible prefixes of the names of tensors, such as ``"transformer."``; a file
            saved from the model without its head has none.
        unused: patterns (`fnmatch`) of known tensors that are not used, such as a stored causal
            mask. Other unexpected tensors are an error.
        fold: changes the places of weights for settings in config.json that our config does not
            have, such as a factor for each layer's scores, which is applied to the queries; None:
            no changes.
        fit_config: adapts the config to the tensors in the files; None: no changes.
        frozen: names the weights, by our names, that are not parameters in transformers, and are
            not trained here either; None: there are none.
        padding_learns: whether the padding token's vector is trained where an embedding is looked
            up; otherwise it gets no gradient there (``padding_idx``). It matters if the decoder
            starts from padding.
        label_head: of an encoder that can classify texts; otherwise None.
    """

    name: str
    model_types: tuple[str, ...]
    read_config: Callable[[Fields], TransformerConfig]
    weights: Callable[[TransformerConfig, Mapping[str, Shape]], dict[str, StoredWeight]]
    tasks: Callable[[Mapping[str, Shape]], frozenset[str]]
    prefixes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    fold: Callable[[Fields, dict[str, StoredWeight]], dict[str, StoredWeight]] | None = None
    fit_config: Callable[[TransformerConfig, Mapping[str, Shape]], TransformerConfig] | None = None
    frozen: Callable[[Fields], frozenset[str]] | None = None
    padding_learns: bool = True
    label_head: LabelHead | None = None
