"""Translates text: cuts it into sentences, searches, checks what must be kept, and joins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from ..config import TransformerConfig
from ..engine.protocols import Engine
from ..engine.reference_engine import ReferenceEngine
from ..errors import CheckpointError, ConfigError, TextError
from ..reference.tracing.editing import is_edited
from ..search.settings import SearchSettings
from ..text.tokenizer import Tokenizer
from .alignment import aligner
from .checkpoint import Checkpoint, is_pretrained, longest_source, read_checkpoint
from .directions.languages import Languages
from .directions.register import AUTO, register_tags
from .other_engines import OtherEngines
from .rules.protected import has_words
from .sentences.assembly import assemble
from .sentences.segments import Piece, fit, split_text
from .sentences.sentence import Sentence
from .sentences.sentence_translator import Aligner, SentenceTranslator, TranslationOptions
from .translation import Translation

if TYPE_CHECKING:
    from .pretrained_translator import PretrainedTranslator

BATCH_TOKENS = 1024


class Translator(OtherEngines):
    """Translates texts with one model.

        translator = Translator.load("en-fr")
        translator.translate("Where is the station?").text

    Args:
        engine: returns log-probabilities of next tokens.
        tokenizer: converts text to the engine's token ids and back.
        config: the model's shape; its ``max_length`` bounds sources and targets.
        settings: the defaults of the search; a beam of 4.
        align: computes alignments; None if the engine cannot.
        provenance: what the model was trained on and how.
        languages: that it translates between; their rules are in `rules.languages`.
        registers: that the model was trained with, such as ``("tu", "vous")``.
    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: Tokenizer,
        config: TransformerConfig,
        *,
        settings: SearchSettings | None = None,
        align: Aligner | None = None,
        provenance: Mapping[str, Any] | None = None,
        languages: Languages | None = None,
        registers: Sequence[str] = (),
    ) -> None:
        self.engine, self.tokenizer, self.config = engine, tokenizer, config
        self.align, self.languages, self.registers = align, languages, tuple(registers)
        self.provenance: Mapping[str, Any] = provenance or {}
        self.longest = config.max_length - 1  # beside the start or end token
        self.settings = settings or SearchSettings(max_length=self.longest)
        self.longest_source = longest_source(self.longest, self.provenance)
        self._sentence_translator = SentenceTranslator(engine, tokenizer, config, align, languages)

    @classmethod
    def load(
        cls, model: str | Path = "en-fr", *, task: str | None = None
    ) -> Translator | PretrainedTranslator:
        """Load a bundled model by its name, one of ours by its folder, or anyone's.

        Args:
            model: a name or a folder. A model that transformers saved, in a folder or by its name
                on the hub, gives a `PretrainedTranslator`.
            task: the task of someone else's model, such as ``en-fr``; ours have only one.

        Raises:
            CheckpointError: the model is unknown, damaged, or no translation model.
            ConfigError: the model does not know the task.
        """
        if is_pretrained(model):
            from .pretrained_translator import PretrainedTranslator

            return PretrainedTranslator.load(model, task=task)
        if task is not None:
            raise ConfigError(f"{model} is a model of clearhead, which does one thing; leave task.")
        return cls.from_checkpoint(read_checkpoint(model))

    @classmethod
    def from_checkpoint(
        cls, checkpoint: Checkpoint, *, engine: ReferenceEngine | None = None
    ) -> Translator:
        """Return a translator of a model that was read, with the NumPy engine.

        Args:
            checkpoint: of the model.
            engine: of the checkpoint, if it exists already.

        Raises:
            CheckpointError: it is no translation model.
        """
        config = checkpoint.config
        if not (config.encoder_layers and config.decoder_layers):
            raise CheckpointError(
                f"Translating needs a model with encoder and decoder; {checkpoint.folder} has "
                f"{config.encoder_layers} encoder and {config.decoder_layers} decoder layers."
            )
        engine = engine or checkpoint.engine()
        translator = cls(
            engine,
            checkpoint.tokenizer,
            config,
            align=aligner(engine.model),
            provenance=checkpoint.provenance,
            languages=checkpoint.languages,
            registers=checkpoint.registers,
        )
        translator.take_other_engines(checkpoint)
        return translator

    def _arguments_elsewhere(self) -> dict[str, Any] | None:
        engine = self.engine
        if not isinstance(engine, ReferenceEngine) or engine.is_watched:
            return None
        return {"dtype": engine.model.dtype.name, "settings": self.settings}

    @classmethod
    def _load_again(cls, folder: Path, arguments: Mapping[str, Any]) -> Translator:
        checkpoint = read_checkpoint(folder)
        translator = cls.from_checkpoint(checkpoint, engine=checkpoint.engine(arguments["dtype"]))
        translator.settings = arguments["settings"]
        return translator

    @overload
    def translate(self, texts: str, **options: Any) -> Translation: ...
    @overload
    def translate(self, texts: Iterable[str], **options: Any) -> list[Translation]: ...
    def translate(
        self,
        texts: str | Iterable[str],
        *,
        engine: str = "numpy",
        compute: str = "float32",
        batch_tokens: int | None = None,
        threads: int | None = None,
        protect: bool = True,
        adapt: bool = True,
        split: bool = True,
        register: str = AUTO,
        alignment: bool = False,
        alignment_layer: int = -1,
        alignment_rows: str = "output",
        target_prefix: str | Sequence[str] | None = None,
        on_progress: Callable[[int], None] | None = None,
        **search_settings: Any,
    ) -> Translation | list[Translation]:
        """Translate one text, or several together.

        Line breaks, spaces around sentences, list markers, control characters and words of more
        than 200 letters are kept. A text is translated sentence by sentence, and a sentence that is
        longer than the model's limit is cut at a clause or a word; nothing is left out. A
        sentence's translation does not depend on its neighbours.

        Args:
            texts: one text, or several.
            engine: ``numpy``, the readable engine, or ``torch``, ``ctranslate2`` or ``auto``
                for many texts: see `choose_engine`.
            compute: ``float32``; ``bfloat16`` for torch or ``int8`` for ctranslate2, which change
                some translations; or ``auto``, the fastest of the engine.
            batch_tokens: source tokens that are translated at once, including padding; 1024 unless
                the engine chooses otherwise.
            threads: the number of batches at once, for several texts or sentences; 1 by default,
                and for ctranslate2 the number of processors. One sentence uses one thread. Keep
                NumPy's BLAS library to one thread beside it: set OPENBLAS_NUM_THREADS=1 before
                NumPy is imported.
            protect: keep placeholders, tags, addresses and the digits of numbers unchanged, as
                `clearhead.translation.rules.protected` describes.
            adapt: give the model plain sentences of the kind that it knows (with a final mark, in
                ordinary case, without Markdown, tags and emoji), and restore the rest in the
                translation; see `clearhead.translation.rules`. Each segment lists what was done.
            split: translate a line sentence by sentence; otherwise a line is one sentence.
            register: how a translation says "you": ``tu`` or ``vous``, if the model was trained
                with them; ``auto`` leaves it to the model.
            alignment: give each translation its ``alignment``, cross-attention averaged over
                the heads of one layer: routing weight, not a reason.
            alignment_layer: the decoder layer to take it from.
            alignment_rows: whether a token's row is that of the position which predicts it,
                ``output``, or of the one which reads it, ``input``, which suits middle layers
                of deep decoders.
            target_prefix: the beginning of the translation of a text's first sentence: one for all
                texts, or one each. Such a sentence is not checked for ``protect``.
            on_progress: called with the number of sentences that have been translated.
            search_settings: ``beam_size``, ``n_best``, ``length_penalty``, ``max_length`` and
                the rest of `SearchSettings`.

        Returns:
            a Translation for a single text, a list in the order of the texts otherwise.

        Raises:
            TextError: a text holds a lone surrogate, whose place is named, or is far too long.
            ConfigError: a setting is unknown or out of its range, or the model was not trained
                with the register.
        """
        is_single = isinstance(texts, str)
        texts = [texts] if isinstance(texts, str) else list(texts)
        settings = SearchSettings.of(self.settings, **search_settings)
        self._check(settings, batch_tokens, threads, alignment, engine)
        layer = alignment_layer if alignment else None
        other_search = None
        if (engine, compute) != ("numpy", "float32"):
            characters = sum(len(text) for text in texts if isinstance(text, str))
            choice = self.choose_engine(engine, compute, characters=characters, **search_settings)
            other_search = self.engines.search(choice, batch_tokens, threads)
        options = TranslationOptions(
            settings, batch_tokens or BATCH_TOKENS, threads or 1, protect, adapt, layer,
            alignment_rows, on_progress, search=other_search,
            tags=register_tags(register, self.registers),
        )  # fmt: skip
        # Sentences that occur several times are translated once.
        sentences: dict[tuple[str, tuple[int, ...]], Sentence] = {}
        plans = [
            self._plan(text, place, prefix, split, options, sentences)
            for place, (text, prefix) in enumerate(
                zip(texts, self._prefixes(target_prefix, len(texts)), strict=True)
            )
        ]
        rows = self._sentence_translator.translate(sentences.values(), options)
        translations = [
            assemble(text, plan, rows, settings.n_best, self._sentence_translator.in_target)
            for text, plan in zip(texts, plans, strict=True)
        ]
        return translations[0] if is_single else translations

    def split(self, text: str, *, sentences: bool = True) -> list[Piece]:
        """Return the pieces of a text, each sentence short enough for the model.

        Args:
            text: any text.
            sentences: split lines into sentences; otherwise a line is one.

        Returns:
            the sentences, and the pieces to keep; joined, their texts are the text.

        Raises:
            TextError: the text holds a lone surrogate or is far too long.
        """
        return self._split(text, sentences)

    def _split(self, text: str, sentences: bool, tags: int = 0) -> list[Piece]:
        translator = self._sentence_translator
        pieces = split_text(text, sentences=sentences, language=translator.language)
        longest = max(1, self.longest_source - tags)
        return fit(pieces, longest, translator.encode, translator.language)

    def _check(
        self,
        settings: SearchSettings,
        batch_tokens: int | None,
        threads: int | None,
        alignment: bool,
        engine: str,
    ) -> None:
        if settings.max_length > self.longest:
            raise ConfigError(
                f"max_length must not exceed what the model has positions for, {self.longest} "
                f"tokens beside the end token; it is {settings.max_length}."
            )
        for name, value in (("batch_tokens", batch_tokens), ("threads", threads)):
            if value is not None and value < 1:
                raise ConfigError(f"{name} must be at least 1; it is {value}.")
        if ((threads or 1) > 1 or engine != "numpy") and is_edited(self.engine):
            raise ConfigError(
                "The model is edited, in this thread and where it computes with NumPy: translate "
                f'with engine="numpy" and threads=1; they are {engine!r} and {threads or 1}.'
            )
        if alignment and self.align is None:
            raise ConfigError("This translator's engine gives no alignments.")

    def _prefixes(self, prefix: str | Sequence[str] | None, count: int) -> list[tuple[int, ...]]:
        prefixes = [prefix or ""] * count if prefix is None or isinstance(prefix, str) else prefix
        if len(prefixes) != count:
            raise ConfigError(
                f"target_prefix must be one text or one for each of the {count} texts; "
                f"{len(prefixes)} came."
            )
        return [tuple(self.tokenizer.encode(prefix)) for prefix in prefixes]

    def _plan(
        self,
        text: str,
        place: int,
        prefix: tuple[int, ...],
        split: bool,
        options: TranslationOptions,
        sentences: dict[tuple[str, tuple[int, ...]], Sentence],
    ) -> list[Piece | Sentence]:
        """Split a text into pieces to keep and to translate, and add its new sentences."""
        if not isinstance(text, str):
            raise TypeError(
                f"Texts to translate are str; text {place} is of type {type(text).__name__}."
            )
        try:
            pieces = self._split(text, split, len(options.tags))
        except TextError as error:
            raise TextError(f"Text {place}: {error}") from None
        plan: list[Piece | Sentence] = []
        for piece in pieces:
            if piece.translate and options.protect and not has_words(piece.text):
                piece = Piece(piece.text, False, "protected")
            if not piece.translate:
                plan.append(piece)
                continue
            sentence = sentences.get((piece.text, prefix))
            if sentence is None:
                sentence = self._sentence_translator.sentence(piece, prefix, options.adapt)
                sentences[piece.text, prefix] = sentence
            plan.append(sentence)
            prefix = ()  # it applies to the first sentence only
        return plan
