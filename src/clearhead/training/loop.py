"""The training loop, to be read in one sitting.

Everything that the future of a run depends on is in its state: weights, optimizer, random
generators, and how many batches of which epoch are used. The order of the data follows from
the seed and the epoch. So a run that is killed and started again ends with the same bits.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError, TrainingError
from ..nn.transformer import Transformer
from ..text.batches import Batch
from .checkpoint import (
    Progress,
    average_weights,
    export_model,
    forget_old_states,
    load_state,
    load_weights,
    remove_drafts,
    save_state,
    states,
)
from .data import TrainingData, prepare
from .log import Clock, Log, NoLog, plot_curves
from .loss import VocabularyLoss, linear_cross_entropy
from .parallel import Processes
from .run import open_run
from .schedule import learning_rate
from .settings import Settings


def batch_loss(model: Transformer, batch: Batch, label_smoothing: float) -> VocabularyLoss:
    """Sums of the losses over the target tokens of a batch; padded positions take no part."""
    device = model.output_matrix.device
    source, target_input, target_output = (
        torch.from_numpy(ids).to(device)
        for ids in (batch.source, batch.target_input, batch.target_output)
    )
    hidden = model.hidden(source, target_input).flatten(0, 1)
    real = (target_output.flatten() != model.config.pad_id).nonzero().squeeze(1)
    targets = target_output.flatten()
    if len(real) < len(targets):
        hidden, targets = hidden.index_select(0, real), targets.index_select(0, real)
    return linear_cross_entropy(
        hidden, model.output_matrix, targets, label_smoothing=label_smoothing
    )


class Trainer:
    """One run: made from its settings and its folder, it goes on from where the folder stands."""

    def __init__(
        self, settings: Settings, run: str | Path, *, data_folder: Path | None = None
    ) -> None:
        self.settings = settings
        self.options = settings.training
        self.run = Path(run)
        self.processes = Processes()
        if self.processes.count > self.options.accumulation:
            raise ConfigError(
                f"{self.processes.count} processes need as many batches in each step; "
                f"training.accumulation is {self.options.accumulation}."
            )
        if self.processes.first:
            open_run(self.run, settings)
        if self.options.threads:
            torch.set_num_threads(self.options.threads)
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
        self.log: Log | NoLog = NoLog()
        if self.processes.first:
            self.log = Log(
                self.run,
                step=self.progress.step,
                last_step=self.options.max_steps,
                tensorboard=self.options.tensorboard,
            )

    def _tell(self, sentence: str) -> None:
        if self.processes.first:
            print_sentence(sentence)

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
                torch.manual_seed(self.options.seed + (self.processes.rank << 32))
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
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                parameter.grad /= tokens
        limit = options.clip_norm or math.inf
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), limit, foreach=True)
        self._check(norm, plain)
        rate = learning_rate(
            progress.step,
            schedule=options.schedule,
            peak=options.learning_rate,
            warmup=options.warmup_steps,
            last=options.max_steps,
            decay=options.decay_steps,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        progress.target_tokens += tokens
        self._tally(tokens, float(plain), float(norm), rate)

    def _check(self, norm: Tensor, loss: Tensor) -> None:
        if bool(torch.isfinite(norm)) and bool(torch.isfinite(loss)):
            return
        what = "loss" if not bool(torch.isfinite(loss)) else "gradient"
        saved = states(self.run)
        kept = f"The state before it is in {saved[-1]}" if saved else "No state was saved yet"
        raise TrainingError(
            f"The {what} of step {self.progress.step} is not a finite number, so training stops "
            f"before the weights are spoilt. {kept}. Try a lower training.learning_rate, more "
            f"training.warmup_steps, or training.precision = 'float32', in a new run."
        )

    _window = (0, 0.0, 0.0, 0)

    def _tally(self, tokens: int, loss: float, norm: float, rate: float) -> None:
        """Sum up steps, and log every so many."""
        elapsed = self._clock.lap()
        self.progress.seconds += elapsed
        count, total, seconds, steps = self._window
        self._window = (count + tokens, total + loss, seconds + elapsed, steps + 1)
        if self.progress.step % self.options.log_every:
            return
        count, total, seconds, steps = self._window
        self._window = (0, 0.0, 0.0, 0)
        self.log.progress(self.progress.step, count / seconds, total / count, seconds / steps)
        self.log.write(
            "train",
            self.progress.step,
            epoch=self.progress.epoch,
            loss=total / count,
            learning_rate=rate,
            gradient_norm=norm,
            tokens_per_second=count / seconds,
            seconds=self.progress.seconds,
        )

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
        weights = average_weights(folder / "model.safetensors" for folder in chosen)
        export_model(
            folder,
            weights,
            self.config.to_dict(),
            self.data.tokenizer.to_json(),
            self._provenance([path.name for path in chosen]),
        )
        plot_curves(self.run)
        self.log.show(f"The mean of {len(chosen)} checkpoints is in {folder}.")
        return folder

    def _provenance(self, averaged: list[str]) -> dict[str, Any]:
        progress = self.progress
        return {
            "clearhead": installed_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "processor": platform.processor() or platform.machine(),
            "settings": self.settings.to_dict(),
            **self.data.facts,
            "steps": progress.step,
            "epochs": progress.epoch,
            "target_tokens": progress.target_tokens,
            "training_seconds": round(progress.seconds),
            "processes": self.processes.count,
            "averaged": averaged,
        }


def installed_version() -> str:
    """The version of this package, or ``unknown`` where it is not installed."""
    try:
        return version("clearhead")
    except PackageNotFoundError:
        return "unknown"


def print_sentence(text: str) -> None:
    """Tell the person who started the run."""
    import sys

    print(text, file=sys.stderr, flush=True)
