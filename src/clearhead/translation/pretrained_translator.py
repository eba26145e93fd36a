"""Translation with other people's models: their tokenizer, and the search of ``generate``.

The rules around our models (`clearhead.translation.rules`) are not applied: the model reads each
sentence as typed, and its translation is what transformers would return. A text is cut into lines
and sentences; whatever is between them is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..engine.in_place import IN_PLACE
from ..engine.reference_engine import ReferenceEngine
from ..errors import CheckpointError, ConfigError, TextError
from ..generation.generate import generate
from ..generation.result import Generation
from ..generation.settings import GenerationSettings
from ..pretrained.model import PretrainedModel
from ..pretrained.reading import read_pretrained
from ..search.batches import batches
from .alignment import cross_attention
from .pickling import Origin, PickledByName
from .rules.sentence_ends import ends
from .sentences.segments import Piece, check_text, fit
from .task import read_task
from .translation import Segment, Translation

BATCH_TOKENS = 1024
# Our names of settings, as on the command line -> those of generation.
_NAMES = {
    "beam_size": "num_beams",
    "n_best": "num_return_sequences",
    "min_length": "min_new_tokens",
    "max_length": "max_new_tokens",
    "sample": "do_sample",
}


class PretrainedTranslator(PickledByName):
    """Translates texts with an encoder-decoder that transformers saved.

        translator = PretrainedTranslator.load("Helsinki-NLP/opus-mt-en-fr")
        translator.translate("Where is the station?").text

    Args:
        pretrained: an encoder-decoder, with its tokenizer.
        engine: computes with its weights; None for one that copies no weight.
        task: see `clearhead.translation.task.read_task`.

    Raises:
        CheckpointError: the model does not translate, or has no tokenizer.
        ConfigError: the model does not know the task.
    """

    def __init__(
        self,
        pretrained: PretrainedModel,
        *,
        engine: ReferenceEngine | None = None,
        task: str | None = None,
    ) -> None:
        if "translate" not in pretrained.tasks:
            raise CheckpointError(
                f"Translating needs a model with encoder and decoder; {pretrained.folder} is a "
                f"{pretrained.family.name}, which can: {', '.join(sorted(pretrained.tasks))}."
            )
        self.pretrained, self.config = pretrained, pretrained.config
        self.tokenizer = pretrained.require_tokenizer()
        self.task, self._task_name = read_task(pretrained, task), task
        self._origin = Origin.of(pretrained.folder)
        self.settings = self.task.settings
        weights = pretrained.weights
        dtype = next(iter(weights.values())).dtype
        self.engine = engine or ReferenceEngine.build(
            self.config, weights, dtype=dtype, products=IN_PLACE
        )
        positions = pretrained.settings.get("n_positions")
        longest = positions if isinstance(positions, int) and positions > 0 else None
        self.longest_source = min(self.config.max_length, longest or self.config.max_length)

    def __repr__(self) -> str:
        return (
            f"<PretrainedTranslator {self.pretrained.folder.name}: {self.pretrained.family.name}>"
        )

    @classmethod
    def load(cls, model: str | Path, *, task: str | None = None) -> PretrainedTranslator:
        """Load a model by its folder or its name on the hub.

        Raises:
            CheckpointError: there is no such model, or it is damaged or translates nothing.
            ConfigError: the model does not know the task.
        """
        return cls(read_pretrained(model), task=task)

    def _arguments_elsewhere(self) -> dict[str, Any] | None:
        if self.engine.is_watched:
            return None
        dtype = self.engine.model.dtype.name
        return {"dtype": dtype, "task": self._task_name, "settings": self.settings}

    @classmethod
    def _load_again(cls, folder: Path, arguments: Mapping[str, Any]) -> PretrainedTranslator:
        pretrained = read_pretrained(folder, dtype=arguments["dtype"])
        translator = cls(pretrained, task=arguments["task"])
        translator.settings = arguments["settings"]
        return translator

    def translate(
        self,
        texts: str | Iterable[str],
        *,
        batch_tokens: int = BATCH_TOKENS,
        split: bool = True,
        alignment: bool = False,
        alignment_layer: int = -1,
        on_progress: Callable[[int], None] | None = None,
        **settings: Any,
    ) -> Translation | list[Translation]:
        """Translate one text, or several together.

        Args:
            texts: one text, or several.
            batch_tokens: source tokens that are translated at once.
            split: translate a line sentence by sentence; otherwise a line is one sentence. Longer
                text than the model can read is still cut at a clause or a word.
            alignment: give each translation its ``alignment``, cross-attention averaged over the
                heads of one layer: routing weight, not a reason.
            alignment_layer: the decoder layer to take it from.
            on_progress: called with the number of sentences that have been translated.
            settings: those of `clearhead.generation.settings.GenerationSettings`, which override
                the model's own files; ``beam_size``, ``n_best``, ``min_length``, ``max_length`` and
                ``sample`` mean the same as in `Translator.translate`.

        Returns:
            a Translation for a single text, a list in the order of the texts otherwise.

        Raises:
            TextError: a text holds what is no character, or is far too long.
            ConfigError: a setting is unknown or out of its range.
        """
        is_single = isinstance(texts, str)
        all_texts = [texts] if isinstance(texts, str) else list(texts)
        if batch_tokens < 1:
            raise ConfigError(f"batch_tokens must be at least 1; it is {batch_tokens}.")
        generation_settings = self._settings(settings)
        plans = [self._pieces(number, text, split) for number, text in enumerate(all_texts)]
        sources = dict.fromkeys(piece for plan in plans for piece in plan if piece.translate)
        generations = self._generate(list(sources), generation_settings, batch_tokens, on_progress)
        layer = alignment_layer if alignment else None
        translations = [
            self._translation(text, plan, generations, layer)
            for text, plan in zip(all_texts, plans, strict=True)
        ]
        return translations[0] if is_single else translations

    def _settings(self, changes: dict[str, Any]) -> GenerationSettings:
        renamed = {_NAMES.get(name, name): value for name, value in changes.items()}
        sequences = renamed.get("num_return_sequences", 1)
        sampling = renamed.get("do_sample", self.settings.do_sample)
        if "num_beams" not in renamed and not sampling and sequences > self.settings.num_beams:
            renamed["num_beams"] = sequences
        return GenerationSettings.of(self.settings, **renamed)

    def _pieces(self, number: int, text: str, split: bool) -> list[Piece]:
        """Return the sentences of a text, with their ids, and the text between them."""
        if not isinstance(text, str):
            raise TypeError(
                f"Texts to translate are str; text {number} is of type {type(text).__name__}."
            )
        try:
            pieces = list(_stretches(check_text(text), split))
            fitted = fit(pieces, self.longest_source, self.encode)
        except TextError as error:
            raise TextError(f"Text {number}: {error}") from None
        return [
            piece if piece.ids or not piece.translate
            else Piece(piece.text, True, ids=self.encode(piece.text))
            for piece in fitted
        ]  # fmt: skip

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the ids that the encoder reads for a sentence, special tokens included."""
        language = self.task.source_language
        return tuple(self.tokenizer.encode(self.task.prefix + text, language=language))

    def encode_target(self, text: str) -> list[int]:
        """Return the ids that the decoder should give for a translation, its end token included."""
        return self.tokenizer.encode_target(text, language=self.task.target_language)

    def _generate(
        self,
        sources: Sequence[Piece],
        settings: GenerationSettings,
        batch_tokens: int,
        on_progress: Callable[[int], None] | None,
    ) -> dict[Piece, list[Generation]]:
        generations: dict[Piece, list[Generation]] = {}
        for places in batches([len(piece.ids) for piece in sources], batch_tokens):
            rows = generate(
                self.engine,
                [sources[place].ids for place in places],
                settings,
                has_encoder=True,
                positions=self.config.max_length,
            )
            generations.update(zip([sources[place] for place in places], rows, strict=True))
            if on_progress:
                on_progress(len(generations))
        return generations

    def _translation(
        self, text: str, plan: Sequence[Piece], generations: dict[Piece, list[Generation]],
        layer: int | None,
    ) -> Translation:  # fmt: skip
        """Join the sentences of a text again; several results are joined rank by rank."""
        ranks = max((len(generations[piece]) for piece in plan if piece.translate), default=1)
        translations = []
        for rank in range(ranks):
            segments = []
            for piece in plan:
                if not piece.translate:
                    segments.append(Segment(piece.text, piece.text))
                    continue
                rows = generations[piece]
                segments.append(self._segment(piece, rows[min(rank, len(rows) - 1)], layer))
            translations.append(Translation(text, tuple(segments)))
        if ranks == 1:
            return translations[0]
        return Translation(text, translations[0].segments, tuple(translations))

    def _segment(self, piece: Piece, generation: Generation, layer: int | None) -> Segment:
        special = self.tokenizer.special_ids
        source = [place for place, token in enumerate(piece.ids) if token not in special]
        target = [place for place, token in enumerate(generation.content) if token not in special]
        alignment = None
        if layer is not None:
            start = [self.config.start_id, *generation.content]
            weights = cross_attention(self.engine.model, piece.ids, start, layer)
            alignment = weights[np.ix_(target, source)]
        tokens = [generation.content[place] for place in target]
        return Segment(
            source=piece.text,
            text=self.tokenizer.decode(generation.content),
            log_prob=generation.log_prob,
            source_tokens=tuple(self.tokenizer.pieces([piece.ids[place] for place in source])),
            tokens=tuple(self.tokenizer.pieces(tokens)),
            token_log_probs=generation.token_log_probs,
            alignment=alignment,
            read=self.task.prefix + piece.text,
        )


def _stretches(text: str, split: bool) -> Iterator[Piece]:
    """Yield sentences, and the line breaks and spaces between them, which are kept."""
    for line in text.splitlines(keepends=True):
        start = 0
        for end in [*(ends(line) if split else ()), len(line)]:
            stretch = line[start:end]
            words = stretch.strip()
            if words:
                before = len(stretch) - len(stretch.lstrip())
                after = before + len(words)
                yield from _between(stretch[:before])
                yield Piece(words, True)
                yield from _between(stretch[after:])
            else:
                yield from _between(stretch)
            start = end


def _between(text: str) -> Iterator[Piece]:
    if text:
        yield Piece(text, False)
