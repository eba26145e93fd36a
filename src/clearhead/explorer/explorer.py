"""The explorer: every question about a translation model and a sentence, answered.

    explorer = Explorer(read_checkpoint("en-fr"))
    explorer.answer("run", {"text": "The cat sleeps."}).json["translation"]

Whatever shows the answers (a page, a notebook, a file) asks these questions and no others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..engine.products import method
from ..errors import ConfigError
from ..translation.attention_paths import PARTS
from ..translation.checkpoint import Checkpoint
from .answers.beam import beam_answer
from .answers.effects import effects_answer
from .answers.models import Models
from .answers.overview import overview
from .answers.run import Run, walk
from .answers.run_answer import run_answer
from .answers.run_cache import RunCache
from .answers.words import Vocabulary
from .contract.answers import Answer
from .contract.arrays import windows
from .contract.edits import layers_of
from .contract.reader import Reader
from .contract.requests import (
    MOST_ITEMS,
    Limits,
    RunRequest,
    array_items,
    beam_request,
    effects_request,
    run_request,
)
from .stopping import check

ABILITIES = ("translate", "edit", "beam", "effects", "derivations")
_CACHE_BYTES = 256 * 2**20
_LANGUAGES = re.compile(r"([a-z]{2,3})-([a-z]{2,3})")


class Explorer:
    """Answers questions about one translation model. Several threads may ask at once.

    Args:
        checkpoint: of the model, with an encoder and a decoder.
        name: what the model is called; None for the name of its folder.
        limits: how much is taken and given at once.
        cache_bytes: what the traces of the runs asked for lately may hold.

    Raises:
        ConfigError: the model has no encoder or no decoder.
        CheckpointError: its weights are not those of its config.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        name: str | None = None,
        limits: Limits | None = None,
        cache_bytes: int = _CACHE_BYTES,
    ) -> None:
        self.models = Models.of(checkpoint)
        self.name = name or (checkpoint.folder.name if checkpoint.folder else "model")
        self.limits = limits or Limits()
        self.runs: RunCache[RunRequest, Run] = RunCache(cache_bytes)
        self._vocabulary = Vocabulary(checkpoint.tokenizer, self.limits.query)
        self._questions: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "model": self._model,
            "run": self._run,
            "words": self._words,
            "beam": self._beam,
            "array": self._array,
            "overview": self._overview,
            "effects": self._effects,
        }

    @property
    def questions(self) -> list[str]:
        """The names of all questions."""
        return list(self._questions)

    def answer(self, name: str, params: Mapping[str, Any] | None = None) -> Answer:
        """The answer to a question.

        Args:
            name: one of `questions`.
            params: its parameters, as JSON has them.

        Raises:
            ConfigError: the question or one of its values is unknown, missing or out of range.
            ShapeError: a position is outside of the sentence, or a text is too long.
            TextError: the text is empty, too long, or no text.
            TraceError: there is no step of this path.
            Stopped: the question was given up.
        """
        if name not in self._questions:
            raise ConfigError(
                f"There is no question {name!r}. The questions are {', '.join(self._questions)}."
            )
        check()
        return self._questions[name]({} if params is None else params)

    def run(self, request: RunRequest) -> Run:
        """The run of a request, computed unless it was asked for lately."""
        found = self.runs.get(request, lambda: walk(self.models, request, self.run))
        if found.request != request:
            # Asked for again by its normalised request, it must be found.
            self.runs.put(found.request, found)
        return found

    def _model(self, params: Mapping[str, Any]) -> Answer:
        Reader("model", params, ())
        models, config = self.models, self.models.config
        languages = _LANGUAGES.fullmatch(self.name)
        return Answer(
            {
                "kind": "translation",
                "name": self.name,
                "languages": {
                    "source": languages[1] if languages else None,
                    "target": languages[2] if languages else None,
                },
                "config": config.to_dict(),
                "parameters": sum(array.size for array in models.checkpoint.weights.values()),
                "parts": [
                    {"part": part, "layers": layers_of(part, config), "heads": config.num_heads}
                    for part in PARTS
                ],
                "abilities": list(ABILITIES),
                "batch_invariant": method() != "whole",
                "limits": {
                    "characters": self.limits.characters,
                    "tokens": models.translator.longest_source,
                    "numbers": self.limits.numbers,
                    "edits": self.limits.edits,
                },
                "special": {
                    "pad": config.pad_id,
                    "start": config.start_id,
                    "end": config.end_id,
                },
                "provenance": dict(models.checkpoint.provenance),
            }
        )

    def _run(self, params: Mapping[str, Any]) -> Answer:
        return Answer(run_answer(self.run(run_request(params, self.limits))))

    def _words(self, params: Mapping[str, Any]) -> Answer:
        query = Reader("words", params, ("query",)).text("query")
        return Answer({"tokens": self.models.tokens(self._vocabulary.find(query))})

    def _beam(self, params: Mapping[str, Any]) -> Answer:
        request = beam_request(params, self.limits)
        return Answer(beam_answer(self.run(request.run), request.beam_size))

    def _array(self, params: Mapping[str, Any]) -> Answer:
        reader = Reader("array", params, ("run", "items"))
        reader.value("items")
        items = array_items(reader.listed("items", MOST_ITEMS))
        run = self.run(run_request(reader.value("run"), self.limits))
        return windows(run, items, self.limits.numbers)

    def _overview(self, params: Mapping[str, Any]) -> Answer:
        reader = Reader("overview", params, ("run", "part"))
        part = reader.choice("part", tuple(PARTS))
        return overview(self.run(run_request(reader.value("run"), self.limits)), part)

    def _effects(self, params: Mapping[str, Any]) -> Answer:
        request = effects_request(params, self.limits)
        return Answer(effects_answer(self.run(request.run), request))
