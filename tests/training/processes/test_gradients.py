"""The sum of gradients in one process, and the seeds of its micro-batches.

That two and four processes have the same bits is tested with real ones in `test_torchrun`.
"""

from __future__ import annotations

import torch

from clearhead.training.processes.gradients import seed_of, sum_gradients
from clearhead.training.processes.parallel import Processes


def test_gradients_are_those_of_the_tree() -> None:
    parameters = [torch.nn.Parameter(torch.zeros(2, 3)), torch.nn.Parameter(torch.zeros(4))]
    leaves = torch.randn(3, 10, generator=torch.Generator().manual_seed(1))
    calls = []

    def backward(number: int) -> None:
        calls.append(number)
        parameters[0].grad = leaves[number, :6].view(2, 3).clone()
        if number != 1:  # no rows for this one
            parameters[1].grad = leaves[number, 6:].clone()

    sum_gradients(parameters, Processes(), 3, backward)
    leaves[1, 6:] = 0
    total = leaves[0] + (leaves[1] + leaves[2])
    assert calls == [0, 1, 2]
    assert parameters[0].grad is not None
    assert parameters[1].grad is not None
    assert torch.equal(parameters[0].grad, total[:6].view(2, 3))
    assert torch.equal(parameters[1].grad, total[6:])


def test_every_micro_batch_has_dropout_of_its_own() -> None:
    seeds = {seed_of(1, step, number) for step in range(100) for number in range(16)}
    assert len(seeds) == 1600
    assert seed_of(1, 1, 0) != seed_of(2, 1, 0)
    assert all(0 <= seed < 1 << 32 for seed in seeds)  # which a CPU's generator reads
