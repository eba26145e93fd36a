"""The start of a run: a model that the seed decides, and what is noted of the machine."""

from __future__ import annotations

import torch

from clearhead.config import TransformerConfig
from clearhead.training._start import new_model, new_optimizer, note_machine, workers_at_work
from clearhead.training.run_folder.progress import Progress
from clearhead.training.settings import TrainingSettings

CONFIG = TransformerConfig(
    vocab_size=300, d_model=16, num_heads=2, encoder_layers=1, decoder_layers=1, feed_forward_dim=8
)


def test_the_seed_decides_the_weights() -> None:
    first, same, other = (
        new_model(CONFIG, TrainingSettings(seed=seed), "float32").state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["embedding.weight"], other["embedding.weight"])


def test_precision_is_that_of_the_products_and_not_of_the_weights() -> None:
    model = new_model(CONFIG, TrainingSettings(), "bfloat16")
    assert model.compute_dtype == torch.bfloat16
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_the_optimizer_is_that_of_the_settings() -> None:
    options = TrainingSettings(betas=(0.8, 0.9), epsilon=1e-6, weight_decay=0.1)
    optimizer = new_optimizer(new_model(CONFIG, options, "float32"), options)
    assert isinstance(optimizer, torch.optim.AdamW)
    (group,) = optimizer.param_groups
    assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.8, 0.9), 1e-6, 0.1)


def test_a_run_keeps_the_machine_that_it_began_on_and_tells_of_another() -> None:
    progress = Progress()
    assert note_machine(progress, TrainingSettings(), threads=2, processes=1) is None
    assert progress.threads == 2
    difference = note_machine(progress, TrainingSettings(), threads=1, processes=1)
    assert difference is not None
    assert "begun with threads 2, now 1" in difference
    assert progress.threads == 2


def test_processes_and_threads_are_counted_in_words() -> None:
    assert workers_at_work(TrainingSettings(), 1, 1).endswith("1 process of 1 thread")
    assert workers_at_work(TrainingSettings(), 2, 3).endswith("3 processes of 2 threads")
