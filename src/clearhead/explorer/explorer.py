"""The explorer: answers every question about a model and a text.

    explorer = Explorer(read_checkpoint("en-fr"))
    explorer.answer("run", {"text": "The cat sleeps."}).json["translation"]

Every front end (the page, a notebook, a file) uses only these questions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from ..engine.products import method
from ..errors import ConfigError, TextError
from ..pretrained.model import PretrainedModel
from ..shapes import Array
from ..translation.checkpoint import Checkpoint
from ..translation.directions.register import register_tags
from .answers.beam import beam_answer
from .answers.effects import effects_answer
from .answers.gradients import BackwardPasses, has_gradients
from .answers.head_kinds import head_kinds
from .answers.head_measures import model_copying
from .answers.lens import lens_answer
from .answers.neighbours import neighbours_answer
from .answers.overview import overview
from .answers.run import Run, walk
from .answers.run_answer import run_answer
from .answers.vocabulary import Vocabulary
from .contract.answers import Answer, ModelAnswer, WordsAnswer
from .contract.arrays import windows
from .contract.first_screen.checkpoints import check_checkpoint
from .contract.first_screen.head_kinds import HeadKindsQuestion
from .contract.meaning.gradients import GradientsQuestion
from .contract.parts import check_part, heads_of, layers_of, parts_of
from .contract.questions import (
    AlignmentQuestion,
    ArrayQuestion,
    BeamQuestion,
    DiscoveryQuestion,
    EffectsQuestion,
    LensQuestion,
    ModelQuestion,
    NeighboursQuestion,
    OverviewQuestion,
    Question,
    RunQuestion,
    WordsQuestion,
)
from .contract.reading import QUESTIONS, read_question
from .contract.stopping import check
from .contract.values import LIMITS, Limits
from .discoveries.alignment import alignment_answer
from .discoveries.discovery import Discovery, discovery_answer
from .discoveries.trials import HiddenWords, hide_each_word
from .models.card import limits_of
from .models.kinds import walked_model
from .models.translation import TranslationModel
from .models.walked_model import WalkedModel
from .passes.run_cache import RunCache

_CACHE_BYTES = 96 * 2**20
_TRIAL_BYTES = 8 * 2**20
_LANGUAGES = re.compile(r"([a-z]{2,3})-([a-z]{2,3})")


class Explorer:
    """Answers questions about one model. Several threads may ask at once.

    Args:
        model: a checkpoint, ours or someone else's; or a `WalkedModel`.
        task: the task of someone else's translator, such as ``en-fr``.
        name: the name of the model; None for that of its folder.
        limits: bounds on the size of questions and answers.
        cache_bytes: the most memory for the traces of recent runs.
        checkpoint: the step of the training run that the model comes from, which questions may
            name.

    Raises:
        CheckpointError: its weights do not match its config, or it has no tokenizer.
    """

    def __init__(
        self,
        model: Checkpoint | PretrainedModel | WalkedModel,
        *,
        name: str | None = None,
        task: str | None = None,
        limits: Limits | None = None,
        cache_bytes: int = _CACHE_BYTES,
        checkpoint: int | None = None,
    ) -> None:
        self._checkpoint = checkpoint
        self.models = model if isinstance(model, WalkedModel) else walked_model(model, task)
        folder = getattr(model, "folder", None)
        self.name = name or (folder.name if folder else "model")
        self.limits = limits or LIMITS
        self._limits_in_words = limits_of(folder)
        self.runs: RunCache[RunQuestion, Run] = RunCache(cache_bytes)
        self._hidden_words: RunCache[RunQuestion, HiddenWords] = RunCache(_TRIAL_BYTES)
        self._discoveries: RunCache[tuple[RunQuestion, str], Discovery] = RunCache(_TRIAL_BYTES)
        self._backward_passes = BackwardPasses()
        self._vocabulary = Vocabulary(self.models)
        self._answers: dict[str, Callable[[Any], Answer]] = {
            "model": self._model,
            "run": self._run,
            "words": self._words,
            "neighbours": self._neighbours,
            "beam": self._beam,
            "array": self._array,
            "overview": self._overview,
            "head_kinds": self._head_kinds,
            "effects": self._effects,
            "lens": self._lens,
            "gradients": self._gradients,
            "alignment": self._alignment,
            "discovery": self._discovery,
        }

    @property
    def questions(self) -> list[str]:
        """The names of all questions."""
        return list(self._answers)

    def answer(self, name: str, params: Mapping[str, Any] | Question | None = None) -> Answer:
        """Answer a question.

        Args:
            name: one of `questions`.
            params: its parameters, as JSON or parsed.

        Raises:
            ConfigError: the question or one of its values is unknown, missing or out of range.
            ShapeError: a position is outside the sentence, or a text is too long.
            TextError: the text is empty, too long, or not a text.
            TraceError: there is no step with this path.
            QuestionCancelled: the question was cancelled.
        """
        if name not in self._answers:
            raise ConfigError(
                f"There is no question {name!r}. The questions are {', '.join(self._answers)}."
            )
        check()
        question = read_question(QUESTIONS[name], {} if params is None else params, self.limits)
        check_checkpoint(question, self._checkpoint)
        return self._answers[name](question)

    def run(self, request: RunQuestion) -> Run:
        """Return the run of a request; compute it unless it is in the cache.

        Raises:
            TextError: the text is empty, or not a text.
            ConfigError: there is no such sentence, or an edit does not fit the model.
            ShapeError: an edit does not fit the sentence, or the target is too long.
        """
        if not request.text.strip():
            raise TextError('The text is empty. Give a sentence, such as "The cat sleeps."')
        if not isinstance(self.models, TranslationModel):
            register_tags(request.formality, ())
        run = self.runs.get(request, lambda: walk(self.models, request, self.run))
        if run.request != request:
            # The page will ask for it again with its normalised request.
            self.runs.store(run.request, run)
        return run

    def _model(self, question: ModelQuestion) -> Answer:
        models, config = self.models, self.models.config
        abilities = models.abilities
        if has_gradients(models):
            abilities = [*abilities, "gradients"]
        languages = _LANGUAGES.fullmatch(self.name)
        answer: ModelAnswer = {
            "kind": models.kind,
            "name": self.name,
            "languages": {
                "source": languages[1] if languages else None,
                "target": languages[2] if languages else None,
            },
            "config": config.to_dict(),
            "parameters": sum(array.size for array in models.weights.values()),
            "parts": [
                {
                    "part": part,
                    "layers": layers_of(part, config),
                    "heads": heads_of(part, config),
                }
                for part in parts_of(config)
            ],
            "abilities": abilities,
            "limits": {
                "characters": self.limits.characters,
                "tokens": models.longest,
                "numbers": self.limits.numbers,
                "edits": self.limits.edits,
            },
            "special": {"pad": config.pad_id, "start": config.start_id, "end": config.end_id},
            "provenance": dict(models.provenance),
        }
        if isinstance(models, TranslationModel):
            answer["batch_invariant"] = method() != "whole"
            if models.translator.registers:
                answer["registers"] = list(models.translator.registers)
        if self._limits_in_words:
            answer["limits_in_words"] = self._limits_in_words
        if models.labels:
            answer["labels"] = list(models.labels)
        if models.mask_id is not None:
            (answer["mask"],) = models.tokenizer.pieces([models.mask_id])
        return Answer(answer)

    def _run(self, question: RunQuestion) -> Answer:
        return Answer(run_answer(self.run(question)))

    def _words(self, question: WordsQuestion) -> Answer:
        if question.ids is None:
            ids = self._vocabulary.find(question.query)
        else:
            ids = self._vocabulary.check(question.ids)
        answer: WordsAnswer = {"tokens": self.models.tokens(ids)}
        return Answer(answer)

    def _neighbours(self, question: NeighboursQuestion) -> Answer:
        return Answer(neighbours_answer(self.models, question))

    def _beam(self, question: BeamQuestion) -> Answer:
        beam_size = question.beam_size or question.run.beam_size
        return Answer(beam_answer(self.run(question.run), beam_size))

    def _array(self, question: ArrayQuestion) -> Answer:
        run, paths = self.run(question.run), [item.path for item in question.items]
        arrays = self._backward_passes.arrays(run, paths, question.loss_position)
        return windows(arrays, question.items, self.limits.numbers)

    def _overview(self, question: OverviewQuestion) -> Answer:
        check_part(question.part, self.models.config)
        return overview(self.run(question.run), question.part, question.layers)

    def _head_kinds(self, question: HeadKindsQuestion) -> Answer:
        check_part(question.part, self.models.config)
        run, part = self.run(question.run), question.part
        ids = run.source if part == "encoder" else run.target
        return Answer(head_kinds(run, part, question.layers, ids=ids, copying=self._copying))

    @cached_property
    def _copying(self) -> Mapping[str, Array]:
        return model_copying(self.models)

    def _lens(self, question: LensQuestion) -> Answer:
        return Answer(lens_answer(self.run(question.run), question))

    def _gradients(self, question: GradientsQuestion) -> Answer:
        run = self.run(question.run)
        return Answer(self._backward_passes.answer(run, question.position))

    def _effects(self, question: EffectsQuestion) -> Answer:
        return Answer(effects_answer(self.run(question.run), question))

    def _alignment(self, question: AlignmentQuestion) -> Answer:
        if question.start:
            raise ConfigError(
                f"alignment: start is for recordings; a model's text is shown as a whole. Leave "
                f"start={question.start} out."
            )
        run = self.run(question.run)
        return Answer(alignment_answer(run, self._hide_each_word(run.request)))

    def _discovery(self, question: DiscoveryQuestion) -> Answer:
        own: dict[str, Any] = {"edits": (), "target": None, "target_ids": None}
        run, kind = self.run(question.run.model_copy(update=own)), question.kind
        discovery = self._discoveries.get(
            (run.request, kind),
            lambda: Discovery(discovery_answer(run, kind, self._hide_each_word)),
        )
        return Answer(discovery.answer)

    def _hide_each_word(self, request: RunQuestion) -> HiddenWords:
        """Return the costs of hiding each word of a run, which several questions need."""
        return self._hidden_words.get(request, lambda: hide_each_word(self.run(request)))
