"""A model of ours or of anyone's on token ids: logits, hidden vectors, what it would write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from ..config import TransformerConfig
from ..engine.reference_engine import ReferenceEngine
from ..errors import CheckpointError, ShapeError
from ..pretrained.model import PretrainedModel
from ..pretrained.reading import read_pretrained
from ..pretrained.tokenizers.protocol import PretrainedTokenizer
from ..shapes import Array, Float
from ..translation.checkpoint import Checkpoint, is_pretrained, read_checkpoint
from ..translation.model_files import is_whole
from ..translation.pickling import Origin, PickledByName
from .ground import Ground, ground_of
from .inputs import model_inputs
from .text_encoder import TextEncoder
from .writing import generate_ids

# A task -> what a model does that has it, in the words of a message.
_VERBS = {"fill_mask": "fill masks", "embed": "embed texts", "classify": "classify texts"}


class IdModel(PickledByName):
    """A model that was loaded, without what needs texts.

    Args:
        source: what `read_checkpoint` or `read_pretrained` read.
        name: what the model is called.
        dtype: what computes, float32 or float64.
    """

    def __init__(
        self, source: Checkpoint | PretrainedModel, *, name: str = "model", dtype: Any = "float32"
    ) -> None:
        self.name = name
        self._ground: Ground = ground_of(source, dtype)
        folder = source.folder
        if isinstance(source, PretrainedModel) or (folder is not None and is_whole(folder)):
            self._origin = Origin.of(folder)

    def _arguments_elsewhere(self) -> dict[str, Any] | None:
        if self.engine.is_watched:
            return None
        dtype = self.engine.model.dtype.name
        return {"name": self.name, "dtype": dtype, "task": getattr(self, "task", None)}

    @classmethod
    def _load_again(cls, folder: Path, arguments: Mapping[str, Any]) -> IdModel:
        dtype, task = arguments["dtype"], arguments["task"]
        source: Checkpoint | PretrainedModel
        source = (
            read_pretrained(folder, dtype=dtype)
            if is_pretrained(folder)
            else read_checkpoint(folder)
        )
        choice = {} if task is None else {"task": task}
        return cls(source, name=arguments["name"], dtype=dtype, **choice)

    @property
    def source(self) -> Checkpoint | PretrainedModel:
        """What was read."""
        return self._ground.source

    @property
    def family(self) -> str:
        """What it is one of, such as ``GPT-2``."""
        return self._ground.family

    @property
    def config(self) -> TransformerConfig:
        """Its shape."""
        return self._ground.config

    @property
    def engine(self) -> ReferenceEngine:
        """What computes."""
        return self._ground.engine

    def computes_with(self, model: object) -> bool:
        """Return whether a `Transformer` is one of this model's, which has one for each way.

        Args:
            model: any object.
        """
        encoder = self.__dict__.get("_encoder")
        # Those that were not needed yet are not made for the question.
        ours = (
            self.engine.model,
            *([] if encoder is None else map(vars(encoder).get, ("model", "independent"))),
        )
        return any(model is one for one in ours)

    @property
    def tokenizer(self) -> PretrainedTokenizer | None:
        """The way from text to ids and back; None where the folder has none."""
        return self._ground.tokenizer

    @property
    def tasks(self) -> frozenset[str]:
        """What it can do, of ``translate generate fill_mask embed classify``."""
        return self._ground.tasks

    def __repr__(self) -> str:
        config = self.config
        sides = (("encoder", config.encoder_layers), ("decoder", config.decoder_layers))
        layers = " and ".join(
            f"{count} {side} {'layer' if count == 1 else 'layers'}"
            for side, count in sides
            if count
        )
        tasks = ", ".join(sorted(self.tasks)) or "hidden vectors alone"
        return f"<Model {self.name}: {self.family}, {layers}, d_model {config.d_model}; {tasks}>"

    def require(self, task: str) -> None:
        """Refuse what the model cannot do.

        Raises:
            CheckpointError: it is not one of its tasks; those that are are listed.
        """
        if task not in self.tasks:
            verb = _VERBS.get(task, task)
            tasks = ", ".join(sorted(self.tasks)) or "hidden vectors alone"
            raise CheckpointError(
                f"{self.name} is a {self.family}, which does not {verb}; its tasks: {tasks}."
            )

    @cached_property
    def _encoder(self) -> TextEncoder:
        if not isinstance(self.source, PretrainedModel):
            raise CheckpointError("Models of clearhead have no head for masked words, and no rule.")
        return TextEncoder.of(self.source)

    def logits(
        self,
        ids: ArrayLike,
        target_ids: ArrayLike | None = None,
        *,
        mask: ArrayLike | None = None,
        token_types: ArrayLike | None = None,
    ) -> Float[Array, "batch length vocab"]:
        """Return the logits of every position.

        Args:
            ids: Int[batch, length], of the source where there is an encoder.
            target_ids: Int[batch, target_len], what the decoder reads, its start token first;
                for models with encoder and decoder alone.
            mask: Bool[batch, length], True (or 1) where a position of ``ids`` is real; None:
                those of a source that are not padding, all of a prompt. What stands at other
                positions of the result means nothing.
            token_types: Int[batch, length], for encoders that have them.

        Raises:
            CheckpointError: the model has no head for logits.
            ShapeError: the arrays do not fit together or the model.
        """
        if "embed" in self.tasks:
            if target_ids is not None:
                raise ShapeError("This model takes ids alone.")
            return self._encoder.logits(ids, mask=mask, token_types=token_types)
        inputs = model_inputs(self.config, ids, target_ids, mask, token_types)
        return self.engine.model.forward(**inputs.arguments)

    def hidden(
        self,
        ids: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        token_types: ArrayLike | None = None,
    ) -> Float[Array, "batch length d_model"]:
        """Return the vectors of the last layer: of the encoder, or of a decoder alone.

        Args:
            ids, mask, token_types: as in `logits`.

        Raises:
            ShapeError: the arrays do not fit together or the model.
        """
        inputs = model_inputs(self.config, ids, None, mask, token_types, whole=False)
        model = self.engine.model
        if inputs.source_ids is not None:
            encoded = model.encode(
                inputs.source_ids, mask=inputs.mask, token_types=inputs.token_types
            )
            return encoded.output
        assert inputs.target_ids is not None  # there is one of both
        return model.decode(inputs.target_ids, mask=inputs.mask)

    def generate_ids(
        self,
        ids: Sequence[int] | Sequence[Sequence[int]] | Array,
        *,
        mask: ArrayLike | None = None,
        **settings: Any,
    ) -> list[Any]:
        """Return the ids that are generated, without the prompt and the decoder's first tokens.

        They are those of transformers' ``generate`` with the same settings; where neither these
        nor the model's files say how many, 20 at most, as there.

        Args:
            ids: of one prompt or source, or of several.
            mask: Bool[batch, length], True where a position is real, for an array of several.
            settings: as in `generate`.

        Returns:
            ids for one input; for several a list of such lists, in their order, with
            ``num_return_sequences`` for each. The end token is included where one came.

        Raises:
            CheckpointError: the model does not generate.
            ConfigError: a setting is unknown or out of its range, or an input too long.
        """
        self.require_generation()
        return generate_ids(self._ground, ids, mask, settings)

    def require_generation(self) -> None:
        """Refuse a model without a decoder.

        Raises:
            CheckpointError: it has none.
        """
        if not self.config.decoder_layers:
            self.require("generate")
