"""The heads of encoders: for masked words, and for labels of texts.

The head for masked words is a linear layer, an activation and a norm before the output matrix.

A file may lack the head. If it has the head, it may store an output matrix other than the
embedding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from ...config import TransformerConfig
from ...config_parts import OutputConfig
from ...json_fields import Fields
from ..family import LabelHead, Shape, StoredWeight
from ..label_head import label_output, stated_labels
from ._weights import linear, norm


@dataclass(frozen=True)
class MaskedWordHead:
    """A family's tensor names for its head for masked words.

    Attributes:
        prefix: the common prefix of all tensors of the head, and of no others.
        transform: the linear layer.
        norm: the norm after it.
        matrix: the output matrix's weight.
        biases: the names of the output bias; the name in the layer that adds it comes first.
    """

    prefix: str
    transform: str
    norm: str
    matrix: str
    biases: tuple[str, ...]

    def is_in(self, tensors: Mapping[str, Shape]) -> bool:
        """Return whether files with these tensors have the head."""
        return any(name.startswith(self.prefix) for name in tensors)

    def tasks(self, tensors: Mapping[str, Shape]) -> frozenset[str]:
        """Return the tasks of a model with these tensors."""
        return frozenset({"embed", "fill_mask"} if self.is_in(tensors) else {"embed"})

    def fit_config(
        self, config: TransformerConfig, tensors: Mapping[str, Shape]
    ) -> TransformerConfig:
        """Return the config that fits the files: with or without the head for masked words.

        A stored output matrix is used even if the config says that it is the embedding;
        transformers 5 does so too if they differ.

        Args:
            config: with the head.
            tensors: the tensors in the files.
        """
        if not self.is_in(tensors):
            return dataclasses.replace(config, output=OutputConfig())
        tied = config.tied_output and self.matrix not in tensors
        return dataclasses.replace(config, output=dataclasses.replace(config.output, tied=tied))

    def places(
        self, config: TransformerConfig, tensors: Mapping[str, Shape]
    ) -> dict[str, StoredWeight]:
        """Return the places of the head's weights, for a config that was fitted to the tensors."""
        places: dict[str, StoredWeight] = {}
        if config.output.transform:
            bias = next((name for name in self.biases if name in tensors), self.biases[-1])
            places.update(linear("output_transform", self.transform))
            places.update(norm("output_norm", self.norm, tensors))
            places["output.bias"] = StoredWeight(bias)
        if not config.tied_output:
            places["output.weight"] = StoredWeight(self.matrix)
        return places


@dataclass(frozen=True)
class Heads:
    """The heads of a family; a file has one of them or none.

    Attributes:
        words: for masked words.
        labels: for labels of texts.
    """

    words: MaskedWordHead
    labels: LabelHead

    def output(self, fields: Fields, words: OutputConfig) -> OutputConfig:
        """Return the output config for a config.json: a head for labels, or for masked words.

        Args:
            fields: of config.json.
            words: the output config of the head for masked words.
        """
        count = len(stated_labels(fields, self.labels))
        return label_output(self.labels, count) if count else words

    def fit_config(
        self, config: TransformerConfig, tensors: Mapping[str, Shape]
    ) -> TransformerConfig:
        """Return the config with the head in the files, or without one."""
        if config.output.labels and f"{self.labels.matrix}.weight" in tensors:
            return config
        return self.words.fit_config(config, tensors)

    def places(
        self, config: TransformerConfig, tensors: Mapping[str, Shape]
    ) -> dict[str, StoredWeight]:
        """Return the places of the head's weights."""
        if not config.output.labels:
            return self.words.places(config, tensors)
        head = self.labels
        return {**linear("output_transform", head.transform), **linear("output", head.matrix)}
