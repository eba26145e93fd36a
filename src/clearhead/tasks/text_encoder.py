"""An encoder-only model on ids: its hidden vectors, and its logits where it has a head for them."""

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
    """A model that reads texts and writes none, ready to run.

    Attributes:
        model: computes.
        pretrained: what it was made of.
    """

    model: Transformer
    pretrained: PretrainedModel

    @classmethod
    def of(cls, pretrained: PretrainedModel, *, products: Products = IN_PLACE) -> TextEncoder:
        """Make a model ready that `read_pretrained` read; it computes in the dtype of its weights.

        Args:
            pretrained: what was read.
            products: how matrices are multiplied. `IN_PLACE` copies no weight, so that a large
                model is ready at once; `clearhead.engine.products.INDEPENDENT_ROWS` copies each
                and keeps rows independent of each other, bit for bit.

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
        """The model whose rows do not depend on which rows are beside them, bit for bit.

        It is faster with many texts, and has a copy of the weights of its layers.
        """
        return _transformer(self.pretrained, INDEPENDENT_ROWS)

    @cached_property
    def rule(self) -> EmbeddingRule:
        """How its texts become vectors, as the files say that stand beside the model.

        Raises:
            CheckpointError: one of them is damaged, or asks for what is not computed here.
        """
        return read_embedding_rule(self.pretrained.folder)

    @cached_property
    def dense(self) -> tuple[Dense, ...]:
        """The linear layers of the rule.

        Raises:
            CheckpointError: the files of one are damaged, or of another model.
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
            ids: of the tokens, those that begin and end a text included; Int[batch, length].
            mask: Bool[batch, length], True where a position is real; None: where the id is not
                that of padding. What stands at other positions of the result means nothing.
            token_types: Int[batch, length], 0 for the first and 1 for the second of two texts;
                None: all 0.
            trace: records every step.

        Raises:
            ShapeError: the arrays do not fit together, or a text is longer than the model reads,
                or an id or a type is none of the model.
        """
        inputs = model_inputs(self.model.config, ids, None, mask, token_types)
        assert inputs.source_ids is not None  # of an encoder
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

        A head for masked words has one for each token, and a head for labels of texts, which is
        asked at the first position, one for each label.

        Raises:
            CheckpointError: the files have no head.
            ShapeError: as `hidden`.
        """
        self.require_head()
        return self.model.logits(
            self.hidden(ids, mask=mask, token_types=token_types, trace=trace), trace=trace
        )

    def require_head(self) -> None:
        """Refuse a model without a head for masked words, or for labels.

        Raises:
            CheckpointError: the files have none.
        """
        if not self.pretrained.tasks & {"fill_mask", "classify"}:
            raise CheckpointError(
                f"{self.pretrained.folder} has no head for masked words, only the encoder of a "
                f"{self.pretrained.family.name}: it has embeddings and hidden vectors, and no "
                f"logits. Get the model as it was pretrained, such as bert-base-uncased."
            )


def _transformer(pretrained: PretrainedModel, products: Products) -> Transformer:
    """Build a model that computes in the dtype of its weights."""
    dtype = next(iter(pretrained.weights.values())).dtype
    lazily = _on_first_use(products)
    return Transformer(pretrained.config, pretrained.weights, dtype=dtype, products=lazily)


def _on_first_use(products: Products) -> Products:
    """Return products that prepare a weight when it is first multiplied by.

    The output matrix is often the largest of all, and embeddings never need it.
    """

    def by_weight(weight: Float[Array, "out in"]) -> WeightProduct:
        prepare = cache(lambda: products.by_weight(weight))
        return lambda x: prepare()(x)

    return dataclasses.replace(products, by_weight=by_weight)
