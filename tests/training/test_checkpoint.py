"""States on disk: whole or absent, and clear where they are damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from clearhead.config import TransformerConfig
from clearhead.errors import CheckpointError
from clearhead.nn.transformer import Transformer
from clearhead.training.checkpoint import (
    average_weights,
    forget_old_states,
    load_state,
    load_weights,
    remove_drafts,
    save_state,
    states,
)
from clearhead.training.run_folder.progress import Progress
from tests.strangers import SPOILT, refusal, spoilt, tensor_bytes

CONFIG = TransformerConfig(
    vocab_size=12, d_model=8, num_heads=2, encoder_layers=1, decoder_layers=1,
    feed_forward_dim=8, max_length=8,
)  # fmt: skip


class Setup:
    """A model that has taken a step, and its optimizer."""

    def __init__(self, seed: int = 0, config: TransformerConfig = CONFIG) -> None:
        torch.manual_seed(seed)
        self.model = Transformer(config)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.01)
        self.step()

    def step(self) -> None:
        ids = torch.tensor([[3, 4, 5]])
        self.model(ids, ids).square().sum().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def save(self, run: Path, step: int) -> Path:
        return save_state(run, self.model, self.optimizer, Progress(step=step, batch=step % 7))


def test_a_state_comes_back_with_every_bit(tmp_path: Path) -> None:
    first, second = Setup(0), Setup(1)
    progress = Progress(step=9, epoch=1, batch=3, seconds=1.5, best_loss=2.25, starts=[0, 4])
    folder = save_state(tmp_path, first.model, first.optimizer, progress)
    assert folder.name == "step-00000009"
    assert load_state(folder, second.model, second.optimizer) == progress
    for setup in (first, second):
        torch.manual_seed(7)  # the same dropout
        setup.step()
    for name, value in first.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[name]), name


def test_nothing_is_pickled(tmp_path: Path) -> None:
    folder = Setup().save(tmp_path, 1)
    assert sorted(path.suffix for path in folder.iterdir()) == [
        ".json",
        ".safetensors",
        ".safetensors",
    ]


def test_a_state_replaces_one_of_the_same_step(tmp_path: Path) -> None:
    Setup(0).save(tmp_path, 5)
    other = Setup(1)
    folder = other.save(tmp_path, 5)
    saved = load_file(folder / "model.safetensors")
    assert torch.equal(saved["embedding.weight"], other.model.embedding.weight)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000005"]


def test_drafts_are_no_states_and_are_removed(tmp_path: Path) -> None:
    Setup().save(tmp_path, 5)
    for name in ("step-00000010.part", "step-00000003.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(b"half")
    assert [path.name for path in states(tmp_path)] == ["step-00000005"]
    remove_drafts(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000005"]


def test_a_state_of_a_signal_goes_at_the_next_start_if_a_kill_came_before_it_went(
    tmp_path: Path,
) -> None:
    """It has no part in the mean, so it must not be there when the mean is made."""
    setup = Setup()
    for step, stopped in ((2, False), (3, True), (4, False), (5, True)):
        progress = Progress(step=step, stopped=stopped)
        save_state(tmp_path, setup.model, setup.optimizer, progress)
    remove_drafts(tmp_path)
    assert [int(path.name[5:]) for path in states(tmp_path)] == [2, 4, 5]


def test_a_failure_while_saving_leaves_the_states_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = Setup()
    setup.save(tmp_path, 5)

    def full(*_: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("clearhead.training.checkpoint.os.replace", full)
    with pytest.raises(OSError, match="No space"):
        setup.save(tmp_path, 10)
    assert [path.name for path in states(tmp_path)] == ["step-00000005"]


def test_old_states_are_forgotten(tmp_path: Path) -> None:
    setup = Setup()
    for step in (1, 2, 3, 4, 5, 6):
        setup.save(tmp_path, step)
        forget_old_states(tmp_path, keep=4)
    remaining = states(tmp_path)
    assert [int(path.name[5:]) for path in remaining] == [3, 4, 5, 6]
    whole = [(path / "state.safetensors").exists() for path in remaining]
    assert whole == [False, False, True, True]
    assert all((path / "model.safetensors").exists() for path in remaining)


def test_weights_at_multiples_stay(tmp_path: Path) -> None:
    setup = Setup()
    for step in range(8):
        setup.save(tmp_path, step)
        forget_old_states(tmp_path, keep=2, keep_every=3)
    remaining = states(tmp_path)
    assert [int(path.name[5:]) for path in remaining] == [0, 3, 6, 7]
    whole = [(path / "state.safetensors").exists() for path in remaining]
    assert whole == [False, False, True, True]


@pytest.mark.parametrize("name", ["model.safetensors", "state.safetensors", "progress.json"])
@pytest.mark.parametrize("damage", ["cut", "empty", "absent", "noise"])
def test_a_damaged_state_is_a_checkpoint_error(tmp_path: Path, name: str, damage: str) -> None:
    setup = Setup()
    folder = setup.save(tmp_path, 12)
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if damage != "absent":
        contents = {"cut": content[: len(content) * 2 // 3], "empty": b"", "noise": b"\xff" * 99}
        path.write_bytes(contents[damage])
    with pytest.raises(CheckpointError) as error_info:
        load_state(folder, setup.model, setup.optimizer)
    assert str(error_info.value).startswith(f"Cannot read {path}: ")
    assert f"Remove the folder {folder} to go on from the state before it." in str(error_info.value)


def test_another_file_in_the_place_of_the_optimizers_is_refused(tmp_path: Path) -> None:
    setup = Setup()
    setup.step()
    folder = setup.save(tmp_path, 12)
    path = folder / "state.safetensors"
    tensors = load_file(path)
    name = "optimizer.embedding.weight.exp_avg"
    for content, words in (
        (load_file(folder / "model.safetensors"), "is not of this optimizer"),
        ({}, "there is nothing in it"),
        (tensors | {name: torch.full_like(tensors[name], torch.nan)}, "are not finite"),
    ):
        save_file(content, path)
        with pytest.raises(CheckpointError, match=words):
            load_state(folder, setup.model, setup.optimizer)


def test_an_unknown_key_of_progress_is_refused(tmp_path: Path) -> None:
    setup = Setup()
    folder = setup.save(tmp_path, 12)
    (folder / "progress.json").write_text(json.dumps({"step": 12, "mood": "good"}))
    with pytest.raises(CheckpointError, match="mood"):
        load_state(folder, setup.model, setup.optimizer)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    folder = Setup().save(tmp_path, 1)
    wider = Transformer(CONFIG.replace(d_model=16))
    with pytest.raises(CheckpointError, match=r"do not fit this model: [\s\S]*size mismatch"):
        load_weights(folder / "model.safetensors", wider)


def test_the_average_is_the_mean(tmp_path: Path) -> None:
    values = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(1))
    for i, value in enumerate(values):
        save_file({"a": value.clone(), "b": torch.full((2,), float(i))}, tmp_path / str(i))
    mean = average_weights(tmp_path / str(i) for i in range(3))
    assert torch.equal(mean["a"], values.double().mean(0).float())
    assert mean["b"].tolist() == [1.0, 1.0]
    assert mean["a"].dtype == torch.float32


def test_the_average_of_one_is_itself(tmp_path: Path) -> None:
    folder = Setup().save(tmp_path, 1)
    mean = average_weights([folder / "model.safetensors"])
    saved = load_file(folder / "model.safetensors")
    assert all(torch.equal(mean[name], saved[name]) for name in saved)
    with pytest.raises(CheckpointError, match="no checkpoint to average"):
        average_weights([])


@pytest.mark.parametrize("name", ["model.safetensors", "state.safetensors"])
@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_file_of_a_state(tmp_path: Path, name: str, how: str) -> None:
    setup = Setup()
    folder = setup.save(tmp_path, 12)
    with spoilt(folder / name, how) as path:
        message = refusal(CheckpointError, lambda: load_state(folder, setup.model, setup.optimizer))
    assert message is not None
    assert message.startswith(f"Cannot read {path}: ")


def with_tensors(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> Path:
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.update({"optimizer.embedding.weight.exp_avg": torch.zeros(3)}),
        lambda t: t.update({"optimizer.embedding.weight.step": torch.zeros(3)}),
        lambda t: t.update({"optimizer.embedding.weight.mood": torch.zeros(3)}),
        lambda t: t.update(
            {"optimizer.embedding.weight.exp_avg": t["optimizer.embedding.weight.exp_avg"].long()}
        ),
        lambda t: t.pop("optimizer.embedding.weight.exp_avg_sq"),
    ],
)
def test_what_the_optimizer_keeps_has_its_shapes(
    tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], object]
) -> None:
    setup = Setup()
    folder = setup.save(tmp_path, 12)
    with_tensors(folder / "state.safetensors", change)
    with pytest.raises(CheckpointError, match=r"the optimizer knows of embedding\.weight is not"):
        load_state(folder, setup.model, setup.optimizer)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_weights_of_every_floating_type_are_loaded_as_float32(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    setup = Setup()
    weights = {name: value.to(dtype) for name, value in setup.model.state_dict().items()}
    save_file(weights, tmp_path / "weights")
    load_weights(tmp_path / "weights", setup.model)
    for name, value in setup.model.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, weights[name].float())
    assert average_weights([tmp_path / "weights"]).keys() == weights.keys()


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        (torch.float8_e4m3fn, "is of type float8_e4m3fn, which is not read here; convert it to"),
        (torch.float8_e5m2, "is of type float8_e5m2, which is not read here; convert it to"),
        (torch.int64, "embedding.weight is of type int64, and weights are floating"),
        (torch.bool, "embedding.weight is of type bool, and weights are floating"),
    ],
)
def test_weights_of_other_types_are_named(tmp_path: Path, dtype: torch.dtype, words: str) -> None:
    setup = Setup()
    path = with_tensors(
        setup.save(tmp_path, 1) / "model.safetensors",
        lambda t: t.update({"embedding.weight": torch.ones(9, 8).to(dtype)}),
    )
    for work in (lambda: load_weights(path, setup.model), lambda: average_weights([path])):
        message = refusal(CheckpointError, work)
        assert message is not None
        assert words in message


def test_weights_of_float4_are_named(tmp_path: Path) -> None:
    entry = {"dtype": "F4", "shape": [4], "data_offsets": [0, 2]}
    (tmp_path / "weights").write_bytes(tensor_bytes({"x": entry}, b"\0\0"))
    with pytest.raises(CheckpointError, match="is of type float4_e2m1, which is not read here"):
        average_weights([tmp_path / "weights"])


def test_no_average_of_two_models(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "one")
    for other in ({"a": torch.ones(3)}, {"b": torch.ones(2)}, {"a": torch.ones(2, 1)}, {}):
        save_file(other, tmp_path / "two")
        with pytest.raises(CheckpointError, match="are not those of the files before it"):
            average_weights([tmp_path / "one", tmp_path / "two"])
