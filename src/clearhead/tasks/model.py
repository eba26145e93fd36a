"""A model of ours or of anyone's as one object: translate, generate, fill masks, embed, trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..config import TransformerConfig
from ..engine.reference_engine import ReferenceEngine
from ..errors import CheckpointError, ConfigError, ShapeError
from ..generation.settings import GenerationSettings
from ..lens.attribution import Attribution, attribute_logit
from ..lens.logit_lens import LayerReading, logit_lens
from ..pretrained.model import PretrainedModel
from ..pretrained.tokenizers.protocol import PretrainedTokenizer
from ..reference.tracing.record import Replacement
from ..reference.tracing.trace import Trace
from ..shapes import Array, Float
from ..translation.checkpoint import Checkpoint
from ..translation.pretrained_translator import PretrainedTranslator
from ..translation.translation import Translation
from ..translation.translator import Translator
from .embed import Embeddings, embed
from .fill_mask import FilledMasks, fill_mask
from .generated_text import GeneratedText
from .ground import Ground, ground_of
from .inputs import Inputs, model_inputs
from .text_encoder import TextEncoder
from .writing import generate_ids, generate_texts, stream_pieces

if TYPE_CHECKING:
    from ..generation.result import GeneratedToken


class Model:
    """What `clearhead.load` gives; ``tasks`` says what it can do.

    Args:
        source: what `read_checkpoint` or `read_pretrained` read.
        name: what the model is called.
        dtype: what computes, float32 or float64.
        task: see `clearhead.translation.task`.
    """

    def __init__(
        self,
        source: Checkpoint | PretrainedModel,
        *,
        name: str = "model",
        dtype: Any = "float32",
        task: str | None = None,
    ) -> None:
        self.name, self.task = name, task
        self._ground: Ground = ground_of(source, dtype)
        if task is not None:
            self.require("translate")
            _ = self.translator  # which knows the task, or says that it does not

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

    @property
    def tokenizer(self) -> PretrainedTokenizer | None:
        """The way from text to ids and back; None where the folder has none."""
        return self._ground.tokenizer

    @property
    def tasks(self) -> frozenset[str]:
        """What it can do, of ``translate generate fill_mask embed``."""
        return self._ground.tasks

    def __repr__(self) -> str:
        config = self.config
        sides = (("encoder", config.encoder_layers), ("decoder", config.decoder_layers))
        layers = " and ".join(f"{count} {side} layers" for side, count in sides if count)
        tasks = ", ".join(sorted(self.tasks)) or "hidden vectors alone"
        return f"<Model {self.name}: {self.family}, {layers}, d_model {config.d_model}; {tasks}>"

    def require(self, task: str) -> None:
        """Refuse what the model cannot do.

        Raises:
            CheckpointError: it is not one of its tasks; those that are are listed.
        """
        if task not in self.tasks:
            tasks = ", ".join(sorted(self.tasks)) or "hidden vectors alone"
            raise CheckpointError(
                f"{self.name} is a {self.family}, which cannot {task.replace('_', ' ')}; it can: "
                f"{tasks}."
            )

    # Text

    @cached_property
    def translator(self) -> Translator | PretrainedTranslator:
        """The translator of the model.

        Raises:
            CheckpointError: the model translates nothing, or has no tokenizer.
            ConfigError: the model does not know the task.
        """
        self.require("translate")
        if isinstance(self.source, PretrainedModel):
            return PretrainedTranslator(self.source, engine=self.engine, task=self.task)
        if self.task is not None:
            raise ConfigError(f"{self.name} is a model of clearhead, which has no tasks to name.")
        return Translator.from_checkpoint(self.source, engine=self.engine)

    def translate(self, texts: str | Iterable[str], **options: Any) -> Any:
        """Translate one text, or several; see `Translator.translate`.

        Returns:
            a Translation for a single text, a list of them otherwise.

        Raises:
            CheckpointError: the model does not translate.
            ConfigError: an option is unknown or out of its range.
            TextError: a text holds what is no character, or is far too long.
        """
        translations: Translation | list[Translation] = self.translator.translate(texts, **options)
        return translations

    def generate(
        self,
        prompt: str | Iterable[str],
        *,
        on_token: Callable[[int, GeneratedToken], None] | None = None,
        **settings: Any,
    ) -> Any:
        """Continue a prompt, or write a target for it where the model has an encoder.

        Args:
            prompt: one text, or several.
            on_token: called with the number of the prompt and each token as it comes, unless
                there is a beam.
            settings: of `clearhead.generation.settings.GenerationSettings`, over what the model's
                own files say: ``max_new_tokens``, ``num_beams``, ``do_sample``, ``seed``, ...

        Returns:
            a GeneratedText for a single prompt, a list of them otherwise.

        Raises:
            CheckpointError: the model does not generate, or has no tokenizer.
            ConfigError: a setting is unknown or out of its range, or the prompt is too long.
        """
        self.require_generation()
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        texts: list[GeneratedText] = generate_texts(self._ground, prompts, settings, on_token)
        return texts[0] if isinstance(prompt, str) else texts

    def stream(self, prompt: str, **settings: Any) -> Iterator[str]:
        """Yield what `generate` writes piece by piece, as its tokens come.

        The pieces are of whole characters; joined they are the text.

        Raises:
            CheckpointError, ConfigError: as `generate`; or there is a beam.
        """
        self.require_generation()
        return stream_pieces(self._ground, prompt, settings)

    def uses_beam(self, **settings: Any) -> bool:
        """Tell whether `generate` with these settings searches with a beam, which cannot stream."""
        return GenerationSettings.of(self._ground.generation_settings(), **settings).num_beams > 1

    def fill_mask(self, text: str, *, top: int = 5) -> FilledMasks:
        """Return the likeliest tokens for each mask of a text; see `clearhead.tasks.fill_mask`."""
        self.require("fill_mask")
        return fill_mask(self._encoder, text, top=top)

    def embed(self, texts: str | Iterable[str], **options: Any) -> Embeddings:
        """Return a vector for each text; see `clearhead.tasks.embed`."""
        self.require("embed")
        return embed(self._encoder, texts, **options)

    @cached_property
    def _encoder(self) -> TextEncoder:
        if not isinstance(self.source, PretrainedModel):
            raise CheckpointError("Models of clearhead have no head for masked words, and no rule.")
        return TextEncoder.of(self.source)

    # Ids

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
            mask: Bool[batch, length], True where a position of ``ids`` is real; None: those of
                a source that are not padding, all of a prompt. What stands at other positions of
                the result means nothing.
            token_types: Int[batch, length], for encoders that have them.

        Raises:
            CheckpointError: the model has no head for logits.
            ShapeError: the arrays do not fit together or the model.
        """
        if "embed" in self.tasks:
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
        if self.config.encoder_layers:
            encoded = model.encode(
                inputs.source_ids, mask=inputs.mask, token_types=inputs.token_types
            )
            return encoded.output
        return model.decode(inputs.target_ids, mask=inputs.mask)

    def generate_ids(
        self,
        ids: Sequence[int] | Sequence[Sequence[int]] | Array,
        *,
        mask: ArrayLike | None = None,
        **settings: Any,
    ) -> list[Any]:
        """Return the ids that are generated, without the prompt and the decoder's first tokens.

        They are those of transformers' ``generate`` with the same settings.

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

    # Numbers

    def trace(
        self,
        text: str | None = None,
        *,
        ids: ArrayLike | None = None,
        target: str | None = None,
        target_ids: ArrayLike | None = None,
        keep: str | Iterable[str] | None = None,
        replace: Mapping[str, Replacement] | None = None,
    ) -> Trace:
        """Return every number of one forward pass, in the dtype of the model.

        Args:
            text: what the model reads: a source, a prompt, a text.
            ids: its token ids instead, Int[1, length].
            target: a translation to look at; None: the model's own.
            target_ids: what the decoder reads instead, its start token first.
            keep, replace: as in `Trace`.

        Raises:
            ConfigError: neither a text nor ids were given, or both.
            CheckpointError: the model has no tokenizer, and a text was given.
            TraceError: a replacement matched no step.
        """
        inputs = self.inputs(text, ids=ids, target=target, target_ids=target_ids)
        with Trace(keep=keep, replace=replace) as trace:
            self.engine.model.forward(**inputs.arguments, trace=trace)
        return trace

    def logit_lens(self, text: str | None = None, *, position: int = -1, count: int = 5,
                   **inputs: Any) -> list[LayerReading]:  # fmt: skip
        """Return what each layer would say after a position; see `clearhead.lens.logit_lens`.

        Args:
            text, inputs: as in `trace`.
            position: after which something is predicted.
            count: how many tokens each reading lists.
        """
        arguments = self.inputs(text, **inputs).lens_arguments
        return logit_lens(self.engine.model, **arguments, position=position, count=count)

    def attribute(self, text: str | None = None, *, token: int | str | None = None,
                  position: int = -1, **inputs: Any) -> Attribution:  # fmt: skip
        """Return what each head, layer and embedding adds to a logit.

        Args:
            text, inputs: as in `trace`.
            token: id or piece of the token whose logit it is; None for the likeliest.
            position: at which it is predicted.

        Raises:
            ConfigError: the vocabulary has no such piece, or the logit is no sum; see
                `clearhead.lens.attribution`.
        """
        if isinstance(token, str):
            token = self.token_id(token)
        arguments = self.inputs(text, **inputs).lens_arguments
        return attribute_logit(self.engine.model, **arguments, token=token, position=position)

    def token_id(self, piece: str) -> int:
        """Return the id of a token: a piece of the vocabulary, or a word that is one token.

        Raises:
            ConfigError: it is no single token.
        """
        tokenizer = self._ground.require_tokenizer()
        number = tokenizer.id_of(piece)
        if number is None:
            # A word as it is typed, where that is one token.
            ids = tokenizer.encode_plain(piece)
            number = ids[0] if len(ids) == 1 else None
        if number is None:
            raise ConfigError(f"{piece!r} is no single token of {self.name}; give a token's id.")
        return number

    def inputs(
        self,
        text: str | None = None,
        *,
        ids: ArrayLike | None = None,
        target: str | None = None,
        target_ids: ArrayLike | None = None,
    ) -> Inputs:
        """Return what the model reads for a text, as arrays of ids.

        Raises:
            ConfigError: neither a text nor ids were given, or both, or a target without a decoder
                that reads one.
            CheckpointError: there is no tokenizer, and a text was given.
        """
        if (text is None) == (ids is None):
            raise ConfigError("Give a text or ids, and not both.")
        both = bool(self.config.encoder_layers and self.config.decoder_layers)
        if not both and (target is not None or target_ids is not None):
            raise ConfigError(f"{self.name} reads one text; leave target and target_ids.")
        rows = [self._encode(text)] if text is not None else ids
        if both and target_ids is None:
            target_ids = [self._target(np.asarray(rows), target)]
        return model_inputs(self.config, rows, target_ids, None, None)

    def _encode(self, text: str) -> Sequence[int]:
        if "translate" in self.tasks and isinstance(self.source, PretrainedModel):
            translator = self.translator
            assert isinstance(translator, PretrainedTranslator)
            return translator.encode(text)
        return self._ground.require_tokenizer().encode(text)

    def _target(self, source: Array, target: str | None) -> list[int]:
        """Return what the decoder reads: a translation that was given, or the model's own."""
        if source.ndim != 2 or len(source) != 1:
            raise ShapeError(f"One source is traced at a time; ids have the shape {source.shape}.")
        if target is None:
            (tokens,) = generate_ids(self._ground, source, None, {})
        else:
            tokens = self._ground.require_tokenizer().encode_target(target)
        return [self.config.start_id, *(token for token in tokens if token != self.config.end_id)]

    def explore(self, text: str | None = None, **options: Any) -> Any:
        """Open the explorer's page of this model; see `clearhead.explore`."""
        from ..explorer import explore

        return explore(self.source, text, **options)
