"""The regular measurements of a run: loss, hashes of the weights, translations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ...nn.transformer import Transformer
from ..data import TrainingData
from ..processes.parallel import Processes
from ..processes.sharding import is_sharded, whole
from ..run_folder.advice import bad_weights, diverged
from ..run_folder.log import Log, NoLog
from ..run_folder.progress import Progress
from ..run_folder.run import writing
from ..settings import TrainingSettings
from ..tasks.task import CLASSIFICATION, TRANSLATION
from .best import BestModel
from .development import development_accuracy, development_loss
from .fingerprint import hash_of, tensor_hashes
from .translations import TranslationMeasure, TranslationSet, sample_rows, sentences


class Evaluation:
    """Measures a run's model on its development set.

    Args:
        run: its folder.
        model: of the run.
        data: of the run.
        options: of the run.
        processes: of the run, which share the work.
        log: to write measurements to.
        best: the folder of the best model.
    """

    def __init__(
        self,
        run: Path,
        model: Transformer,
        data: TrainingData,
        options: TrainingSettings,
        processes: Processes,
        log: Log | NoLog,
        best: BestModel,
    ) -> None:
        self._run, self._model, self._data, self._options = run, model, data, options
        self._processes, self._log, self._best = processes, log, best
        self._translations: TranslationSet | None = None
        if data.task is TRANSLATION and options.translated_pairs and not is_sharded(model):
            self._translations = data.translation_set(options.translated_pairs)

    def loss(self) -> float:
        """Return the development loss in nats per prediction, without smoothing or dropout."""
        return development_loss(self._model, self._data.development, self._processes)

    def accuracy(self) -> float:
        """Return the share of predictions on the development set that are correct."""
        return development_accuracy(self._model, self._data.development, self._processes)

    def measure(self, progress: Progress) -> None:
        """Measure after a step, and record the results in the progress and the log.

        Raises:
            TrainingError: the run has diverged: its loss is far above that of guessing, or not
                finite.
        """
        loss = self.loss()
        guess = math.log(self._model.config.output_size)
        if reason := diverged(loss, progress.best_loss, guess):
            raise bad_weights(reason, progress.step, self._run, self._options)
        progress.note_development_loss(loss)
        values: dict[str, float] = {}
        if self._data.task is CLASSIFICATION:
            values["accuracy"] = self.accuracy()
            words = f"accuracy {values['accuracy']:.1%}"
        else:
            words = f"perplexity {math.exp(min(loss, 700.0)):.2f}"
        translated = self._translate()
        self._log.show(
            f"step {progress.step:,}: development loss {loss:.4f}, {words} (best "
            f"{progress.best_loss:.4f} at step {progress.best_step:,})"
        )
        if translated is not None:
            values |= translated.scores
            for sentence in sentences(translated):
                self._log.show(sentence)
        if self._processes.first or is_sharded(self._model):
            weights = {name: whole(each) for name, each in self._model.state_dict().items()}
            if self._processes.first:
                self._write(progress.step, weights, loss, values, translated)

    def _translate(self) -> TranslationMeasure | None:
        if self._translations is None:
            return None
        texts = self._translations.translate(self._model, self._processes)
        return self._translations.measure(texts) if self._processes.first else None

    def _write(
        self,
        step: int,
        weights: Mapping[str, Tensor],
        loss: float,
        values: Mapping[str, float],
        translated: TranslationMeasure | None,
    ) -> None:
        """Write a measurement to the log, and keep the model if it is the best."""
        hashes = tensor_hashes(weights)
        with writing(self._run):
            self._log.write("development", step, loss=loss, **values, weights=hash_of(hashes))
            self._log.write("weights", step, tensors=hashes)
            if translated is not None:
                self._log.write(
                    "translations",
                    step,
                    signatures=translated.signatures,
                    samples=sample_rows(translated),
                )
            if step == self._options.evaluate_every:
                self._best.forget()  # of an earlier run in this folder
            if self._best.offer(step, weights, {"loss": loss, **values}):
                self._log.show(f"The best model so far is in {self._best.folder}.")
