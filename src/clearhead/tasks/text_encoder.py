"""An encoder-only model on token ids: its hidden vectors, and its logits if it has a head."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache, cached_property

from numpy.typing import ArrayLike

from ..engine.in_place import IN_PLACE
from ..engine.products import INDEPENDENT_ROWS
from ..errors import CheckpointError
from ..pretrained.model import PretrainedModel
from ..reference.products import Products, WeightProduct
from ..reference.tracing.trace import OFF
from ..reference.tracing.watcher import Watcher
from ..reference.transformer import Transformer
from ..shapes import Array, Float
from .embedding.dense import Dense, read_dense
from .embedding.embedding_rule import EmbeddingRule, read_embedding_rule
from .inputs import model_inputs


@dataclass(frozen=True)
class TextEncoder:
    """An encoder-only model that is ready to compute.

    Attributes:
        model: computes the outputs.
        pretrained: the model as it was read.
    """

    model: Transformer
    pretrained: PretrainedModel

    @classmethod
    def of(cls, pretrained: PretrainedModel, *, products: Products = IN_PLACE) -> TextEncoder:
        """Prepare a model from `read_pretrained`; it computes in the dtype of its weights.

        Args:
            pretrained: the model as it was read.
            products: how matrices are multiplied. `IN_PLACE` copies no weight, so a large model is
                ready at once; `clearhead.engine.products.INDEPENDENT_ROWS` copies each weight and
                computes every row independently of the others, bit for bit.

        Raises:
            CheckpointError: it has a decoder.
        """
        if pretrained.config.decoder_layers or "embed" not in pretrained.tasks:
            raise CheckpointError(
                f"{pretrained.folder} is a {pretrained.family.name}, which has a decoder. Hidden "
                f"vectors of texts, their embeddings and words for masks are computed with models "
                f"that are an encoder alone, such as BERT."
            )
        return cls(_transformer(pretrained, products), pretrained)

    @cached_property
    def independent(self) -> Transformer:
        """The model whose rows do not depend on the other rows of a batch, bit for bit.

        It is faster for many texts, but holds a copy of its layers' weights.
        """
        return _transformer(self.pretrained, INDEPENDENT_ROWS)

    @cached_property
    def rule(self) -> EmbeddingRule:
        """The rule for turning texts into vectors, from the files beside the model.

        Raises:
            CheckpointError: a file is damaged, or asks for something that is not supported.
        """
        return read_embedding_rule(self.pretrained.folder)

    @cached_property
    def dense(self) -> tuple[Dense, ...]:
        """The linear layers of the rule.

        Raises:
            CheckpointError: the files of a layer are damaged, or do not fit the model.
        """
        layers = []
        width = self.model.config.d_model * len(self.rule.modes)
        for path in self.rule.dense:
            folder = self.pretrained.folder / path
            layer = read_dense(folder, dtype=self.model.dtype, products=INDEPENDENT_ROWS)
            if layer.in_dim != width:
                raise CheckpointError(
                    f"The layer {folder} takes vectors of {layer.in_dim} numbers, and those "
                    f"before it have {width}. The files are not of one model."
                )
            width = layer.out_dim
            layers.append(layer)
        return tuple(layers)

    @property
    def max_length(self) -> int:
        """The most tokens that the model can read, start and end tokens included."""
        return self.model.config.max_length

    def hidden(
        self,
        ids: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        token_types: ArrayLike | None = None,
        trace: Watcher = OFF,
    ) -> Float[Array, "batch length d_model"]:
        """Return the hidden vectors of the last layer.

        Args:
            ids: token ids, including those that begin and end a text; Int[batch, length].
            mask: Bool[batch, length], True where a position is real; None: wherever the id is not
                padding. Results at other positions are meaningless.
            token_types: Int[batch, length], 0 for the first and 1 for the second of two texts;
                None: all 0.
            trace: records every step.

        Raises:
            ShapeError: the arrays do not fit each other, or a text is longer than the model reads,
                or the model has no such id or token type.
        """
        inputs = model_inputs(self.model.config, ids, None, mask, token_types)
        assert inputs.source_ids is not None  # the model has an encoder
        return self.model.encode(
            inputs.source_ids, mask=inputs.mask, token_types=inputs.token_types, trace=trace
        ).output

    def logits(
        self,
        ids: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        token_types: ArrayLike | None = None,
        trace: Watcher = OFF,
    ) -> Float[Array, "batch length vocab"]:
        """Return the logits of the head at every position; see `hidden`.

        A head for masked words gives one logit for each token. A head for labels gives one for each
        label, and is read at the first position.

        Raises:
            CheckpointError: the model has no head.
            ShapeError: as `hidden`.
        """
        self.require_head()
        return self.model.logits(
            self.hidden(ids, mask=mask, token_types=token_types, trace=trace), trace=trace
        )

    def require_head(self) -> None:
        """Refuse a model without a head for masked words, or for labels.

        Raises:
            CheckpointError: the model has neither.
        """
        if not self.pretrained.tasks & {"fill_mask", "classify"}:
            raise CheckpointError(
                f"{self.pretrained.folder} has no head for masked words, only the encoder of a "
                f"{self.pretrained.family.name}: it has embeddings and hidden vectors, and no "
                f"logits. Get the model as it was pretrained, such as bert-base-uncased."
            )


def _transformer(pretrained: PretrainedModel, products: Products) -> Transformer:
    """Build the model that computes, in the dtype of its weights."""
    dtype = next(iter(pretrained.weights.values())).dtype
    lazily = _on_first_use(products)
    return Transformer(pretrained.config, pretrained.weights, dtype=dtype, products=lazily)


def _on_first_use(products: Products) -> Products:
    """Return products that prepare each weight on its first multiplication.

    The output matrix is often the largest weight, and embedding texts never needs it.
    """

    def by_weight(weight: Float[Array, "out in"]) -> WeightProduct:
        prepare = cache(lambda: products.by_weight(weight))
        return lambda x: prepare()(x)

    return dataclasses.replace(products, by_weight=by_weight)
