"""Translates many sources with CTranslate2's search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import require
from ..search.batches import batches
from ..search.hypothesis import Hypothesis
from ..search.settings import SearchSettings
from ..search.special_tokens import SpecialTokens
from . import ctranslate2_settings
from .layout import Layout

PURPOSE = "The engine ctranslate2"
Sources = Sequence[Sequence[int]]
# Our own search, for sources with their prefixes: returns the hypotheses of each source.
OwnSearch = Callable[[Sources, SearchSettings, Sequence[Sequence[int]]], list[list[Hypothesis]]]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Vocabulary:
    """CTranslate2's names for our token ids.

    Attributes:
        pieces: the name of each id, all different.
        special: ids of the special tokens.
    """

    pieces: Sequence[str]
    special: SpecialTokens

    def __post_init__(self) -> None:
        numbers = {piece: number for number, piece in enumerate(self.pieces)}
        object.__setattr__(self, "_numbers", numbers)

    def names(self, ids: Sequence[int]) -> list[str]:
        """Return the names of token ids."""
        return [self.pieces[number] for number in ids]

    def ids(self, names: Sequence[str]) -> tuple[int, ...]:
        """Return the ids of names."""
        numbers: dict[str, int] = getattr(self, "_numbers")  # noqa: B009 - set in __post_init__
        return tuple(numbers[name] for name in names)


class CTranslate2Engine:
    """Searches as `clearhead.search.search` does, with a model that CTranslate2 has loaded.

    A hypothesis has its tokens and their log-probability, and no log-probabilities of single
    tokens, which CTranslate2 does not give.

    Args:
        folder: of the model, written by `clearhead.volume.ctranslate2_model`.
        vocabulary: of the model.
        compute: the type that it computes in, ``float32`` or ``int8``.
        layout: the number of batches translated at once, and the threads for each.
        own_search: used for sources that CTranslate2 cannot handle: those with a prefix, and those
            for which it returns a hypothesis that our search cannot: one of the maximum length
            without an end, shorter than the minimum, or with padding or a second start.
    """

    def __init__(
        self,
        folder: Path,
        vocabulary: Vocabulary,
        compute: str,
        layout: Layout,
        own_search: OwnSearch,
    ) -> None:
        self.layout, self._vocabulary, self._own_search = layout, vocabulary, own_search
        self._model = open_model(folder, compute, layout)

    def search(
        self,
        sources: Sources,
        settings: SearchSettings,
        prefixes: Sequence[Sequence[int]],
        on_progress: Progress | None = None,
    ) -> list[list[Hypothesis]]:
        """Return the hypotheses of each source, best first; spares follow the n best.

        Args:
            sources: token ids, end token included.
            settings: of the search.
            prefixes: the required beginning of each target; empty for a free target.
            on_progress: called with the number of finished sources.
        """
        ctranslate2_settings.check(settings)
        results: dict[int, list[Hypothesis]] = {}
        free = [place for place in range(len(sources)) if not prefixes[place]]
        lengths = [len(sources[place]) for place in free]
        pending = []
        for members in batches(lengths, self.layout.batch_tokens):
            places = [free[member] for member in members]
            pending.append((places, self._submit([sources[place] for place in places], settings)))
        for places, answers in pending:
            for place, answer in zip(places, answers, strict=True):
                limit = settings.limit(len(sources[place]))
                hypotheses = self._hypotheses(answer.result(), settings, limit)
                if hypotheses is not None:
                    results[place] = hypotheses
            if on_progress:
                on_progress(len(results))
        rest = [place for place in range(len(sources)) if place not in results]
        if rest:
            own = self._own_search(
                [sources[place] for place in rest], settings, [prefixes[place] for place in rest]
            )
            results.update(zip(rest, own, strict=True))
            if on_progress:
                on_progress(len(results))
        return [results[place] for place in range(len(sources))]

    def _submit(self, sources: Sources, settings: SearchSettings) -> list[Any]:
        """Pass a batch to the workers; wait if too many are queued."""
        limit = max(settings.limit(len(source)) for source in sources)
        answers: list[Any] = self._model.translate_batch(
            [self._vocabulary.names(source) for source in sources],
            asynchronous=True,
            **ctranslate2_settings.batch_options(settings, limit),
        )
        return answers

    def _hypotheses(
        self, result: Any, settings: SearchSettings, limit: int
    ) -> list[Hypothesis] | None:
        """Return the hypotheses for a source; None if our search could not return them."""
        special = self._vocabulary.special
        forbidden_ids = {special.pad_id, special.start_id}
        exponent = ctranslate2_settings.divisor_exponent(settings)
        hypotheses = []
        for names, score in zip(result.hypotheses, result.scores, strict=True):
            tokens = self._vocabulary.ids(names)
            has_ended = tokens[-1:] == (special.end_id,)
            if not has_ended or not settings.min_length < len(tokens) <= limit:
                return None
            if forbidden_ids.intersection(tokens):
                return None
            log_prob = score * len(tokens) ** exponent
            hypotheses.append(Hypothesis(tokens[:-1], score, log_prob, ()))
        return hypotheses


def open_model(folder: Path, compute: str, layout: Layout) -> Any:
    """Return the ``ctranslate2.Translator`` of a folder.

    Raises:
        MissingExtraError: CTranslate2 is not installed.
    """
    library = require("ctranslate2", extra="volume", purpose=PURPOSE)
    return library.Translator(
        str(folder),
        device="cpu",
        compute_type=compute,
        inter_threads=layout.workers,
        intra_threads=layout.threads,
    )
