"""The heads of encoders: for masked words, and for labels of texts.

The head for masked words is a linear layer, an activation and a norm before the output matrix.

A file has it or has not, and where it has, it may have an output matrix apart from the embedding.
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
    """What a family calls the parts of its head for masked words.

    Attributes:
        prefix: with what the names of all its tensors begin, and no others.
        transform: the linear layer.
        norm: the norm after it.
        matrix: the output matrix's weight.
        biases: the names of the bias of the logits, that of the layer which adds it first.
    """

    prefix: str
    transform: str
    norm: str
    matrix: str
    biases: tuple[str, ...]

    def is_in(self, tensors: Mapping[str, Shape]) -> bool:
        """Tell whether files with these tensors have the head."""
        return any(name.startswith(self.prefix) for name in tensors)

    def tasks(self, tensors: Mapping[str, Shape]) -> frozenset[str]:
        """Return what a model of these tensors is for."""
        return frozenset({"embed", "fill_mask"} if self.is_in(tensors) else {"embed"})

    def fit_config(
        self, config: TransformerConfig, tensors: Mapping[str, Shape]
    ) -> TransformerConfig:
        """Return the config of the files as they are: with the head for masked words, or without.

        Where the files have an output matrix, it is read, though the config may say that it is the
        embedding; transformers 5 does so too when they differ.

        Args:
            config: with the head.
            tensors: what is in the files.
        """
        if not self.is_in(tensors):
            return dataclasses.replace(config, output=OutputConfig())
        tied = config.tied_output and self.matrix not in tensors
        return dataclasses.replace(config, output=dataclasses.replace(config.output, tied=tied))

    def places(
        self, config: TransformerConfig, tensors: Mapping[str, Shape]
    ) -> dict[str, StoredWeight]:
        """Return the places of the head's weights, of a config that was fitted to the tensors."""
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
    """The heads of a family, of which a file has one or none.

    Attributes:
        words: for masked words.
        labels: for labels of texts.
    """

    words: MaskedWordHead
    labels: LabelHead

    def output(self, fields: Fields, words: OutputConfig) -> OutputConfig:
        """Return the output that a config.json says: for labels, or else for masked words.

        Args:
            fields: of config.json.
            words: what the head for masked words is.
        """
        count = len(stated_labels(fields, self.labels))
        return label_output(self.labels, count) if count else words

    def fit_config(
        self, config: TransformerConfig, tensors: Mapping[str, Shape]
    ) -> TransformerConfig:
        """Return the config with the head that the files have, or without one."""
        if config.output.labels and f"{self.labels.matrix}.weight" in tensors:
            return config
        return self.words.fit_config(config, tensors)

    def places(
        self, config: TransformerConfig, tensors: Mapping[str, Shape]
    ) -> dict[str, StoredWeight]:
        """Return the places of the weights of a config's head."""
        if not config.output.labels:
            return self.words.places(config, tensors)
        head = self.labels
        return {**linear("output_transform", head.transform), **linear("output", head.matrix)}
