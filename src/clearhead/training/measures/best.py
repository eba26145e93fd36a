"""The best model so far, complete and usable at any time, beside the final mean."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ...file_reading import FileProblem, read_json
from ...json_fields import Fields

FOLDER = "best"
MEASURES = ("loss", "bleu", "chrf", "accuracy")
NONE = "none"


class BestModel:
    """The folder ``best`` of a run: a complete model, replaced when a better one is measured.

    A new model is compared with the value in the folder's config.json. So the folder has the best
    of all models measured in this run, whatever checkpoint it was resumed from.

    Args:
        run: the folder of the run.
        measure: one of `MEASURES`, or ``none``, which keeps no best model.
        export: writes weights to a folder, as a model with these facts in its provenance.
    """

    def __init__(
        self,
        run: Path,
        measure: str,
        export: Callable[[Path, Mapping[str, Tensor], Mapping[str, Any]], None],
    ) -> None:
        self.folder = run / FOLDER
        self.measure = measure
        self._export = export

    def forget(self) -> None:
        """Remove the best model of an earlier run in this folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def offer(self, step: int, weights: Mapping[str, Tensor], values: Mapping[str, float]) -> bool:
        """Write a model to the folder if it is the best so far; return whether it is.

        Args:
            step: the step after which it was measured.
            weights: of the model.
            values: measures, by the names of `MEASURES`; without the deciding one nothing is kept.
        """
        value = values.get(self.measure)
        if value is None:
            return False
        before = best_of(self.folder)
        if (
            before is not None
            and before[0] == self.measure
            and not self._is_better(value, before[1])
        ):
            return False
        facts = {"measure": self.measure, "value": value, "step": step}
        self._export(self.folder, weights, facts)
        return True

    def _is_better(self, value: float, before: float) -> bool:
        return value < before if self.measure == "loss" else value > before


def best_of(folder: Path) -> tuple[str, float, int] | None:
    """Return measure, value and step of the best model in a folder; None if there is none."""
    try:
        content = Fields(read_json(folder / "config.json"), "the file")
        facts = content.object("provenance").object("best")
        return facts.text("measure"), facts.number("value"), facts.integer("step", least=0)
    except FileProblem:
        return None
