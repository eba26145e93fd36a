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

from ..errors import TrainingError
from ..nn.transformer import Transformer
from ..text.batches import Batch
from .checkpoint import (
    forget_old_states,
    load_state,
    load_weights,
    remove_drafts,
    remove_stopped_states,
    save_state,
    states,
)
from .data import TrainingData, located_settings, prepare
from .precision import choose_precision
from .processes.launch import check_processes
from .processes.parallel import Processes
from .processes.stopping import SIGNALS, Stop, StoppedError, signal_name
from .processes.workers import choose_threads, usable_cores
from .run_folder.beginning import check_beginning, machine, machine_difference, parameter_count
from .run_folder.finish import export_average, provenance
from .run_folder.log import Clock, Log, NoLog, Window, plot_curves, tell
from .run_folder.progress import Progress, read_progress
from .run_folder.run import RunLock, open_run, writing
from .schedule import learning_rate
from .settings import Settings
from .sources import model_folder
from .step import NotFiniteError, batch_loss, clip_and_update, unfit

_FIRST_SHOWN = (1, 2, 5, 10, 20)  # steps after a start whose progress is shown at once


class Trainer:
    """One run: made from its settings and its folder, it goes on from where the folder stands.

    Args:
        settings: of the run.
        run: its folder.
        data_folder: where relative paths of corpora begin; None for the working folder.
        stop: looked at after each step; when it was told of a signal, the state is saved and
            `train` raises `StoppedError`.
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
        self._window = Window()
        self._asked_to_stop = 0
        try:
            self._open(data_folder)
        except BaseException:
            self.lock.release()
            raise

    def _open(self, data_folder: Path | None) -> None:
        """Everything that a step needs, from the folder of the run or made anew."""
        settings, count = self.settings, self.processes.count
        located = located_settings(settings, data_folder)
        check_beginning(located, count)
        if self.processes.first:
            self.lock.acquire()
            open_run(self.run, settings, located)
        self.processes.meet()
        with writing(self.run):
            if not self.processes.first:
                self.processes.wait()  # until the first one has prepared the data
            self.data: TrainingData = prepare(self.run, settings, data_folder, self._tell)
            if self.processes.first:
                self.processes.wait()
                remove_drafts(self.run)
        self.processes.wait()
        saved = states(self.run)
        before = read_progress(saved[-1]) if saved else Progress()
        threads = self.options.threads or int(before.machine.get("threads", 0))
        threads = threads or choose_threads(self.options, usable_cores(), count)
        torch.set_num_threads(threads)
        self._make_model(before)
        self.progress = self._restore()
        self._tell_what_is_at_work(threads)
        if self.processes.first:
            with writing(self.run):
                self.log = Log(
                    self.run,
                    step=self.progress.step,
                    last_step=self.options.max_steps,
                    tensorboard=self.options.tensorboard,
                )

    def _make_model(self, before: Progress) -> None:
        self.config = self.settings.model_config(self.data.tokenizer.vocab_size)
        self.precision, self._precision_words = choose_precision(
            self.options, self.config, before.precision, self.processes
        )
        torch.manual_seed(self.options.seed)
        self.model = Transformer(self.config).to(self.options.device)
        if self.precision == "bfloat16":
            self.model.compute_dtype = torch.bfloat16
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=0.0,
            betas=self.options.betas,
            eps=self.options.epsilon,
            weight_decay=self.options.weight_decay,
            fused=True,
        )

    def _tell(self, sentence: str) -> None:
        if self.processes.first:
            tell(sentence)

    def _tell_what_is_at_work(self, threads: int) -> None:
        """Size, length and machine of the run, before its first step."""
        options, progress, count = self.options, self.progress, self.processes.count
        now = machine(options.device, threads, count)
        if progress.machine and (difference := machine_difference(progress.machine, now)):
            self._tell(difference)
        progress.machine, progress.precision = progress.machine or now, self.precision
        self._plan = self.data.corpus.epoch(progress.epoch, options.batch_tokens)
        lengths = self.data.corpus.target_lengths
        tokens = sum(int(lengths[rows].sum()) + len(rows) for rows in self._plan)
        steps = math.ceil(len(self._plan) / options.accumulation)
        self._tell(f"model: {parameter_count(self.model):,} parameters")
        self._tell(
            f"epoch {progress.epoch + 1}: {sum(map(len, self._plan)):,} pairs, {tokens:,} target "
            f"tokens, {steps:,} steps; the run ends at step {options.max_steps:,} or after "
            f"{options.max_epochs:,} epochs"
        )
        self._tell(f"precision: {self._precision_words}")
        self._tell(
            f"at work: {options.device} ({now['processor']}, {now['instructions']}), "
            f"{count} process{'es' * (count > 1)} of {threads} thread{'s' * (threads > 1)}"
        )

    def _restore(self) -> Progress:
        saved = states(self.run)
        if saved:
            ours = {"rank": self.processes.rank, "count": self.processes.count}
            progress = load_state(saved[-1], self.model, self.optimizer, **ours)
            progress.stopped = False
            self._tell(f"Going on from step {progress.step:,}.")
        else:
            progress = Progress()
            if self.options.initial:
                initial = model_folder(self.options.initial)
                load_weights(initial / "model.safetensors", self.model)
            if self.processes.rank:  # the same weights, but dropout of its own
                # A CPU's generator reads 32 bits of the seed; an odd factor keeps them apart.
                seed = self.options.seed + self.processes.rank * 0x9E3779B1
                torch.manual_seed(seed % (1 << 32))
        rate = self.options.learning_rate
        if not progress.rates or progress.rates[-1][1] != rate:
            if progress.rates:
                self._tell(f"training.learning_rate was {progress.rates[-1][1]} and is now {rate}.")
            progress.rates.append([progress.step, rate])
        progress.starts.append(progress.step)
        return progress

    def train(self) -> Path:
        """Run to the end and return the folder of the finished model.

        Of several processes only the first writes it.

        Raises:
            TrainingError: a loss is no number, or a file cannot be written.
            StoppedError: a signal came; the state is saved.
        """
        try:
            self.stop.stage = None
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
        saved = states(self.run)
        return bool(saved) and saved[-1].name[5:] == f"{self.progress.step:08d}"

    def _steps(self) -> Iterator[list[Batch]]:
        """The batches of each step, from where the run stands."""
        progress, count = self.progress, self.options.accumulation
        self._clock = Clock()
        while progress.epoch < self.options.max_epochs:
            plan = self._plan
            while progress.batch < len(plan):
                if progress.step >= self.options.max_steps or self._is_enough():
                    return
                chosen = plan[progress.batch : progress.batch + count]
                progress.batch += len(chosen)
                ours = self.processes.share_batches(chosen)
                yield [self.data.corpus.batch(indices) for indices in ours]
            progress.epoch, progress.batch = progress.epoch + 1, 0
            self._plan = self.data.corpus.epoch(progress.epoch, self.options.batch_tokens)

    def _step(self, batches: list[Batch]) -> None:
        """Forward, backward, clip, update."""
        options, progress = self.options, self.progress
        progress.step += 1
        self.model.train()
        # Two more places for what every process must know: whether one was told to stop.
        asked = [float(self.stop.signal == number) for number in SIGNALS]
        counted = sum(batch.target_tokens for batch in batches)
        sums = torch.tensor([counted, 0.0, *asked], dtype=torch.float64)
        for batch in batches:
            loss = batch_loss(self.model, batch, options.label_smoothing)
            loss.smoothed.backward()
            sums[1] += loss.plain.detach().double().cpu()
        self.processes.add_up_gradients(self.model.parameters())
        count, plain, *stops = self.processes.add_up(sums)
        self._asked_to_stop = max(
            number * bool(stop) for number, stop in zip(SIGNALS, stops, strict=True)
        )
        tokens = int(count)
        rate = learning_rate(
            progress.step,
            schedule=options.schedule,
            peak=options.learning_rate,
            warmup=options.warmup_steps,
            last=options.max_steps,
            decay=options.decay_steps,
        )
        try:
            norm = clip_and_update(
                self.optimizer,
                plain,
                learning_rate=rate,
                clip_norm=options.clip_norm,
                tokens=tokens,
            )
        except NotFiniteError as error:
            raise self._spoilt(str(error)) from error
        progress.target_tokens += tokens
        self._tally(tokens, float(plain), norm, rate)

    def _spoilt(self, what: str) -> TrainingError:
        return TrainingError(
            f"The {what} of step {self.progress.step} is not a finite number, so training stops "
            f"before the weights are spoilt. {self._way_on()}"
        )

    def _way_on(self) -> str:
        saved = states(self.run)
        if saved:
            return (
                f"The state before it is in {saved[-1]}. The run goes on from there with a lower "
                f"training.learning_rate (now {self.options.learning_rate}); more "
                f"training.warmup_steps or training.precision = 'float32' need a new run."
            )
        return (
            f"No state was saved yet, so any setting may be changed: try a lower "
            f"training.learning_rate (now {self.options.learning_rate}), more "
            f"training.warmup_steps, or training.precision = 'float32'."
        )

    def _tally(self, tokens: int, loss: float, norm: float, rate: float) -> None:
        """Sum up steps, and log every so many."""
        elapsed = self._clock.lap()
        self.progress.seconds += elapsed
        window = self._window
        window.add(tokens, loss, elapsed)
        if self.progress.step % self.options.log_every:
            if self.progress.step - self.progress.starts[-1] in _FIRST_SHOWN:
                facts = window.tokens_per_second, window.loss, window.seconds_per_step
                self.log.progress(self.progress.step, *facts)
            return
        step, loss, speed = self.progress.step, window.loss, window.tokens_per_second
        self.log.progress(step, speed, loss, window.seconds_per_step)
        with writing(self.run):
            self.log.write(
                "train",
                step,
                epoch=self.progress.epoch,
                loss=loss,
                learning_rate=rate,
                gradient_norm=norm,
                tokens_per_second=speed,
                seconds=self.progress.seconds,
            )
        self._window = Window()

    def _after_step(self) -> None:
        step = self.progress.step
        if step % self.options.evaluate_every == 0:
            self._evaluate()
        if step % self.options.checkpoint_every == 0:
            self._save()
        if self._asked_to_stop:
            self._stop(self._asked_to_stop)
        self._clock.lap()

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
        """Nats per target token on the development set, without smoothing or dropout."""
        self.model.eval()
        sums = torch.zeros(2, dtype=torch.float64)
        for batch in self.processes.share(self.data.development):
            sums[0] += batch_loss(self.model, batch, 0.0).plain.cpu()
            sums[1] += batch.target_tokens
        total, tokens = self.processes.add_up(sums).tolist()
        return total / tokens

    def _evaluate(self) -> None:
        loss, progress = self.development_loss(), self.progress
        if progress.best_loss is None or loss < progress.best_loss:
            progress.best_loss, progress.best_step = loss, progress.step
            progress.without_better = 0
        else:
            progress.without_better += 1
        self.log.show(
            f"step {progress.step:,}: development loss {loss:.4f}, perplexity "
            f"{math.exp(min(loss, 700.0)):.2f} (best {progress.best_loss:.4f} at step "
            f"{progress.best_step:,})"
        )
        with writing(self.run):
            self.log.write("development", progress.step, loss=loss)

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
                raise TrainingError(
                    f"With the weights after step {progress.step} {reason}, so they are not saved "
                    f"and training stops. {self._way_on()}"
                )
            with writing(self.run):
                save_state(self.run, self.model, self.optimizer, progress, random_states)
                if not progress.stopped:  # what is averaged must not depend on a stop
                    remove_stopped_states(self.run)
                    keep = max(self.options.keep_checkpoints, self.options.average)
                    forget_old_states(self.run, keep)
        self.processes.wait()

    def _finish(self) -> Path:
        folder = self.run / "model"
        if not self.processes.first:
            return folder
        chosen = states(self.run)[-self.options.average :]
        origin = provenance(
            self.settings,
            self.data,
            self.progress,
            averaged=chosen,
            processes=self.processes.count,
        )
        export_average(folder, chosen, self.config, self.data, origin, dtype=self.options.export)
        plot_curves(self.run)
        self.log.show(f"The mean of {len(chosen)} checkpoints is in {folder}.")
        return folder
