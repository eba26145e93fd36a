"""Answers the explorer's questions with attention maps of any PyTorch model.

No weights are stored: each window is computed exactly from queries, keys and the log-sum-exp when
it is asked for. Pictures of long maps are max-pooled over blocks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ConfigError, TraceError
from ..answers.head_kinds import kinds_answer
from ..answers.overview import LARGEST_PICTURE, layer_slice
from ..contract.answers import Ability, Answer, ModelAnswer, ModelPart, OverviewAnswer
from ..contract.arrays import check_numbers, checked_window, window_size, windows_answer
from ..contract.first_screen.checkpoints import check_checkpoint
from ..contract.first_screen.head_kinds import HeadKindsQuestion
from ..contract.meaning.sweep import SweepAnswer
from ..contract.questions import (
    AlignmentQuestion,
    ArrayQuestion,
    ModelQuestion,
    OverviewQuestion,
    Question,
    RunQuestion,
)
from ..contract.reading import QUESTIONS, read_question
from ..contract.run_answers import AttentionAnswer, RunAnswer, Sentence, StepAnswer
from ..contract.stopping import check
from ..contract.values import LIMITS, Limits
from .alignment import alignment_of
from .bounds import check_size, check_window, check_work
from .modules import Labels, Module, Tokens, modules_of
from .rows import Rows
from .steps import available, step_shape, steps_of, values
from .token_lists import TokenLists

if TYPE_CHECKING:
    from ...maps.recording.recording import Recording


class RecordingExplorer:
    """A recording, one attention map, or maps by name, in the form that the page asks for.

    Args:
        recorded: a Recording, an AttentionMap, or a dictionary of AttentionMaps by name.
        tokens: names of the positions, or a list of them for each row of the batch; they are used
            for every sequence of that length. Without them: the recording's names, or numbers.
        source_tokens: the same for the other sequence of a model with two.
        name: its name on the page; by default, the class of the recorded model.
        sweep: the result of a sweep to show beside it, as `open_sweep` returns it.
        numbers: the most numbers of one answer.

    Raises:
        ConfigError: nothing in it can be shown.
        ShapeError: no sequence has as many positions as there are tokens.
    """

    def __init__(
        self,
        recorded: Any,
        *,
        tokens: Tokens | None = None,
        source_tokens: Tokens | None = None,
        name: str = "",
        sweep: SweepAnswer | None = None,
        numbers: int = LIMITS.numbers,
    ) -> None:
        modules, self.notes = modules_of(recorded)
        self.modules = {module.path: module for module in modules}
        self.notes += list(getattr(recorded, "notes", []))
        self.labels = Labels(tokens, source_tokens)
        self.labels.check(modules)
        self.name = name or getattr(recorded, "model", "") or modules[0].map.source.model
        self.limits = Limits(numbers=numbers)
        self.rows = min(module.map.shape[0] for module in modules)
        check_size(modules, self.rows)
        self._of_rows = Rows()
        self._answers: dict[str, Callable[[Any], Answer]] = {
            "model": self._model,
            "run": self._run,
            "array": self._array,
            "overview": self._overview,
            "head_kinds": self._head_kinds,
            "alignment": self._alignment,
        }
        self._abilities: list[Ability] = []
        if sweep is not None:
            self._answers["sweep"] = lambda _: Answer(sweep)
            self._abilities.append("sweep")

    def answer(self, name: str, params: Mapping[str, Any] | Question | None = None) -> Answer:
        """Answer ``model``, ``run``, ``array``, ``overview``, ``head_kinds`` or ``alignment``.

        Raises:
            ConfigError: a recording cannot answer the question, or a parameter is invalid.
            ShapeError: a window is outside its array, or holds too many numbers.
            TraceError: there is no such module or step.
        """
        if name not in self._answers:
            raise ConfigError(
                f"A recording cannot answer {name!r}: it holds what a model attended to, and no "
                f"model to run again. It answers {', '.join(self._answers)}."
            )
        check()
        question = read_question(QUESTIONS[name], {} if params is None else params, self.limits)
        check_checkpoint(question)
        try:
            return self._answers[name](question)
        except (RuntimeError, IndexError) as error:  # PyTorch's; a file's contents may not fit
            raise TraceError(
                f"The recording could not answer {name!r}: its tensors do not fit together, or "
                f"there is not enough memory ({str(error)[:300]})."
            ) from error

    # The questions

    def _model(self, question: ModelQuestion) -> Answer:
        parts: list[ModelPart] = []
        for part in dict.fromkeys(module.part for module in self.modules.values()):
            layers = self._layers(part)
            heads = layers[0].map.shape[1]
            parts.append(
                {"part": part, "layers": len(layers), "heads": heads, "kind": layers[0].kind}
            )
        sources = [module.map.source for module in self.modules.values()]
        answer: ModelAnswer = {
            "kind": "recording",
            "name": self.name or "recording",
            "languages": None,
            "config": None,
            "parameters": None,
            "parts": parts,
            "abilities": self._abilities,
            "limits": {"characters": 0, "tokens": 0, "numbers": self.limits.numbers},
            "special": None,
            "provenance": {
                "model": self.name,
                "kernels": sorted({source.kernel for source in sources if source.kernel}),
                "notes": self.notes + sorted({note for one in sources for note in one.notes}),
            },
        }
        return Answer(answer)

    def _run(self, question: RunQuestion) -> Answer:
        row = self._row(question)
        attention = self._attention(row)
        steps: list[StepAnswer] = []
        for module in self.modules.values():
            steps.extend(steps_of(module))
        first = next(iter(self.modules.values()))
        sentences: list[Sentence] = [
            {"text": " ".join(self.labels.of(first, "query", one)), "translated": False}
            for one in range(self.rows)
        ]
        answer: RunAnswer = {
            "request": RunQuestion(sentence=row, beam_size=1).to_dict(),
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
        return Answer(answer)

    def _attention(self, row: int) -> list[AttentionAnswer]:
        tokens = TokenLists()
        attention: list[AttentionAnswer] = []
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
        return attention

    def _array(self, question: ArrayQuestion) -> Answer:
        row = self._row(question.run)
        paths = [item.path for item in question.items]
        steps = [self._step(path) for path in paths]
        shapes = [step_shape(module, step) for module, step in steps]
        windows = [
            checked_window(item.path, shape, item.window)
            for item, shape in zip(question.items, shapes, strict=True)
        ]
        check_numbers(map(window_size, windows), self.limits.numbers)
        # Nothing is computed before the cost of the whole is known.
        maps = [(self._of_rows.map_of(module, row), step) for module, step in steps]
        check_work(
            check_window(one, step, window, path)
            for path, (one, step), window in zip(paths, maps, windows, strict=True)
        )
        arrays = [values(*one, window) for one, window in zip(maps, windows, strict=True)]
        return windows_answer(paths, windows, shapes, arrays)

    def _overview(self, question: OverviewQuestion) -> Answer:
        row = self._row(question.run)
        layers = self._layers(question.part)
        layers = layers[layer_slice(question.layers, len(layers))]
        _, heads, queries, keys = layers[0].map.shape
        numbers = self.limits.numbers
        most = max(1, min(LARGEST_PICTURE, math.isqrt(numbers // (len(layers) * heads) or 1)))
        check_numbers([len(layers) * heads * most * most], numbers)
        block = (-(-queries // most), -(-keys // most))
        pictures = self._of_rows.pictures(layers, row, block)
        answer: OverviewAnswer = {
            "part": layers[0].part,
            "pooled": block != (1, 1),
            "block": list(block),
            "queries": queries,
            "keys": keys,
        }
        arrays = {
            "weights": np.stack([one.weights for one in pictures]),
            "entropy": np.stack([one.entropy for one in pictures]),
            "masked": np.stack([one.masked for one in pictures]).min(axis=0),
        }
        return Answer(answer, arrays)

    def _head_kinds(self, question: HeadKindsQuestion) -> Answer:
        row = self._row(question.run)
        layers = self._layers(question.part)
        span = layer_slice(question.layers, len(layers))
        heads = self._of_rows.heads(layers[span], row, self.labels)
        return Answer(kinds_answer(question.part, span.start, heads))

    def _alignment(self, question: AlignmentQuestion) -> Answer:
        row, modules = self._row(question.run), list(self.modules.values())
        return Answer(alignment_of(self._of_rows, modules, self.labels, row, question.start))

    # Helpers of the answers

    def _row(self, question: RunQuestion) -> int:
        """Return the row of the batch that a question asks about."""
        if question.edits:
            raise ConfigError(
                "A recording cannot be edited: it holds what a model attended to, and no model to "
                "run again. Ask without edits."
            )
        if question.sentence >= self.rows:
            raise ConfigError(
                f"sentence is the row of the batch, from 0 to {self.rows - 1}; got "
                f"{question.sentence}."
            )
        return question.sentence

    def _layers(self, part: str) -> list[Module]:
        layers = [module for module in self.modules.values() if module.part == part]
        if not layers:
            parts = dict.fromkeys(module.part for module in self.modules.values())
            raise ConfigError(
                f"The recording has no part {part!r}. It has {', '.join(map(repr, parts))}."
            )
        return layers

    def _step(self, path: str) -> tuple[Module, str]:
        name, _, step = path.rpartition(".")
        if name not in self.modules or step not in available(self.modules[name]):
            first = next(iter(self.modules))
            raise TraceError(
                f"The recording has no array {path!r}. Its arrays are named after the modules "
                f"that attended, such as {first + '.weights'!r}, and each module has "
                f"{', '.join(available(self.modules[first]))}."
            )
        return self.modules[name], step


def open_recording(
    path: str | Path,
    *,
    tokens: Tokens | None = None,
    source_tokens: Tokens | None = None,
    sweep: SweepAnswer | None = None,
) -> RecordingExplorer:
    """Open the explorer of a recording's file; see `RecordingExplorer`.

    Raises:
        MissingExtraError: PyTorch is not installed.
        TraceError: the file is missing, damaged, or not a recording.
    """
    from ...errors import require

    require("torch", extra="torch", purpose="Opening a recording")
    from ...maps.recording.reading import load_recording

    recording: Recording = load_recording(path)
    name = recording.model or Path(path).stem
    return RecordingExplorer(
        recording, tokens=tokens, source_tokens=source_tokens, name=name, sweep=sweep
    )
