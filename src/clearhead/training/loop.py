"""The training loop, to be read in one sitting.

Everything that the future of a run depends on is in its state: weights, optimizer, random
generators, and how many batches of which epoch are used. The order of the data follows from
the seed and the epoch. So a run that is killed and started again ends with the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import torch

from ..text.batches import Batch
from ._start import new_model, new_optimizer, restore, sentences_at_start
from .checkpoint import forget_old_states, remove_drafts, remove_stopped_states, save_state, states
from .data import TrainingData, located_settings, prepare
from .precision import choose_precision
from .processes.launch import check_processes
from .processes.parallel import Processes
from .processes.stopping import SIGNALS, Stop, StoppedError, signal_name
from .processes.workers import choose_threads, usable_cores
from .run_folder import finish
from .run_folder.advice import bad_step, bad_weights
from .run_folder.beginning import check_beginning
from .run_folder.log import Log, NoLog, StepLog, plot_curves, tell
from .run_folder.progress import Progress, read_progress
from .run_folder.run import RunLock, open_run, writing
from .settings import Settings
from .step import (
    NotFiniteError,
    batch_loss,
    clip_and_update,
    count_right,
    learning_rate_of,
    unfit,
)
from .tasks.task import CLASSIFICATION


class Trainer:
    """One run, made from its settings and its folder; it goes on from the newest state in there.

    Args:
        settings: of the run.
        run: its folder.
        data_folder: where relative paths of corpora begin; None for the working folder.
        stop: looked at after each step; after a signal the state is saved and `train` raises
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
            raise

    def _open(self, data_folder: Path | None) -> None:
        """Prepare everything that a step needs, or read it from the folder of the run."""
        self._prepare_data(data_folder)
        complete = states(self.run)
        before = read_progress(complete[-1]) if complete else Progress()
        threads = choose_threads(
            self.options, usable_cores(), self.processes.count, before=before.threads
        )
        torch.set_num_threads(threads)
        self._make_model(before)
        self.progress = restore(
            self.run, self.options, self.model, self.optimizer, self.processes, self._tell
        )
        self.progress.precision = self.precision
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

    def _prepare_data(self, data_folder: Path | None) -> None:
        """Check the settings, lock the folder, and let the first process prepare the data."""
        located = located_settings(self.settings, data_folder)
        check_beginning(located, self.processes.count)
        if self.processes.first:
            self.lock.acquire()
            open_run(self.run, self.settings, located)
        self.processes.meet()
        with writing(self.run):
            if not self.processes.first:
                self.processes.wait()  # until the first one has prepared the data
            self.data: TrainingData = prepare(self.run, self.settings, data_folder, self._tell)
            if self.processes.first:
                self.processes.wait()
                remove_drafts(self.run)
        self.processes.wait()

    def _make_model(self, before: Progress) -> None:
        self.config = self.settings.model_config(
            self.data.tokenizer.vocab_size, len(self.data.labels)
        )
        self.precision, self._precision_words = choose_precision(
            self.options, self.config, before.precision, self.processes
        )
        self.model = new_model(self.config, self.options, self.precision)
        self.optimizer = new_optimizer(self.model, self.options)

    def _tell(self, sentence: str) -> None:
        if self.processes.first:
            tell(sentence)

    def train(self) -> Path:
        """Run to the end and return the folder of the finished model.

        Of several processes only the first writes it.

        Raises:
            TrainingError: a loss is no number, or a file cannot be written.
            StoppedError: a signal came; the state is saved.
        """
        try:
            self.stop.stage = None
            if self.options.keep_every and not self.progress.step:
                self._save()
            for batches in self._steps():
                self._step(batches)
                self._after_step()
            if not self._is_saved():
                self._save()
            self.stop.stage = "while the finished model was written"
            with writing(self.run):
                return self._finish()
        finally:
            self.log.close()
            self.lock.release()

    def _is_saved(self) -> bool:
        complete = states(self.run)
        return bool(complete) and complete[-1].name[5:] == f"{self.progress.step:08d}"

    def _steps(self) -> Iterator[list[Batch]]:
        """Yield the batches of each step, from where the run stands."""
        progress, count = self.progress, self.options.accumulation
        self._step_log.clock.lap()
        while progress.epoch < self.options.max_epochs:
            plan = self._plan
            while progress.batch < len(plan):
                if progress.step >= self.options.max_steps or self._is_enough():
                    return
                step_batches = plan[progress.batch : progress.batch + count]
                progress.batch += len(step_batches)
                ours = self.processes.share_batches(step_batches)
                yield [self.data.corpus.batch(indices) for indices in ours]
            progress.epoch, progress.batch = progress.epoch + 1, 0
            self._plan = self.data.corpus.epoch(progress.epoch, self.options.batch_tokens)

    def _step(self, batches: list[Batch]) -> None:
        """Take a step: forward, backward, clip, update."""
        self.progress.step += 1
        self.model.train()
        tokens, loss = self._add_up_gradients(batches)
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

    def _add_up_gradients(self, batches: list[Batch]) -> tuple[int, torch.Tensor]:
        """Leave the gradients of a step's batches, summed over all processes, in the model.

        Returns:
            The number of predictions in all processes, and the sum of their plain losses.
        """
        # Beside count and loss, the sums say for each signal whether this process received it, so
        # that all processes know of it at once and stop after the same step.
        signals = [float(self.stop.signal == number) for number in SIGNALS]
        own_tokens = sum(batch.target_tokens for batch in batches)
        sums = torch.tensor([own_tokens, 0.0, *signals], dtype=torch.float64)
        for batch in batches:
            loss = batch_loss(self.model, batch, self.options.label_smoothing)
            loss.smoothed.backward()
            sums[1] += loss.plain.detach().double().cpu()
        self.processes.add_up_gradients(self.model.parameters())
        tokens, plain, *stops = self.processes.add_up(sums)
        self._stop_signal = max(
            number * bool(stop) for number, stop in zip(SIGNALS, stops, strict=True)
        )
        return int(tokens), plain

    def _after_step(self) -> None:
        step = self.progress.step
        if step % self.options.evaluate_every == 0:
            self._evaluate()
        if step % self.options.checkpoint_every == 0:
            self._save()
        if self._stop_signal:
            self._stop(self._stop_signal)
        self._step_log.clock.lap()  # measuring and saving are no part of the next step

    def _stop(self, number: int) -> None:
        """Save where the run stands, beside the regular checkpoints, and end it."""
        if not self._is_saved():
            self.progress.stopped = True
            self._save()
        raise StoppedError(
            f"Stopped by {signal_name(number)} after step {self.progress.step:,}; the state is "
            f"saved in {states(self.run)[-1]}. Start the same command again to go on.",
            number,
        )

    @torch.no_grad()
    def development_loss(self) -> float:
        """Return nats per prediction on the development set, without smoothing or dropout."""
        self.model.eval()
        sums = torch.zeros(2, dtype=torch.float64)
        for batch in self.processes.share(self.data.development):
            sums[0] += batch_loss(self.model, batch, 0.0).plain.cpu()
            sums[1] += batch.target_tokens
        total, tokens = self.processes.add_up(sums).tolist()
        return total / tokens

    def development_accuracy(self) -> float:
        """Return the share of the development set's predictions that are right."""
        self.model.eval()
        sums = torch.zeros(2, dtype=torch.float64)
        for batch in self.processes.share(self.data.development):
            sums[0] += count_right(self.model, batch)
            sums[1] += batch.target_tokens
        right, count = self.processes.add_up(sums).tolist()
        return right / count

    def _evaluate(self) -> None:
        loss, progress = self.development_loss(), self.progress
        progress.note_development_loss(loss)
        if self.data.task is CLASSIFICATION:
            accuracy = self.development_accuracy()
            measures, words = {"accuracy": accuracy}, f"accuracy {accuracy:.1%}"
        else:
            measures, words = {}, f"perplexity {math.exp(min(loss, 700.0)):.2f}"
        self.log.show(
            f"step {progress.step:,}: development loss {loss:.4f}, {words} (best "
            f"{progress.best_loss:.4f} at step {progress.best_step:,})"
        )
        with writing(self.run):
            self.log.write("development", progress.step, loss=loss, **measures)

    def _is_enough(self) -> bool:
        patience = self.options.patience
        if patience and self.progress.without_better >= patience:
            self.log.show(f"No better development loss in {patience} measurements: stopping.")
            return True
        return False

    def _save(self) -> None:
        """Save the state, unless training could not go on from its weights."""
        progress = self.progress
        random_states = self.processes.random_states()
        if self.processes.first:
            if reason := unfit(self.model, self.data.development[0]):
                raise bad_weights(reason, progress.step, self.run, self.options)
            with writing(self.run):
                save_state(self.run, self.model, self.optimizer, progress, random_states)
                if not progress.stopped:  # what is averaged must not depend on a stop
                    remove_stopped_states(self.run)
                    keep = max(self.options.keep_checkpoints, self.options.average)
                    forget_old_states(self.run, keep, self.options.keep_every)
        self.processes.wait()

    def _finish(self) -> Path:
        folder = self.run / "model"
        if not self.processes.first:
            return folder
        averaged = finish.averaged_states(self.run, self.options.average)
        origin = finish.provenance(
            self.settings,
            self.data,
            self.progress,
            averaged=averaged,
            processes=self.processes.count,
        )
        storage = self.options.export
        finish.export_average(
            folder, averaged, self.config, self.data, origin, storage=storage,
            statements=finish.statements(self.settings, self.data),
        )  # fmt: skip
        plot_curves(self.run, self.data.task.predicted)
        self.log.show(f"The mean of {len(averaged)} checkpoints is in {folder}.")
        return folder
