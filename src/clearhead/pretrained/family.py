"""What a family of models says of itself: what its config means, and where its weights stand.

A family is a value, `Family`, in a file of its own. Nothing of a family is known elsewhere: its
config becomes a `clearhead.config.TransformerConfig`, and each weight of that config gets a
`StoredWeight`, the place in the family's files from which it is read.
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
    """Where one weight stands in the files of a model.

    Attributes:
        name: of the tensor in the files, without the family's prefix.
        transposed: whether the files have it [in, out], as GPT-2's do; it is transposed first.
        rows: which rows of it, where several weights are stored as one; None means all.
        change: what is done with the array then, such as 1 + weight for Gemma's norms. What can
            be a view of the file (a slice, a new shape) stays one.
        restore: what undoes the change, where it does more than move numbers; a weight that was
            trained is written back with it.
    """

    name: str
    transposed: bool = False
    rows: slice | None = None
    change: Callable[[Array], Array] | None = None
    restore: Callable[[Array], Array] | None = None


@dataclass(frozen=True)
class LabelHead:
    """What a family calls the parts of its head for labels of texts.

    Attributes:
        model_classes: the classes of transformers that have it, in the order of the family's
            ``model_types``.
        transform: the linear layer that the first token's vector passes through.
        activation: the function after it.
        matrix: the layer that gives each label its logit.
        apart: how the names of tensors begin that have no prefix of the family in its files.
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
        name: as people call it, for messages: ``"GPT-2"``.
        model_types: what ``model_type`` in its config.json may be.
        read_config: makes our config of its config.json. What a family may say and is not
            computed here is refused with a ConfigError that names the field, what it is, and
            what is read.
        weights: names, of a config and the tensors in the files (shapes by name, prefix taken
            off), the place of every weight in `clearhead.reference.weights.expected_shapes`.
        tasks: what its models are for, of ``translate generate fill_mask embed classify``, by the
            names of the tensors in the files: a BERT without its head for masked words fills no
            mask.
        prefixes: which the names of tensors may begin with, such as ``"transformer."``; a file
            that was saved from the model without its head has none.
        unused: patterns (`fnmatch`) of tensors that are known and of no use here, such as a stored
            causal mask. Others that no weight asks for are an error.
        fold: changes the places of weights by what config.json says and no config of ours does,
            such as a factor of each layer's scores, which its queries can have instead; None:
            nothing is to be changed.
        fit_config: changes the config by the tensors that there are; None: it stays.
        frozen: which weights, of those by our names, are no parameters in transformers, and are
            not trained here either; None: there are none.
        padding_learns: whether the padding token's vector is learnt where an embedding is looked
            up; otherwise it gets no gradient there (``padding_idx``). It matters where a decoder
            starts from padding.
        label_head: of an encoder that can be asked for labels of texts; None of others.
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
