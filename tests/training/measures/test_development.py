"""Development losses are sums that do not depend on who computed which batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from clearhead.training.loop import Trainer
from clearhead.training.measures.development import development_loss
from clearhead.training.settings import Settings


class HalfOf:
    """One of two processes, which gets the other one's sums."""

    def __init__(self, rank: int, sums: list[torch.Tensor]) -> None:
        self.rank, self._sums = rank, sums

    def share(self, items: Any) -> Any:
        return items[self.rank :: 2]

    def add_up(self, values: torch.Tensor) -> torch.Tensor:
        self._sums.append(values.clone())
        return sum(self._sums[:2], torch.zeros_like(values))


def test_two_processes_get_the_bits_of_one(
    table: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clearhead.training.data._DEVELOPMENT_ROWS", 3)
    trainer = Trainer(Settings.from_dict(table), tmp_path / "run")
    trainer.lock.release()
    batches, sums = trainer.data.development, []
    assert len(batches) == 4
    whole = trainer.development_loss()
    development_loss(trainer.model, batches, HalfOf(0, sums))  # type: ignore[arg-type]
    assert development_loss(trainer.model, batches, HalfOf(1, sums)) == whole  # type: ignore[arg-type]
    assert all((values == 0).sum() == 2 for values in sums)
