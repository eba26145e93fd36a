"""Translations of a part of the development set during training: BLEU, chrF and samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...errors import MissingExtraError
from ...nn.transformer import Transformer
from ...pretrained.tokenizers.protocol import PretrainedTokenizer
from ...search.search import search
from ...search.settings import SearchSettings
from ...text.batches import Batch
from ...text.tokenizer import Tokenizer
from ...translation.score import scores
from ...volume.torch_engine import TorchEngine
from ..processes.parallel import Processes

ROWS = 32  # translated in one batch
SAMPLES = 3
_MOST_SHOWN = 160  # characters of a sample in the terminal


class ModelEngine(TorchEngine):
    """An engine that uses the model in training itself instead of a copy."""

    def __init__(self, model: Transformer) -> None:
        self.config, self.compute = model.config, "float32"
        self.device = str(model.output_matrix.device)
        self.model = model.eval()


@dataclass(frozen=True)
class Sample:
    """One sentence: the source, the model's translation, and the reference."""

    source: str
    translation: str
    reference: str


@dataclass(frozen=True)
class TranslationMeasure:
    """The quality of the model's translations.

    Attributes:
        scores: BLEU and chrF, by their names in the log; empty if sacreBLEU is not installed.
        signatures: sacreBLEU's signature of each score.
        samples: some translations.
    """

    scores: dict[str, float]
    signatures: dict[str, str]
    samples: tuple[Sample, ...]


class TranslationSet:
    """The pairs to translate at every measurement: always the same ones, of all lengths.

    Args:
        development: batches of the development set, sorted by length.
        tokenizer: of the model.
        count: the largest number of pairs.
        padding: the padding ids of sources and of targets.
    """

    def __init__(
        self,
        development: Sequence[Batch],
        tokenizer: Tokenizer | PretrainedTokenizer,
        count: int,
        *,
        padding: tuple[int, int] = (Tokenizer.pad_id, Tokenizer.pad_id),
    ) -> None:
        rows = [
            (_without(batch.source[i], padding[0]), _without(batch.target_output[i], padding[1]))
            for batch in development
            for i in range(len(batch.source))
        ]
        number = min(count, len(rows))
        subset = [rows[i * len(rows) // number] for i in range(number)]
        self.tokenizer = tokenizer
        self.sources = [source for source, _ in subset]
        self.source_texts = [tokenizer.decode(source) for source in self.sources]
        self.references = [tokenizer.decode(target) for _, target in subset]

    def translate(self, model: Transformer, processes: Processes) -> list[str]:
        """Return greedy translations by the model; the processes share the work."""
        longest = model.config.max_length - 1
        settings = SearchSettings(beam_size=1, max_length=longest)
        ids = torch.zeros(len(self.sources), longest, dtype=torch.int64)
        engine = ModelEngine(model)
        # The batches do not depend on the number of processes, so neither do the bits.
        for first in processes.share(range(0, len(self.sources), ROWS)):
            for i, best in enumerate(search(engine, self.sources[first : first + ROWS], settings)):
                tokens = best[0].tokens[:longest]
                ids[first + i, : len(tokens)] = torch.tensor(tokens, dtype=torch.int64)
        return [self.tokenizer.decode(row) for row in processes.add_up(ids).tolist()]

    def measure(self, translations: Sequence[str]) -> TranslationMeasure:
        """Return the scores of translations, and some samples."""
        try:
            results = scores(list(translations), self.references)
        except MissingExtraError:
            results = []
        names = {score.name: score.name.lower().rstrip("0123456789") for score in results}
        count = len(self.references)
        places = [(2 * i + 1) * count // (2 * SAMPLES) for i in range(SAMPLES)]
        return TranslationMeasure(
            {names[score.name]: score.value for score in results},
            {names[score.name]: score.signature for score in results},
            tuple(
                Sample(self.source_texts[i], translations[i], self.references[i])
                for i in sorted(set(places))
            ),
        )


def _without(row: np.ndarray, padding: int) -> list[int]:
    tokens: list[int] = row[row != padding].tolist()
    return tokens


def sample_rows(measure: TranslationMeasure) -> list[dict[str, Any]]:
    """Return the samples in the form that the log stores."""
    return [vars(sample) for sample in measure.samples]


def sentences(measure: TranslationMeasure) -> list[str]:
    """Return the scores and one sample as lines for the terminal; the log has the full texts."""
    scores = ", ".join(
        f"{words} {measure.scores[name]:.2f}"
        for name, words in (("bleu", "BLEU"), ("chrf", "chrF"))
        if name in measure.scores
    )
    sample = measure.samples[len(measure.samples) // 2]
    return [
        *([scores] if scores else []),
        f"  source:      {_short(sample.source)}",
        f"  translation: {_short(sample.translation)}",
        f"  reference:   {_short(sample.reference)}",
    ]


def _short(text: str) -> str:
    """Return a text, cut if it is long: early in training a model often repeats itself."""
    rest = len(text) - _MOST_SHOWN
    return text if rest <= 0 else f"{text[:_MOST_SHOWN]}... and {rest:,} characters more"
