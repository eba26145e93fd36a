"""A model as one object, ours or someone else's: translate, generate, fill masks, embed, trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ConfigError, ShapeError
from ..generation.settings import GenerationSettings
from ..lens.attribution import Attribution, attribute_logit
from ..lens.logit_lens import LayerReading, logit_lens
from ..pretrained.model import PretrainedModel
from ..reference.tracing.record import Replacement
from ..reference.tracing.trace import Trace
from ..shapes import Array
from ..translation.checkpoint import Checkpoint
from ..translation.pretrained_translator import PretrainedTranslator
from ..translation.task import task_names
from ..translation.translation import Translation
from ..translation.translator import Translator
from .embedding.embed import Embeddings, embed
from .fill_mask import FilledMasks, fill_mask
from .generated_text import GeneratedText
from .id_model import IdModel
from .inputs import Inputs, model_inputs, one_row, texts_of, whole_numbers
from .text_classification import classify_texts, labels_of
from .writing import generate_texts, ids_of, stream_pieces

if TYPE_CHECKING:
    from ..generation.result import GeneratedToken


class Model(IdModel):
    """The object that `clearhead.load` returns; ``tasks`` lists its tasks.

    Args:
        source: the result of `read_checkpoint` or `read_pretrained`.
        name: the name of the model.
        dtype: the dtype to compute in, float32 or float64.
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
        super().__init__(source, name=name, dtype=dtype)
        self.task = task
        if task is not None:
            self.require("translate")
            _ = self.translator  # raises an error if the task is unknown

    # Text

    @cached_property
    def translator(self) -> Translator | PretrainedTranslator:
        """The translator of the model.

        Raises:
            CheckpointError: the model translates nothing, or has no tokenizer.
            ConfigError: the model does not have the task.
        """
        self.require("translate")
        if isinstance(self.source, PretrainedModel):
            return PretrainedTranslator(self.source, engine=self.engine, task=self.task)
        if self.task is not None:
            raise ConfigError(f"{self.name} is a model of clearhead, which has no tasks to name.")
        return Translator.from_checkpoint(self.source, engine=self.engine)

    def translate(self, texts: str | Iterable[str], **options: Any) -> Any:
        """Translate one or several texts; see `Translator.translate`.

        Returns:
            a Translation for a single text, otherwise a list of them.

        Raises:
            CheckpointError: the model cannot translate.
            ConfigError: an option is unknown or out of its range.
            TextError: a text holds an invalid character, or is far too long.
        """
        translations: Translation | list[Translation] = self.translator.translate(texts, **options)
        return translations

    def generate(
        self,
        prompt: str | Iterable[str],
        *,
        stream: bool = False,
        on_token: Callable[[int, GeneratedToken], None] | None = None,
        **settings: Any,
    ) -> Any:
        """Continue a prompt, or generate a target for it if the model has an encoder.

        Length: ``max_new_tokens`` counts the generated tokens, ``max_length`` also the prompt. If
        neither the call nor the model's files set one, at most 256 tokens are generated. A
        ``max_length`` in the files, such as the 20 of older ones, is obeyed, as in transformers.
        ``reason`` of the result says whether an end token was generated.

        Args:
            prompt: one or several texts.
            stream: return an iterator over the pieces of the text instead, as `stream` does.
            on_token: called with the index of the prompt and each token as it is generated, unless
                there is a beam.
            settings: fields of `clearhead.generation.settings.GenerationSettings` that override the
                model's files: ``max_new_tokens``, ``num_beams``, ``do_sample``, ``seed``, ...

        Returns:
            a GeneratedText for a single prompt, a list of them for several; an iterator with
            ``stream``.

        Raises:
            CheckpointError: the model cannot generate, or has no tokenizer.
            ConfigError: a setting is unknown or out of its range, or the prompt is too long; or
                ``stream`` is combined with several prompts, a beam or ``on_token``.
            TypeError: a prompt is not a text.
        """
        self.require_generation()
        if stream:
            if on_token is not None or not isinstance(prompt, str):
                raise ConfigError("stream=True is for one prompt, a text, and without on_token.")
            return self.stream(prompt, **settings)
        prompts = texts_of(prompt, "prompt")
        texts: list[GeneratedText] = generate_texts(self._ground, prompts, settings, on_token)
        return texts[0] if isinstance(prompt, str) else texts

    def stream(self, prompt: str, **settings: Any) -> Iterator[str]:
        """Generate text as `generate` does, and yield it piece by piece.

        Each piece has whole characters; joined, the pieces are the text.

        Raises:
            CheckpointError, ConfigError: as `generate`; or there is a beam.
            TypeError: the prompt is not a text.
        """
        self.require_generation()
        return stream_pieces(self._ground, prompt, settings)

    def uses_beam(self, **settings: Any) -> bool:
        """Return whether `generate` with these settings uses a beam, which cannot stream."""
        return GenerationSettings.of(self._ground.generation_settings(), **settings).num_beams > 1

    def fill_mask(self, text: str, *, top: int = 5) -> FilledMasks:
        """Return the likeliest tokens for each mask of a text; see `clearhead.tasks.fill_mask`."""
        self.require("fill_mask")
        return fill_mask(self._encoder, text, top=top)

    def embed(self, texts: str | Iterable[str], **options: Any) -> Embeddings:
        """Return a vector for each text; see `clearhead.tasks.embedding.embed`."""
        self.require("embed")
        return embed(self._encoder, texts, **options)

    def classify(self, texts: str | Iterable[str], *, top: int = 5) -> Any:
        """Return a Classification: the likeliest labels of a text; a list for several texts."""
        self.require("classify")
        results = classify_texts(self._ground, texts_of(texts, "text"), top=top)
        return results[0] if isinstance(texts, str) else results

    # Numbers

    def trace(
        self,
        text: str | None = None,
        *,
        ids: ArrayLike | None = None,
        target: str | None = None,
        target_ids: ArrayLike | None = None,
        mask: ArrayLike | None = None,
        token_types: ArrayLike | None = None,
        keep: str | Iterable[str] | None = None,
        replace: Mapping[str, Replacement] | None = None,
    ) -> Trace:
        """Return every number of one forward pass, in the dtype of the model.

        Args:
            text: the model's input: a source, a prompt, a text.
            ids: its token ids instead, Int[batch, length], or Int[length] for a single text.
            target: the translation to trace; None: the model's own.
            target_ids: the decoder's input instead, with its start token first.
            mask, token_types: for ``ids``, as in `logits`.
            keep, replace: as in `Trace`.

        Raises:
            ConfigError: both a text and ids were given, or neither.
            CheckpointError: the model has no tokenizer, and a text was given.
            TraceError: a replacement matched no step.
        """
        inputs = self.inputs(
            text, ids=ids, target=target, target_ids=target_ids, mask=mask, token_types=token_types
        )
        with Trace(keep=keep, replace=replace) as trace:
            self.engine.model.forward(**inputs.arguments, trace=trace)
        return trace

    def logit_lens(self, text: str | None = None, *, position: int = -1, count: int = 5,
                   **inputs: Any) -> list[LayerReading]:  # fmt: skip
        """Return each layer's prediction after a position; see `clearhead.lens.logit_lens`.

        Args:
            text, inputs: as in `trace`.
            position: the position whose next token is predicted.
            count: the number of tokens in each reading.
        """
        arguments = self.inputs(text, **inputs).lens_arguments
        return logit_lens(self.engine.model, **arguments, position=position, count=count)

    def attribute(self, text: str | None = None, *, token: int | str | None = None,
                  position: int = -1, **inputs: Any) -> Attribution:  # fmt: skip
        """Return the contribution of each head, layer and embedding to a logit.

        Args:
            text, inputs: as in `trace`.
            token: id or piece of the token whose logit is split up; None for the likeliest.
            position: the position that predicts it.

        Raises:
            ConfigError: the vocabulary has no such piece, or the logit is not a sum; see
                `clearhead.lens.attribution`.
        """
        if isinstance(token, str):
            token = self.token_id(token)
        arguments = self.inputs(text, **inputs).lens_arguments
        return attribute_logit(self.engine.model, **arguments, token=token, position=position)

    def token_id(self, piece: str) -> int:
        """Return the id of a token (a piece of the vocabulary, or a word), or of a label.

        Raises:
            ConfigError: it is not a single token.
        """
        if piece in (labels := labels_of(self._ground)):
            return labels.index(piece)
        tokenizer = self._ground.require_tokenizer()
        number = tokenizer.id_of(piece)
        if number is None:
            # A plain word, if that is a single token.
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
        mask: ArrayLike | None = None,
        token_types: ArrayLike | None = None,
    ) -> Inputs:
        """Return the inputs of the model for a text, as arrays of ids.

        Args:
            text, ids, target, target_ids, mask, token_types: as in `trace`.

        Raises:
            ConfigError: neither a text nor ids were given, or both, or two targets, or a target
                for a model without a decoder that reads one.
            CheckpointError: there is no tokenizer, and a text was given.
            ShapeError: the ids do not fit the model.
        """
        if (text is None) == (ids is None):
            raise ConfigError("Give a text, or its ids as ids=..., and not both.")
        if text is None:
            rows = whole_numbers("ids", one_row(ids))
        else:
            (single,) = texts_of(text, "text", most=1)
            rows = np.array([self._encode(single)])
        both = bool(self.config.encoder_layers and self.config.decoder_layers)
        if not both and (target is not None or target_ids is not None):
            raise ConfigError(f"{self.name} reads one text; leave target and target_ids.")
        if target is not None and target_ids is not None:
            raise ConfigError("Give target or target_ids, not both.")
        if both and target_ids is None:
            target_ids = [self._target(rows, mask, target)]
        targets = None if target_ids is None else one_row(target_ids)
        masks = None if mask is None else one_row(mask)
        return model_inputs(self.config, rows, targets, masks, token_types)

    def _encode(self, text: str) -> Sequence[int]:
        translator = self._translator_of_others
        if translator is not None:
            return translator.encode(text)
        return self._ground.require_tokenizer().encode(text)

    @cached_property
    def _translator_of_others(self) -> PretrainedTranslator | None:
        """The translator of someone else's model; None if the text itself states the task."""
        if "translate" not in self.tasks or not isinstance(self.source, PretrainedModel):
            return None
        if self.task is None and len(task_names(self.source)) > 1:
            return None
        assert isinstance(self.translator, PretrainedTranslator)
        return self.translator

    def _target(self, source: Array, mask: ArrayLike | None, target: str | None) -> list[int]:
        """Return the decoder's input: the given translation, or the model's own."""
        if len(source) != 1:
            raise ShapeError(
                f"Without target_ids, one source is traced at a time; ids have the shape "
                f"{source.shape}."
            )
        translator = self._translator_of_others if self.tokenizer else None
        if target is not None:
            encode = translator.encode_target if translator else self._encode_target
            tokens = encode(target)
        else:
            settings = translator.settings if translator else self._ground.generation_settings()
            single = GenerationSettings.of(settings, num_return_sequences=1)
            (tokens,) = ids_of(self._ground, source, mask, single)
        return [self.config.start_id, *(token for token in tokens if token != self.config.end_id)]

    def _encode_target(self, text: str) -> list[int]:
        return self._ground.require_tokenizer().encode_target(text)

    def explore(self, text: str | None = None, **options: Any) -> Any:
        """Open the explorer's page of this model; see `clearhead.explore`."""
        from ..explorer import explore

        return explore(self.source, text, **options)
