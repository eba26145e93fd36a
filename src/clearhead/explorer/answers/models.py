"""A checkpoint as the explorer uses it: fast to translate, exact to look into, with its tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ...config import TransformerConfig
from ...engine.products import INDEPENDENT_ROWS
from ...engine.protocols import Engine
from ...engine.reference_engine import ReferenceEngine
from ...errors import ConfigError
from ...reference.transformer import Transformer
from ...search.hypothesis import Hypothesis
from ...search.search import search
from ...search.settings import SearchSettings
from ...search.special_tokens import SpecialTokens
from ...text.tokenizer import Tokenizer
from ...translation.checkpoint import Checkpoint
from ...translation.translation import Translation
from ...translation.translator import Translator
from ..contract.base_edit import Changes
from ..contract.run_answers import Token
from .edited_engine import edited_engine

_REMEMBERED_SENTENCES = 2000


@dataclass(frozen=True, eq=False)
class Models:
    """One model twice, and the way from text to its tokens.

    Attributes:
        checkpoint: what both were made from.
        fast: the engine in float32, which translates.
        reference: float64, whose numbers are shown.
        translator: cuts texts into sentences, and translates with ``fast``.
    """

    checkpoint: Checkpoint
    fast: ReferenceEngine
    reference: Transformer
    translator: Translator
    _translations: dict[tuple[str, int], Translation] = field(default_factory=dict)

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Models:
        """Make the models of a checkpoint.

        Raises:
            ConfigError: it has no encoder or no decoder.
        """
        config = checkpoint.config
        if not (config.encoder_layers and config.decoder_layers):
            raise ConfigError(
                f"The explorer walks through translations and needs a model with encoder and "
                f"decoder; this one has {config.encoder_layers} encoder and "
                f"{config.decoder_layers} decoder layers."
            )
        translator = Translator.from_checkpoint(checkpoint)
        fast = translator.engine
        assert isinstance(fast, ReferenceEngine)
        reference = Transformer(config, checkpoint.weights, products=INDEPENDENT_ROWS)
        return cls(checkpoint, fast, reference, translator)

    @property
    def config(self) -> TransformerConfig:
        """The shape of the model."""
        return self.checkpoint.config

    @property
    def tokenizer(self) -> Tokenizer:
        """From text to token ids and back."""
        return self.checkpoint.tokenizer

    @property
    def special(self) -> SpecialTokens:
        """The ids that search must know."""
        return SpecialTokens.of(self.config)

    def fast_with(self, changes: Changes) -> ReferenceEngine:
        """Return the engine in float32, edited where there is anything to edit."""
        return edited_engine(self.fast, changes) if changes else self.fast

    def translations(self, sentences: Sequence[str], beam_size: int) -> list[Translation]:
        """Return the translator's translation of each sentence, and remember it."""
        cache = self._translations
        missing = [text for text in dict.fromkeys(sentences) if (text, beam_size) not in cache]
        translations = self.translator.translate(missing, split=False, beam_size=beam_size)
        if len(cache) > _REMEMBERED_SENTENCES:
            cache.clear()
        cache.update({(one.source, beam_size): one for one in translations})
        return [cache[text, beam_size] for text in sentences]

    def search(
        self, engine: Engine, source: Sequence[int], beam_size: int, *, n_best: int = 1
    ) -> list[Hypothesis]:
        """Search for the best targets of one source, with the translator's own settings."""
        settings = self.search_settings(beam_size, n_best=n_best)
        return search(engine, [source], settings, special=self.special)[0]

    def search_settings(self, beam_size: int, *, n_best: int = 1) -> SearchSettings:
        """Return the translator's own settings, with a beam of this size."""
        return SearchSettings.of(self.translator.settings, beam_size=beam_size, n_best=n_best)

    def token(self, token: int) -> Token:
        """Return a token as answers have it: id, piece, and whether it is a special one."""
        special = (self.config.pad_id, self.config.start_id, self.config.end_id)
        # A model's vocabulary may be rounded up; ids beyond the tokenizer's have no name.
        has_name = token < self.tokenizer.vocab_size
        piece = self.tokenizer.pieces([token])[0] if has_name else f"<{token}>"
        return {"id": int(token), "piece": piece, "special": token in special}

    def tokens(self, ids: Iterable[int]) -> list[Token]:
        """Return each of several tokens as answers have it."""
        return [self.token(int(token)) for token in ids]
