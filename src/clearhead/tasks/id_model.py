"""A model, ours or someone else's, that works on token ids: logits, hidden vectors, generation."""

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

# A task -> the verb phrase for it in messages.
_VERBS = {"fill_mask": "fill masks", "embed": "embed texts", "classify": "classify texts"}


class IdModel(PickledByName):
    """A loaded model with the methods that need no text.

    Args:
        source: the result of `read_checkpoint` or `read_pretrained`.
        name: the name of the model.
        dtype: the dtype to compute in, float32 or float64.
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
        """The model as it was read."""
        return self._ground.source

    @property
    def family(self) -> str:
        """The name of its architecture, such as ``GPT-2``."""
        return self._ground.family

    @property
    def config(self) -> TransformerConfig:
        """The config of the model."""
        return self._ground.config

    @property
    def engine(self) -> ReferenceEngine:
        """The engine that computes the outputs."""
        return self._ground.engine

    def computes_with(self, model: object) -> bool:
        """Return whether an object is a `Transformer` of this model.

        Args:
            model: any object.
        """
        encoder = self.__dict__.get("_encoder")
        # Those that do not exist yet are not created just for this comparison.
        ours = (
            self.engine.model,
            *([] if encoder is None else map(vars(encoder).get, ("model", "independent"))),
        )
        return any(model is one for one in ours)

    @property
    def tokenizer(self) -> PretrainedTokenizer | None:
        """The tokenizer; None if the folder has none."""
        return self._ground.tokenizer

    @property
    def tasks(self) -> frozenset[str]:
        """The model's tasks, of ``translate generate fill_mask embed classify``."""
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
        """Refuse a task that the model does not have.

        Raises:
            CheckpointError: the model does not have the task; the message lists those that it has.
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
            ids: Int[batch, length], token ids of the source if there is an encoder.
            target_ids: Int[batch, target_len], the decoder's input, its start token first; only for
                models with encoder and decoder.
            mask: Bool[batch, length], True (or 1) where a position of ``ids`` is real; None means
                that in a source all but padding is real, and in a prompt everything. Results at
                other positions are meaningless.
            token_types: Int[batch, length], for encoders that use token types.

        Raises:
            CheckpointError: the model has no head for logits.
            ShapeError: the arrays do not fit each other or the model.
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
        """Return the hidden vectors of the last layer: of the encoder, or of a decoder-only model.

        Args:
            ids, mask, token_types: as in `logits`.

        Raises:
            ShapeError: the arrays do not fit each other or the model.
        """
        inputs = model_inputs(self.config, ids, None, mask, token_types, whole=False)
        model = self.engine.model
        if inputs.source_ids is not None:
            encoded = model.encode(
                inputs.source_ids, mask=inputs.mask, token_types=inputs.token_types
            )
            return encoded.output
        assert inputs.target_ids is not None  # a model has at least one of both sides
        return model.decode(inputs.target_ids, mask=inputs.mask)

    def generate_ids(
        self,
        ids: Sequence[int] | Sequence[Sequence[int]] | Array,
        *,
        mask: ArrayLike | None = None,
        **settings: Any,
    ) -> list[Any]:
        """Return the generated ids, without the prompt and the decoder's first tokens.

        They equal those of transformers' ``generate`` with the same settings. As there, at most 20
        tokens are generated if neither the call nor the model's files set a limit.

        Args:
            ids: of one prompt or source, or of several.
            mask: Bool[batch, length], True where a position is real; only for an array of several.
            settings: as in `generate`.

        Returns:
            the ids for one input; for several, a list of such lists in the same order, with
            ``num_return_sequences`` lists for each input. A generated end token is included.

        Raises:
            CheckpointError: the model cannot generate.
            ConfigError: a setting is unknown or out of its range, or an input is too long.
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
