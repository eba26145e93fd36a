"""Our translation models: the translator splits and reads the text by its own rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ...engine.reference_engine import ReferenceEngine
from ...errors import ConfigError
from ...search.settings import SearchSettings
from ...translation.checkpoint import Checkpoint
from ...translation.directions.register import AUTO, register_tags
from ...translation.sentences.segments import Piece
from ...translation.translation import Translation
from ...translation.translator import Translator
from ...translation.walkthrough import encode_source
from ..contract.questions import RunQuestion
from ..contract.run_answers import ProtectedNote, Sentence
from ..passes.passage import Beginning, Passage
from ..passes.run_cache import RunCache
from ..passes.twins import exact_model
from .searched_model import SearchedModel
from .sentences import protected_note, sentence_number, split_into_pieces

_REMEMBERED_BYTES = 4 * 2**20


@dataclass(frozen=True)
class RememberedTranslation:
    """A stored translation of a sentence."""

    translation: Translation

    @cached_property
    def nbytes(self) -> int:
        """Its approximate size in bytes: Python objects take about six times the characters."""
        return 6 * len(repr(self.translation))


class TranslationModel(SearchedModel):
    """A `WalkedModel` for a checkpoint of ours.

    Attributes:
        checkpoint: the checkpoint.
        translator: cuts texts into sentences, and translates with the fast engine.

    Args:
        checkpoint: with an encoder and a decoder.

    Raises:
        ConfigError: it has no encoder or no decoder.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        config = checkpoint.config
        if not (config.encoder_layers and config.decoder_layers):
            raise ConfigError(
                f"A translation needs a model with encoder and decoder; this one has "
                f"{config.encoder_layers} encoder and {config.decoder_layers} decoder layers."
            )
        self.checkpoint = checkpoint
        self.translator = Translator.from_checkpoint(checkpoint)
        fast = self.translator.engine
        assert isinstance(fast, ReferenceEngine)
        super().__init__(
            config,
            checkpoint.weights,
            checkpoint.tokenizer,
            (fast, exact_model(config, checkpoint.weights)),
            provenance=checkpoint.provenance,
        )
        self.longest = self.translator.longest_source
        languages = checkpoint.languages
        self.source_language = languages.source if languages else None
        self._translations: RunCache[tuple[str, int, str], RememberedTranslation]
        self._translations = RunCache(_REMEMBERED_BYTES)

    def begin(self, request: RunQuestion) -> Beginning:
        pieces = split_into_pieces(self.translator, request.text)
        sentence = sentence_number(pieces, request.sentence)
        request = request.model_copy(update={"sentence": sentence})
        text = pieces[sentence].text
        read, source = encode_source(
            text,
            self.checkpoint.tokenizer,
            self.config.end_id,
            languages=self.checkpoint.languages,
            tags=register_tags(request.formality, self.checkpoint.registers),
        )
        return Beginning(request, tuple(pieces), read, source)

    def search_settings(self, beam_size: int) -> SearchSettings:
        """Return the translator's own settings, with a beam of this size."""
        return SearchSettings.of(self.translator.settings, beam_size=beam_size)

    def translations(
        self, sentences: Sequence[str], beam_size: int, register: str = AUTO
    ) -> list[Translation]:
        """Return the translator's translation of each sentence, and store it."""
        cache, how = self._translations, (beam_size, register)
        entries = {text: cache.recall((text, *how)) for text in sentences}
        translations = {text: one.translation for text, one in entries.items() if one}
        missing = [text for text in entries if text not in translations]
        for one in self.translator.translate(
            missing, split=False, beam_size=beam_size, register=register
        ):
            translations[one.source] = one
            cache.store((one.source, *how), RememberedTranslation(one))
        return [translations[text] for text in sentences]

    def sentences(
        self, pieces: Sequence[Piece], request: RunQuestion, passage: Passage
    ) -> list[Sentence]:
        """Return the pieces, each sentence with the translator's translation and rules."""
        texts = [piece.text for piece in pieces if piece.translate]
        translations = iter(self.translations(texts, request.beam_size, request.formality))
        sentences: list[Sentence] = []
        for piece in pieces:
            answer: Sentence = {"text": piece.text, "translated": piece.translate}
            if piece.translate:
                translation = next(translations)
                actions = [action for segment in translation.segments for action in segment.actions]
                answer["translation"] = translation.text
                answer["read"] = " ".join(s.read for s in translation.segments if s.read)
                answer["rules"] = [{"rule": one.rule, "change": one.change} for one in actions]
            elif piece.rule:
                answer["rules"] = [{"rule": piece.rule, "change": "kept as it is"}]
            sentences.append(answer)
        return sentences

    def note(self, read: str, passage: Passage, request: RunQuestion) -> ProtectedNote | None:
        return protected_note(self.translator, read, passage.text, request)
