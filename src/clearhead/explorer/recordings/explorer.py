"""The explorer's questions, answered by attention maps of any PyTorch model.

No weight is stored: the window that is asked for is computed from queries, keys and the
log-sum-exp, and is exact. Pictures of long maps are maxima over blocks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ConfigError, TraceError
from ..answers.overview import LARGEST_PICTURE
from ..contract.answers import Answer
from ..contract.arrays import check_numbers, checked_window
from ..stopping import check
from .bounds import check_size, check_window, check_work
from .modules import Labels, Module, Tokens, modules_of
from .requests import TokenLists, page_of, spans_of
from .rows import Rows
from .steps import available, step_shape, steps_of, values

if TYPE_CHECKING:
    from ...maps.recording.recording import Recording

NUMBERS = 1_000_000  # in one answer, unless told otherwise


class RecordingExplorer:
    """A recording, one attention map, or maps by name, as the explorer's front end asks for them.

    Args:
        recorded: a Recording, an AttentionMap, or a dictionary of AttentionMaps by name.
        tokens: names of the positions, or such a list for each row of the batch; they stand
            wherever a sequence has as many. Without them: those of the recording, or numbers.
        source_tokens: the same for the other sequence of a model that has two.
        name: what the page calls it; the class of the recorded model unless given.
        numbers: how many numbers one answer may hold.

    Raises:
        ConfigError: nothing in it can be shown.
        ShapeError: the tokens are as many as no sequence has positions.
    """

    def __init__(
        self,
        recorded: Any,
        *,
        tokens: Tokens | None = None,
        source_tokens: Tokens | None = None,
        name: str = "",
        numbers: int = NUMBERS,
    ) -> None:
        found, self.notes = modules_of(recorded)
        self.modules = {module.path: module for module in found}
        self.notes += list(getattr(recorded, "notes", []))
        self.labels = Labels(tokens, source_tokens)
        self.labels.check(found)
        self.name = name or getattr(recorded, "model", "") or found[0].map.source.model
        self.numbers = numbers
        self.rows = min(module.map.shape[0] for module in found)
        check_size(found, self.rows)
        self._of_rows = Rows()

    def answer(self, name: str, params: Mapping[str, Any] | None = None) -> Answer:
        """Answer a question: ``model``, ``run``, ``array`` or ``overview``.

        Raises:
            ConfigError: a recording cannot answer it, or a parameter makes no sense.
            ShapeError: a window lies outside its array, or holds too many numbers.
            TraceError: there is no such module or step.
        """
        questions: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "model": self._model,
            "run": self._run,
            "array": self._array,
            "overview": self._overview,
        }
        if name not in questions:
            raise ConfigError(
                f"A recording cannot answer {name!r}: it holds what a model attended to, and no "
                f"model to run again. It answers {', '.join(questions)}."
            )
        check()
        try:
            return questions[name](params or {})
        except (RuntimeError, IndexError) as error:  # PyTorch's; what a file says may not fit
            raise TraceError(
                f"The recording could not answer {name!r}: its tensors do not fit together, or "
                f"there is not enough memory ({str(error)[:300]})."
            ) from error

    # The questions

    def _model(self, params: Mapping[str, Any]) -> Answer:
        parts = []
        for part in dict.fromkeys(module.part for module in self.modules.values()):
            layers = self._layers(part)
            first = layers[0]
            parts.append(
                {
                    "part": part,
                    "layers": len(layers),
                    "heads": first.map.shape[1],
                    "kind": first.kind,
                }
            )
        sources = [module.map.source for module in self.modules.values()]
        provenance = {
            "model": self.name,
            "kernels": sorted({source.kernel for source in sources if source.kernel}),
            "notes": self.notes + sorted({note for source in sources for note in source.notes}),
        }
        return Answer(
            {
                "kind": "recording",
                "name": self.name or "recording",
                "languages": None,
                "config": None,
                "parameters": None,
                "parts": parts,
                "abilities": [],
                "limits": {"characters": 0, "tokens": 0, "numbers": self.numbers},
                "special": None,
                "provenance": provenance,
            }
        )

    def _run(self, params: Mapping[str, Any]) -> Answer:
        if params.get("edits"):
            raise ConfigError(
                "A recording cannot be edited: it holds what a model attended to, and no model to "
                "run again. Ask without edits."
            )
        row = self._row(params)
        tokens = TokenLists()
        attention, steps = [], []
        for module in self.modules.values():
            _, heads, queries, keys = module.map.shape
            attention.append(
                {
                    "part": module.part,
                    "layer": module.layer,
                    "heads": heads,
                    "queries": queries,
                    "keys": keys,
                    "path": module.path,
                    "kind": module.kind,
                    "query_tokens": tokens.of(self.labels.of(module, "query", row)),
                    "key_tokens": tokens.of(self.labels.of(module, "key", row)),
                }
            )
            steps.extend(steps_of(module))
        first = next(iter(self.modules.values()))
        sentences = [
            {"text": " ".join(self.labels.of(first, "query", one)), "translated": False}
            for one in range(self.rows)
        ]
        return Answer(
            {
                "request": {"text": "", "target": None, "sentence": row, "beam_size": 1,
                            "edits": []},
                "text": None,
                "sentences": sentences,
                "sentence": row,
                "translation": None,
                "target_given": False,
                "source": attention[0]["query_tokens"],
                "decoder_input": [],
                "predicted": [],
                "log_probability": None,
                "log_probabilities": [],
                "next": [],
                "attention": attention,
                "steps": steps,
                "check": None,
                "seconds": {},
                "baseline": None,
            }
        )  # fmt: skip

    def _array(self, params: Mapping[str, Any]) -> Answer:
        row = self._row(params.get("run") or {})
        items = params.get("items")
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            raise ConfigError(
                f"items is a list of {{path, window}}; got {type(items).__name__}: {items!r}."
            )
        asked = []
        for item in items:
            path = str(item.get("path"))
            module, step = self._step(path)
            shape = step_shape(module, step)
            asked.append(
                (path, module, step, shape, checked_window(path, shape, spans_of(item, path)))
            )
        check_numbers(
            sum(math.prod(stop - start for start, stop in window) for *_, window in asked),
            self.numbers,
        )
        check_work(
            check_window(self._of_rows.map_of(module, row), step, window, path)
            for path, module, step, _, window in asked
        )
        arrays = {
            str(number): values(self._of_rows.map_of(module, row), step, window)
            for number, (_, module, step, _, window) in enumerate(asked)
        }
        described = [
            {
                "path": path,
                "window": [list(span) for span in window],
                "shape": list(shape),
                "dtype": arrays[str(number)].dtype.name,
            }
            for number, (path, _, _, shape, window) in enumerate(asked)
        ]
        return Answer({"items": described}, arrays)

    def _overview(self, params: Mapping[str, Any]) -> Answer:
        row = self._row(params.get("run") or {})
        layers = page_of(self._layers(str(params.get("part"))), params.get("layers"))
        _, heads, queries, keys = layers[0].map.shape
        most = max(1, min(LARGEST_PICTURE, math.isqrt(self.numbers // (len(layers) * heads) or 1)))
        check_numbers(len(layers) * heads * most * most, self.numbers)
        block = (-(-queries // most), -(-keys // most))
        pictures = self._of_rows.pictures(layers, row, block)
        return Answer(
            {
                "part": layers[0].part,
                "pooled": block != (1, 1),
                "block": list(block),
                "queries": queries,
                "keys": keys,
            },
            {
                "weights": np.stack([one.weights for one in pictures]),
                "entropy": np.stack([one.entropy for one in pictures]),
                "masked": np.stack([one.masked for one in pictures]).min(axis=0),
            },
        )

    # What they stand on

    def _row(self, params: Mapping[str, Any]) -> int:
        row = params.get("sentence", 0)
        if isinstance(row, bool) or not isinstance(row, int) or not 0 <= row < self.rows:
            raise ConfigError(
                f"sentence is the row of the batch, from 0 to {self.rows - 1}; got {row!r}."
            )
        return row

    def _layers(self, part: str) -> list[Module]:
        found = [module for module in self.modules.values() if module.part == part]
        if not found:
            known = dict.fromkeys(module.part for module in self.modules.values())
            raise ConfigError(
                f"The recording has no part {part!r}. It has {', '.join(map(repr, known))}."
            )
        return found

    def _step(self, path: str) -> tuple[Module, str]:
        name, _, step = path.rpartition(".")
        if name not in self.modules or step not in available(self.modules[name]):
            known = next(iter(self.modules))
            raise TraceError(
                f"The recording has no array {path!r}. Its arrays are named after the modules "
                f"that attended, such as {known + '.weights'!r}, and each module has "
                f"{', '.join(available(self.modules[known]))}."
            )
        return self.modules[name], step


def open_recording(
    path: str | Path, *, tokens: Tokens | None = None, source_tokens: Tokens | None = None
) -> RecordingExplorer:
    """The explorer of a recording's file; see `RecordingExplorer`.

    Raises:
        MissingExtraError: PyTorch is not installed.
        TraceError: the file is missing, damaged, or no recording.
    """
    from ...errors import require

    require("torch", extra="torch", purpose="Opening a recording")
    from ...maps.recording.reading import load_recording

    recording: Recording = load_recording(path)
    name = recording.model or Path(path).stem
    return RecordingExplorer(recording, tokens=tokens, source_tokens=source_tokens, name=name)
