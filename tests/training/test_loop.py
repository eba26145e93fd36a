"""The training loop in one process: what a step does, when it stops, and what it leaves."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from clearhead.errors import CheckpointError, TrainingError
from clearhead.nn.transformer import Transformer
from clearhead.training.checkpoint import average_weights, states
from clearhead.training.loop import Trainer
from clearhead.training.measures.evaluation import Evaluation
from clearhead.training.run_folder.log import read_log
from clearhead.training.settings import Settings
from clearhead.translation.checkpoint import read_checkpoint, read_run_checkpoint

Table = dict[str, Any]


def new_trainer(table: Table, run: Path, **training: Any) -> Trainer:
    changed = {**table, "training": {**table["training"], **training}}
    return Trainer(Settings.from_dict(changed), run)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_run_from_beginning_to_end(table: Table, tmp_path: Path) -> None:
    run = tmp_path / "run"
    folder = new_trainer(table, run, evaluate_every=6).train()
    assert folder == run / "model"
    description = json.loads((folder / "config.json").read_text())
    provenance = description["provenance"]
    assert description["model"]["d_model"] == 16
    assert provenance["steps"] == 12
    assert provenance["averaged"] == ["step-00000008", "step-00000012"]
    assert provenance["corpora"][0]["pairs"] == 160
    assert len(provenance["corpora"][0]["sha256"]) == 64
    assert provenance["settings"]["training"]["learning_rate"] == 0.01
    assert (folder / "tokenizer.json").read_text() == (run / "tokenizer.json").read_text()
    rows = read_log(run / "log.jsonl")
    assert [r["step"] for r in rows if r["kind"] == "train"] == [2, 4, 6, 8, 10, 12]
    assert [r["step"] for r in rows if r["kind"] == "development"] == [6, 12]
    losses = [r["loss"] for r in rows if r["kind"] == "train"]
    assert losses[0] == pytest.approx(math.log(300), rel=0.3)
    assert losses[-1] < losses[0] - 0.5
    assert all(r["tokens_per_second"] > 0 and r["gradient_norm"] > 0 for r in rows if "norm" in r)
    assert rows[1]["learning_rate"] == 0.01
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_finished_model_is_the_mean_of_the_last_checkpoints(
    table: Table, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    folder = new_trainer(table, run, average=3).train()
    saved = [load_file(state / "model.safetensors") for state in states(run)]
    assert len(saved) == 3
    model = load_file(folder / "model.safetensors")
    for name, value in model.items():
        assert torch.equal(value, torch.stack([s[name].double() for s in saved]).mean(0).float())
    again = new_trainer(table, run, average=1).train()  # a finished run, averaged otherwise
    expected = average_weights([states(run)[-1] / "model.safetensors"])
    assert torch.equal(
        load_file(again / "model.safetensors")["embedding.weight"], expected["embedding.weight"]
    )


def test_the_last_step_is_saved_though_no_checkpoint_is_due(table: Table, tmp_path: Path) -> None:
    run = tmp_path / "run"
    new_trainer(table, run, max_steps=6).train()
    assert [state.name for state in states(run)] == ["step-00000004", "step-00000006"]


def test_going_on_gives_the_same_bits(table: Table, tmp_path: Path) -> None:
    whole = new_trainer(table, tmp_path / "whole").train()
    part = new_trainer(table, tmp_path / "part", max_steps=6)
    part.train()
    rest = new_trainer(table, tmp_path / "part")
    assert rest.progress.step == 6
    assert rest.progress.batch == 6  # the middle of the first epoch
    assert rest.progress.starts == [0, 6]
    rest.train()
    for state in ("step-00000008", "step-00000012"):
        assert weights(tmp_path / "whole" / state) == weights(tmp_path / "part" / state)
    assert weights(whole) == weights(tmp_path / "part/model")


def test_epochs_end_a_run_too(table: Table, tmp_path: Path) -> None:
    trainer = new_trainer(table, tmp_path / "run", max_epochs=2, max_steps=1000)
    trainer.train()
    plans = [len(trainer.data.corpus.epoch(epoch, 128)) for epoch in range(2)]
    assert trainer.progress.step == sum(plans)
    assert trainer.progress.target_tokens == 2 * int((trainer.data.corpus.target_lengths + 1).sum())


def gradients(trainer: Trainer, count: int) -> list[torch.Tensor]:
    """Of the step that takes the first batches of the first epoch, as AdamW uses them."""
    step_gradients: list[torch.Tensor] = []
    plan = trainer.data.corpus.epoch(0, trainer.options.batch_tokens)[:count]

    def keep(optimizer: Any, *_: Any) -> None:
        divisor = getattr(optimizer, "grad_scale", 1.0)  # a fused optimizer divides by it itself
        step_gradients.extend(
            p.grad / divisor for p in trainer.model.parameters() if p.grad is not None
        )

    trainer.optimizer.register_step_pre_hook(keep)
    trainer._step(trainer._micro_batches.of_step(1, plan))
    return step_gradients


def test_accumulated_gradients_are_those_of_one_large_batch(table: Table, tmp_path: Path) -> None:
    table["model"] |= {"dropout": 0.0, "attention_dropout": 0.0}
    many = new_trainer(table, tmp_path / "many", accumulation=100, clip_norm=0.0)
    one = new_trainer(table, tmp_path / "one", batch_tokens=10**6, clip_norm=0.0)
    assert len(one.data.corpus.epoch(0, 10**6)) == 1
    many.model.double()
    one.model.double()
    pairs = list(zip(gradients(many, 10**6), gradients(one, 1), strict=True))
    assert len(pairs) == len(list(one.model.parameters()))
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_accumulation_uses_every_batch_once(table: Table, tmp_path: Path) -> None:
    trainer = new_trainer(table, tmp_path / "run", accumulation=4, max_epochs=1, max_steps=1000)
    trainer.train()
    batches = len(trainer.data.corpus.epoch(0, 128))
    assert batches % 4
    assert trainer.progress.step == math.ceil(batches / 4)
    assert trainer.progress.target_tokens == int((trainer.data.corpus.target_lengths + 1).sum())


def test_gradients_are_clipped(table: Table, tmp_path: Path) -> None:
    norms = []
    for limit in (0.0, 0.01):
        step_gradients = gradients(new_trainer(table, tmp_path / str(limit), clip_norm=limit), 1)
        norms.append(float(torch.stack([g.norm() for g in step_gradients]).norm()))
    assert norms[0] > 0.1
    assert norms[1] == pytest.approx(0.01, rel=1e-3)


def spoil_weight(trainer: Trainer) -> None:
    with torch.no_grad():
        trainer.model.decoder.norm.weight.fill_(math.nan)


def spoil_gradient(trainer: Trainer) -> None:
    trainer.model.decoder.norm.weight.register_hook(lambda gradient: gradient * math.nan)


@pytest.mark.parametrize(("spoil", "what"), [(spoil_weight, "loss"), (spoil_gradient, "gradient")])
def test_what_is_not_a_number_stops_the_run(
    table: Table,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Trainer], None],
    what: str,
) -> None:
    whole = new_trainer(table, tmp_path / "whole").train()
    trainer = new_trainer(table, tmp_path / "run")
    after = trainer._after_step

    def after_step() -> None:
        after()
        if trainer.progress.step == 5:
            spoil(trainer)

    monkeypatch.setattr(trainer, "_after_step", after_step)
    with pytest.raises(TrainingError) as error_info:
        trainer.train()
    message = str(error_info.value)
    assert message.startswith(f"The {what} of step 6 is not a finite number, so training stops")
    assert f"The state before it is in {tmp_path / 'run/step-00000004'}." in message
    assert "training.learning_rate" in message
    assert trainer.optimizer.state[trainer.model.embedding.weight]["step"] == 5
    # The state on disk is whole: going on from it ends as if nothing had happened.
    assert weights(new_trainer(table, tmp_path / "run").train()) == weights(whole)


def test_a_bad_beginning_says_that_nothing_is_saved(table: Table, tmp_path: Path) -> None:
    trainer = new_trainer(table, tmp_path / "run")
    spoil_weight(trainer)
    with pytest.raises(TrainingError, match=r"loss of step 1 .*No state was saved yet"):
        trainer.train()
    assert states(tmp_path / "run") == []


def test_it_stops_when_the_development_loss_no_longer_falls(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    losses = iter([3.0, 2.0, 2.5, 1.0, 1.5, 1.0])
    monkeypatch.setattr(Evaluation, "loss", lambda _: next(losses))
    options = {"patience": 2, "evaluate_every": 1, "max_steps": 50, "checkpoint_every": 3}
    trainer = new_trainer(table, tmp_path / "run", **options)
    folder = trainer.train()
    assert trainer.progress.step == 6
    assert (trainer.progress.best_step, trainer.progress.best_loss) == (4, 1.0)
    assert "No better development loss in 2 measurements: stopping." in capsys.readouterr().err
    before = weights(folder)
    # Started again, a run that has stopped takes no further step.
    again = new_trainer(table, tmp_path / "run", **options)
    assert weights(again.train()) == before
    assert again.progress.step == 6
    # With more patience it goes on.
    monkeypatch.setattr(Evaluation, "loss", lambda _: 0.5)
    more = new_trainer(table, tmp_path / "run", **{**options, "patience": 3, "max_steps": 8})
    more.train()
    assert more.progress.step == 8


def test_a_damaged_state_is_named_and_the_one_before_it_serves(
    table: Table, tmp_path: Path
) -> None:
    whole = weights(new_trainer(table, tmp_path / "run").train())
    last = states(tmp_path / "run")[-1]
    (last / "state.safetensors").write_bytes(b"\x10")
    with pytest.raises(CheckpointError, match=r"step-00000012 to go on from the state before it"):
        new_trainer(table, tmp_path / "run")
    for path in last.iterdir():
        path.unlink()
    last.rmdir()
    trainer = new_trainer(table, tmp_path / "run")
    assert trainer.progress.step == 8
    assert weights(trainer.train()) == whole


def test_weights_of_another_run_to_begin_from(table: Table, tmp_path: Path) -> None:
    first = new_trainer(table, tmp_path / "first").train()
    table["tokenizer"] = {"path": str(first / "tokenizer.json")}
    trainer = new_trainer(table, tmp_path / "second", initial=str(first))
    expected = load_file(first / "model.safetensors")
    assert torch.equal(trainer.model.embedding.weight, expected["embedding.weight"])
    assert (tmp_path / "second/tokenizer.json").read_text() == (
        first / "tokenizer.json"
    ).read_text()
    table["model"]["feed_forward_dim"] = 48
    with pytest.raises(CheckpointError, match="do not fit this model"):
        new_trainer(table, tmp_path / "third", initial=str(first))


def test_bfloat16_keeps_parameters_and_optimizer_in_float32(table: Table, tmp_path: Path) -> None:
    trainer = new_trainer(table, tmp_path / "run", precision="bfloat16", max_steps=4)
    hidden = trainer.model.hidden(torch.tensor([[3, 4]]), torch.tensor([[1, 5]]))
    assert hidden.dtype == torch.bfloat16
    trainer.train()
    state = load_file(states(tmp_path / "run")[-1] / "state.safetensors")
    kinds = {value.dtype for name, value in state.items() if name.startswith("optimizer.")}
    assert kinds == {torch.float32}
    assert {p.dtype for p in trainer.model.parameters()} == {torch.float32}
    losses = [row["loss"] for row in read_log(tmp_path / "run/log.jsonl") if "loss" in row]
    assert losses[-1] < losses[0]


def test_the_development_loss_has_no_dropout_and_no_smoothing(table: Table, tmp_path: Path) -> None:
    trainer = new_trainer(table, tmp_path / "run")
    assert trainer.development_loss() == trainer.development_loss()
    total, tokens = 0.0, 0
    for batch in trainer.data.development:
        logits = trainer.model(torch.from_numpy(batch.source), torch.from_numpy(batch.target_input))
        expected = torch.from_numpy(batch.target_output)
        total += float(
            torch.nn.functional.cross_entropy(
                logits.detach().flatten(0, 1), expected.flatten(), ignore_index=0, reduction="sum"
            )
        )
        tokens += batch.target_tokens
    assert trainer.development_loss() == pytest.approx(total / tokens, rel=1e-5)


def test_weights_that_are_kept_for_good_and_change_nothing_else(
    table: Table, tmp_path: Path
) -> None:
    """Step 0 is as the seed makes it, and the finished model is that of a run without."""
    last = {"keep_checkpoints": 1, "average": 3, "checkpoint_every": 2}
    new_trainer(table, tmp_path / "plain", **last).train()
    run = tmp_path / "run"
    new_trainer(table, run, keep_every=4, **last).train()
    steps = {int(state.name[5:]): state for state in states(run)}
    assert list(steps) == [0, 4, 8, 10, 12]
    whole = [step for step, state in steps.items() if (state / "state.safetensors").exists()]
    assert whole == [10, 12]
    for name in ("step-00000012", "model"):
        assert weights(run / name) == weights(tmp_path / "plain" / name)
    first, finished = read_run_checkpoint(run, 0), read_checkpoint(run / "model")
    assert first.config == finished.config
    assert first.provenance["settings"] == finished.provenance["settings"]
    torch.manual_seed(Settings.from_dict(table).training.seed)
    fresh = Transformer(finished.config)
    for name, value in fresh.state_dict().items():
        assert torch.equal(torch.from_numpy(first.weights[name].copy()), value)


def test_settings_may_change_while_there_is_step_0_alone(table: Table, tmp_path: Path) -> None:
    """Nothing is lost yet: the state of step 0 is made again."""
    run = tmp_path / "run"
    trainer = new_trainer(table, run, keep_every=4)
    trainer._save()
    before = weights(run / "step-00000000")
    trainer.log.close()
    trainer.lock.release()
    new_trainer(table, run, keep_every=4, seed=2).train()
    assert weights(run / "step-00000000") != before
