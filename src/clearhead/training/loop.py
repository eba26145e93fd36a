"""The training loop, to be read in one sitting.

The saved state determines the rest of a run: weights, optimizer state, and the position in the data
(epoch, and batches already used in it). The order of the data depends only on the seed and the
epoch; dropout depends only on the seed, the step and the micro-batch. So a run that is killed and
started again ends with the same bits, even with another number of processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from ..text.batches import Batch
from ._start import new_model, new_optimizer, restore, sentences_at_start
from .accumulation import MicroBatches
from .checkpoint import forget_old_states, remove_drafts, remove_stopped_states, save_state, states
from .data import located_settings, preparation_of, prepare
from .measures.best import BestModel
from .measures.evaluation import Evaluation
from .pairs.subwords import SubwordDropout
from .pairs.teacher import check_teachers, taught_settings
from .precision import choose_precision
from .processes.launch import check_processes
from .processes.parallel import Processes
from .processes.sharding import is_sharded, shard
from .processes.shared_folder import check_shared_folder
from .processes.stopping import Stop, StoppedError, signal_name
from .processes.workers import choose_threads, micro_batches_of, usable_cores
from .run_folder import finish
from .run_folder.advice import bad_step, bad_weights
from .run_folder.beginning import check_beginning
from .run_folder.log import Log, NoLog, StepLog, plot_curves, tell
from .run_folder.progress import Progress, read_progress
from .run_folder.run import RunLock, open_run, writing
from .settings import Settings
from .step import NotFiniteError, clip_and_update, learning_rate_of, unfit


class Trainer:
    """One training run; it resumes from the newest state in its folder.

    Args:
        settings: of the run.
        run: its folder.
        data_folder: the folder that relative paths of corpora start from; None for the working
            folder.
        stop: checked after each step; after a signal the state is saved and `train` raises
            `StoppedError`.
    """

    def __init__(
        self,
        settings: Settings,
        run: str | Path,
        *,
        data_folder: Path | None = None,
        stop: Stop | None = None,
    ) -> None:
        self.settings = settings
        self.options = settings.training
        self.run = Path(run)
        self.stop = stop or Stop()
        self.processes = Processes()
        check_processes(self.processes.count, self.options.batch_tokens * self.options.accumulation)
        self.lock = RunLock(self.run)
        self.log: Log | NoLog = NoLog()
        self._stop_signal = 0  # the signal that any process received; 0 without one
        try:
            self._open(data_folder)
        except BaseException:
            self.lock.release()
            self.processes.leave()
            raise

    def _open(self, data_folder: Path | None) -> None:
        """Prepare everything that a step needs, or read it from the run's folder."""
        self._prepare_data(data_folder)
        complete = states(self.run)
        before = read_progress(complete[-1]) if complete else Progress()
        threads = choose_threads(
            self.options, usable_cores(), self.processes.count, before=before.threads
        )
        torch.set_num_threads(threads)
        count = micro_batches_of(self.options, self.processes.count, before)
        self._make_model(before)
        origin, parts = self.data.origin, (self.model, self.optimizer)
        self.progress = restore(self.run, self.options, *parts, self._tell, origin)
        self.progress.precision, self.progress.micro_batches = self.precision, count
        self._micro_batches = MicroBatches(
            self.model, self.data.corpus, self.options, self.processes, count, self._subwords()
        )
        self._plan = self.data.corpus.epoch(self.progress.epoch, self.options.batch_tokens)
        for sentence in sentences_at_start(
            self.model,
            self.data,
            self.options,
            self.progress,
            self._plan,
            precision=self._precision_words,
            threads=threads,
            processes=self.processes.count,
        ):
            self._tell(sentence)
        if self.processes.first:
            with writing(self.run):
                finish.write_config(self.run, self.config, self.settings, self.data)
                self.log = Log(
                    self.run,
                    step=self.progress.step,
                    last_step=self.options.max_steps,
                    tensorboard=self.options.tensorboard,
                    predicted=self.data.task.predicted,
                )
        self._step_log = StepLog(self.run, self.log, self.progress, every=self.options.log_every)
        self.evaluation = Evaluation(
            self.run,
            self.model,
            self.data,
            self.options,
            self.processes,
            self.log,
            BestModel(self.run, self.options.best, self._export_best),
        )

    def _subwords(self) -> SubwordDropout | None:
        if not self.options.bpe_dropout:
            return None
        longest = self.config.max_length - self.data.task.specials
        return SubwordDropout(self.data.own_tokenizer, self.options.bpe_dropout, longest)

    def _prepare_data(self, data_folder: Path | None) -> None:
        """Check the settings, lock the folder, and let the first process prepare the data."""
        located = located_settings(self.settings, data_folder)
        check_teachers(located)
        origin = check_beginning(located, self.processes.count)
        if self.processes.first:
            self.lock.acquire()
            open_run(self.run, self.settings, located)
        self.processes.meet(self.options.device)
        with writing(self.run):
            check_shared_folder(self.run, self.processes)
            with_teachers = taught_settings(
                self.run, self.settings, located, preparation_of(located), self.processes,
                self._tell,
            )  # fmt: skip
            if not self.processes.first:
                self.processes.wait()  # until the first one has prepared the data
            self.data = prepare(self.run, with_teachers, data_folder, self._tell, origin)
            if self.processes.first:
                self.processes.wait()
                remove_drafts(self.run)
        self.processes.wait()

    def _make_model(self, before: Progress) -> None:
        self.config = self.data.config(self.settings)
        self.precision, self._precision_words = choose_precision(
            self.options, self.config, before.precision, self.processes
        )
        self.model = new_model(self.config, self.options, self.precision, self.data.origin)
        if self.options.shard and self.processes.count > 1:
            shard(self.model, self.processes, self.options.device)
            self._tell(
                "sharded: each process has its part of the model; nothing is translated on the way"
            )
        self.optimizer = new_optimizer(self.model, self.options)

    def _tell(self, sentence: str) -> None:
        if self.processes.first:
            tell(sentence)

    def train(self) -> Path:
        """Train to the end and return the folder of the finished model.

        With several processes, only the first one writes the folder.

        Raises:
            TrainingError: a loss or gradient is not finite, or a file cannot be written.
            StoppedError: a signal was received; the state is saved.
        """
        try:
            self.stop.stage = None
            if self.options.keep_every and not self.progress.step:
                self._save()
            for micro_batches in self._steps():
                self._step(micro_batches)
                self._after_step()
            if not self._is_saved():
                self._save()
            self.stop.stage = "while the finished model was written"
            with writing(self.run):
                folder = self._finish()
            self.processes.wait()
            return folder
        finally:
            self.log.close()
            self.lock.release()
            self.processes.leave()

    def _is_saved(self) -> bool:
        complete = states(self.run)
        return bool(complete) and complete[-1].name[5:] == f"{self.progress.step:08d}"

    def _steps(self) -> Iterator[list[list[Batch]]]:
        """Yield this process's micro-batches of each step, from the current position on."""
        progress, count = self.progress, self.options.accumulation
        self._step_log.clock.lap()
        while progress.epoch < self.options.max_epochs:
            plan = self._plan
            while progress.batch < len(plan):
                if progress.step >= self.options.max_steps or self._is_enough():
                    return
                step_batches = plan[progress.batch : progress.batch + count]
                progress.batch += len(step_batches)
                yield self._micro_batches.of_step(progress.step + 1, step_batches)
            progress.epoch, progress.batch = progress.epoch + 1, 0
            self._plan = self.data.corpus.epoch(progress.epoch, self.options.batch_tokens)

    def _step(self, micro_batches: list[list[Batch]]) -> None:
        """Take a step: forward, backward, clip, update."""
        self.progress.step += 1
        self.model.train()
        tokens, loss, self._stop_signal = self._micro_batches.add_up_gradients(
            self.progress.step, micro_batches, self.stop.signal
        )
        rate = learning_rate_of(self.progress.step, self.options)
        try:
            norm = clip_and_update(
                self.optimizer,
                loss,
                learning_rate=rate,
                clip_norm=self.options.clip_norm,
                tokens=tokens,
            )
        except NotFiniteError as error:
            raise bad_step(str(error), self.progress.step, self.run, self.options) from error
        self.progress.target_tokens += tokens
        self._step_log.add(tokens, float(loss), norm, rate)

    def _after_step(self) -> None:
        step = self.progress.step
        if step % self.options.evaluate_every == 0:
            self.evaluation.measure(self.progress)
        if step % self.options.checkpoint_every == 0:
            self._save()
        if self._stop_signal:
            self._stop(self._stop_signal)
        self._step_log.clock.lap()  # the time of measuring and saving is not counted

    def _stop(self, number: int) -> None:
        """Save an extra state beside the regular checkpoints, and end the run."""
        if not self._is_saved():
            self.progress.stopped = True
            self._save()
        raise StoppedError(
            f"Stopped by {signal_name(number)} after step {self.progress.step:,}; the state is "
            f"saved in {states(self.run)[-1]}. Start the same command again to go on.",
            number,
        )

    def development_loss(self) -> float:
        """Return the development loss in nats per prediction, without smoothing or dropout."""
        return self.evaluation.loss()

    def development_accuracy(self) -> float:
        """Return the share of predictions on the development set that are correct."""
        return self.evaluation.accuracy()

    def _is_enough(self) -> bool:
        patience = self.options.patience
        if patience and self.progress.without_better >= patience:
            self.log.show(f"No better development loss in {patience} measurements: stopping.")
            return True
        return False

    def _save(self) -> None:
        """Save the state; raise an error instead if training could not resume from it."""
        progress = self.progress
        if self.processes.first or is_sharded(self.model):
            reason = unfit(self.model, self.data.development[0])
            bad = self.processes.agree(reason is not None) if is_sharded(self.model) else reason
            if bad:
                reason = reason or "another process has a gradient that is not finite"
                raise bad_weights(reason, progress.step, self.run, self.options)
        if is_sharded(self.model) and not self.processes.first:
            save_state(self.run, self.model, self.optimizer, progress, writes=False)
        if self.processes.first:
            with writing(self.run):
                self.log.sync()
                save_state(self.run, self.model, self.optimizer, progress)
                if not progress.stopped:  # the final average must not depend on a stop
                    remove_stopped_states(self.run)
                    keep = max(self.options.keep_checkpoints, self.options.average)
                    forget_old_states(self.run, keep, self.options.keep_every)
        self.processes.wait()

    def _provenance(self, averaged: list[Path]) -> dict[str, Any]:
        return finish.provenance(
            self.settings,
            self.data,
            self.progress,
            averaged=averaged,
            processes=self.processes.count,
        )

    def _export_best(
        self, folder: Path, weights: Mapping[str, torch.Tensor], facts: Mapping[str, Any]
    ) -> None:
        finish.export_best(
            folder, weights, self.config, self.data, self._provenance([]), facts,
            storage=self.options.export, statements=finish.statements(self.settings, self.data),
        )  # fmt: skip

    def _finish(self) -> Path:
        folder = self.run / "model"
        if not self.processes.first:
            return folder
        averaged = finish.averaged_states(self.run, self.options.average)
        origin = self._provenance(averaged)
        storage = self.options.export
        finish.export_average(
            folder, averaged, self.config, self.data, origin, storage=storage,
            statements=finish.statements(self.settings, self.data),
        )  # fmt: skip
        plot_curves(self.run, self.data.task.predicted)
        self.log.show(f"The mean of {len(averaged)} checkpoints is in {folder}.")
        return folder
