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
    Progress,
    forget_old_states,
    load_state,
    load_weights,
    remove_drafts,
    save_state,
    states,
)
from .data import TrainingData, prepare
from .finish import export_average, provenance
from .launch import check_processes
from .log import Clock, Log, NoLog, Window, plot_curves, tell
from .parallel import Processes
from .run import RunLock, open_run
from .schedule import learning_rate
from .settings import Settings
from .step import NotFiniteError, batch_loss, clip_and_update


class Trainer:
    """One run: made from its settings and its folder, it goes on from where the folder stands."""

    def __init__(
        self, settings: Settings, run: str | Path, *, data_folder: Path | None = None
    ) -> None:
        self.settings = settings
        self.options = settings.training
        self.run = Path(run)
        self.processes = Processes()
        check_processes(self.processes.count, self.options.accumulation)
        self.lock = RunLock(self.run)
        self.log: Log | NoLog = NoLog()
        self._window = Window()
        try:
            self._open(data_folder)
        except BaseException:
            self.lock.release()
            raise

    def _open(self, data_folder: Path | None) -> None:
        """Everything that a step needs, from the folder of the run or made anew."""
        settings = self.settings
        if self.processes.first:
            self.lock.acquire()
            open_run(self.run, settings)
        if self.options.threads:
            torch.set_num_threads(self.options.threads)
        self.processes.meet()
        if not self.processes.first:
            self.processes.wait()  # until the first one has prepared the data
        self.data: TrainingData = prepare(self.run, settings, data_folder, self._tell)
        if self.processes.first:
            self.processes.wait()
        self.config = settings.model_config(self.data.tokenizer.vocab_size)
        torch.manual_seed(self.options.seed)
        self.model = Transformer(self.config).to(self.options.device)
        if self.options.precision == "bfloat16":
            self.model.compute_dtype = torch.bfloat16
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=0.0,
            betas=self.options.betas,
            eps=self.options.epsilon,
            weight_decay=self.options.weight_decay,
            fused=True,
        )
        self.progress = self._restore()
        if self.processes.first:
            self.log = Log(
                self.run,
                step=self.progress.step,
                last_step=self.options.max_steps,
                tensorboard=self.options.tensorboard,
            )

    def _tell(self, sentence: str) -> None:
        if self.processes.first:
            tell(sentence)

    def _restore(self) -> Progress:
        if self.processes.first:
            remove_drafts(self.run)
        self.processes.wait()
        saved = states(self.run)
        if saved:
            ours = {"rank": self.processes.rank, "count": self.processes.count}
            progress = load_state(saved[-1], self.model, self.optimizer, **ours)
            self._tell(f"Going on from step {progress.step:,}.")
        else:
            progress = Progress()
            if self.options.initial:
                load_weights(Path(self.options.initial) / "model.safetensors", self.model)
            if self.processes.rank:  # the same weights, but dropout of its own
                # A CPU's generator reads 32 bits of the seed; an odd factor keeps them apart.
                seed = self.options.seed + self.processes.rank * 0x9E3779B1
                torch.manual_seed(seed % (1 << 32))
        progress.starts.append(progress.step)
        return progress

    def train(self) -> Path:
        """Run to the end and return the folder of the finished model.

        Of several processes only the first writes it.
        """
        try:
            for batches in self._steps():
                self._step(batches)
                self._after_step()
            if not states(self.run) or states(self.run)[-1].name[5:] != f"{self.progress.step:08d}":
                self._save()
            return self._finish()
        finally:
            self.log.close()
            self.lock.release()

    def _steps(self) -> Iterator[list[Batch]]:
        """The batches of each step, from where the run stands."""
        progress, count = self.progress, self.options.accumulation
        self._clock = Clock()
        while progress.epoch < self.options.max_epochs:
            plan = self.data.corpus.epoch(progress.epoch, self.options.batch_tokens)
            while progress.batch < len(plan):
                if progress.step >= self.options.max_steps or self._is_enough():
                    return
                chosen = plan[progress.batch : progress.batch + count]
                progress.batch += len(chosen)
                ours = self.processes.share(chosen)
                yield [self.data.corpus.batch(indices) for indices in ours]
            progress.epoch, progress.batch = progress.epoch + 1, 0

    def _step(self, batches: list[Batch]) -> None:
        """Forward, backward, clip, update."""
        options, progress = self.options, self.progress
        progress.step += 1
        self.model.train()
        sums = torch.tensor([sum(batch.target_tokens for batch in batches), 0.0]).double()
        for batch in batches:
            loss = batch_loss(self.model, batch, options.label_smoothing)
            loss.smoothed.backward()
            sums[1] += loss.plain.detach().double().cpu()
        self.processes.add_up_gradients(self.model.parameters())
        count, plain = self.processes.add_up(sums)
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
        saved = states(self.run)
        kept = f"The state before it is in {saved[-1]}" if saved else "No state was saved yet"
        return TrainingError(
            f"The {what} of step {self.progress.step} is not a finite number, so training stops "
            f"before the weights are spoilt. {kept}. Try a lower training.learning_rate, more "
            f"training.warmup_steps, or training.precision = 'float32', in a new run."
        )

    def _tally(self, tokens: int, loss: float, norm: float, rate: float) -> None:
        """Sum up steps, and log every so many."""
        elapsed = self._clock.lap()
        self.progress.seconds += elapsed
        window = self._window
        window.add(tokens, loss, elapsed)
        if self.progress.step % self.options.log_every:
            return
        step, loss, speed = self.progress.step, window.loss, window.tokens_per_second
        self.log.progress(step, speed, loss, window.seconds_per_step)
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
        self._clock.lap()

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
        self.log.write("development", progress.step, loss=loss)

    def _is_enough(self) -> bool:
        patience = self.options.patience
        if patience and self.progress.without_better >= patience:
            self.log.show(f"No better development loss in {patience} measurements: stopping.")
            return True
        return False

    def _save(self) -> None:
        random_states = self.processes.random_states()
        if self.processes.first:
            save_state(self.run, self.model, self.optimizer, self.progress, random_states)
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
