"""The content of a saved page: the answers that its views need, within a size limit."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import parse_qsl

import numpy as np

from ...errors import ConfigError
from ...shapes import Array
from ..contract.answers import (
    Answering,
    BeamAnswer,
    EffectsAnswer,
    ModelAnswer,
    OverviewAnswer,
)
from ..contract.derivation_answers import ArrayOperand
from ..contract.run_answers import AttentionAnswer, RunAnswer, StepAnswer
from ..contract.saved_page import SavedBeam, SavedEffects, SavedPage, SavedPlace
from .first_screen import FirstScreen, model_of_a_file
from .head_kinds import saved_kinds
from .numbers import Constants, Pack

WHOLE_VOCABULARY = ("logits", "probabilities")
OUTPUT = "weights/output.weight"
MOST_ITEMS = 48  # in one question for arrays
MOST_LINKS = 64  # of one query, with their effects
EFFECT_SECONDS = 4.0
# The most numbers of a file in its smallest form, and the most logits that are computed for it.
MOST_STORED = 20_000_000
MOST_WORDS = 4_000_000


@dataclass(frozen=True)
class Focus:
    """The head, query and position that the page shows."""

    part: str
    layer: int
    head: int
    query: int
    position: int | None
    beam: int

    @classmethod
    def of(cls, view_state: str, run: RunAnswer) -> Focus:
        """Return the focus in a page's address, or the nearest one that the run has.

        Args:
            view_state: the # part of the address, with or without the #.
            run: the answer to the question ``run``.
        """
        fields = dict(parse_qsl(view_state.removeprefix("#")))

        def number(name: str) -> int | None:
            text = fields.get(name, "")
            return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

        attentions = run["attention"]
        parts = {entry["part"] for entry in attentions}
        part = fields.get("part", "cross")
        if part not in parts:
            part = attentions[0]["part"]
        layers = [entry for entry in attentions if entry["part"] == part]
        entry = layers[min(number("layer") or 0, len(layers) - 1)]
        position = number("position")
        return cls(
            part=part,
            layer=entry["layer"],
            head=min(number("head") or 0, entry["heads"] - 1),
            query=min(number("query") or 0, entry["queries"] - 1),
            position=None if position is None or position >= len(run["predicted"]) else position,
            beam=number("beam") or run["request"]["beam_size"],
        )


@dataclass(frozen=True)
class Content:
    """How much of a run a page holds; if a page is too large, the next option is tried.

    Attributes:
        to_float32: whether numbers that need all bits of a float64 are stored as float32.
        all_layers: whether it holds the steps of all layers, or only of the focused layer.
    """

    to_float32: bool
    all_layers: bool


LEVELS = (Content(False, True), Content(True, True), Content(True, False))


class PageAnswers:
    """The answers about a run for a saved page, each asked for once.

    Args:
        explorer: answers questions.
        request: of the run.
        view_state: the # part of the page's address.
        effect_seconds: the time for computing effects of further queries of the focused head;
            those of the focused query are always included.
    """

    def __init__(
        self,
        explorer: Answering,
        request: Mapping[str, Any],
        view_state: str,
        effect_seconds: float = EFFECT_SECONDS,
    ) -> None:
        self.explorer = explorer
        self.view_state = view_state
        self.model = cast("ModelAnswer", explorer.answer("model", {}).json)
        self.run = cast("RunAnswer", explorer.answer("run", dict(request)).json)
        self.request = self.run["request"]
        self.model = model_of_a_file(self.model, self.request)
        self.focus = Focus.of(view_state, self.run)
        self.check_size()
        parts = dict.fromkeys(entry["part"] for entry in self.run["attention"])
        self.overviews = {
            part: explorer.answer("overview", {"run": self.request, "part": part}) for part in parts
        }
        abilities = self.model["abilities"]
        self.beam = self._beam() if "beam" in abilities else None
        self.effects = list(self._effects(effect_seconds)) if "effects" in abilities else []
        self.first_screen = FirstScreen.of(explorer, self.model, self.request)
        self._arrays: dict[str, Array] = {}

    def count(self, content: Content) -> int:
        """Return the number of step values of a page with this content, from shapes alone."""
        shapes = (step["shape"] for step in self.run["steps"] if self._holds(step, content))
        return sum(map(math.prod, shapes))

    def check_size(self) -> None:
        """Check that the smallest version of the page fits into one file.

        Raises:
            ConfigError: the text is too long, or the model too large.
        """
        shapes = {step["path"]: step["shape"] for step in self.run["steps"]}
        steps, weights = self.count(LEVELS[-1]), self._attention_weights(shapes)
        words = math.prod(shapes.get("logits", [0]))
        if steps + weights > MOST_STORED or words > MOST_WORDS:
            raise ConfigError(
                f"This page would be too large for one file: it has {steps:,} numbers of one layer "
                f"and {words:,} logits, and the weights of one attention are {weights:,}. A saved "
                f"page takes {MOST_STORED:,} of the one kind and {MOST_WORDS:,} of the other. "
                f"Save a shorter text, or a page of a smaller model."
            )

    def _attention_weights(self, shapes: Mapping[str, Sequence[int]]) -> int:
        """Return the number of entries in the weight matrices of the focused attention."""
        path = self._attention()["path"]
        if f"{path}.projected" not in shapes:
            return 0  # a recording has no weights
        (_, heads, _, width), (_, kv_heads, *_) = (shapes[f"{path}.{n}"] for n in ("query", "key"))
        return 2 * width * (heads + kv_heads) * shapes[f"{path}.projected"][-1]

    def pack(self, content: Content) -> tuple[SavedPage, dict[str, Array]]:
        """Return the page's answers as plain values and arrays, for `arrays.encode`."""
        numbers = Pack(content.to_float32)
        constants = Constants.of(self.model["config"])
        for path in self._weights(content):
            numbers.add(path, self._array(path))
        for step in self.run["steps"]:
            if self._holds(step, content):
                numbers.add_step(step, self._array(step["path"]), constants)
        self._add_vocabulary(numbers)
        for part, overview in self.overviews.items():
            for name, array in overview.arrays.items():
                numbers.add(f"overview/{part}/{name}", array)
        check = self.run["check"]
        dtype: Literal["float32", "float64"] = "float32" if content.to_float32 else "float64"
        run: RunAnswer = {**self.run, "check": check and {**check, "stored": dtype}}
        json: SavedPage = {
            "state": self.view_state,
            "all_layers": content.all_layers,
            "model": self.model,
            "run": run,
            "beam": self.beam,
            "effects": self.effects,
            "overview": {
                part: cast("OverviewAnswer", overview.json)
                for part, overview in self.overviews.items()
            },
            "head_kinds": saved_kinds(self.explorer, self.run),
            "arrays": numbers.entries,
        }
        self.first_screen.add_to(json)
        return json, numbers.arrays()

    # Questions

    def _beam(self) -> SavedBeam:
        size = min(max(self.focus.beam, 1), 8)
        answer = self.explorer.answer("beam", {"run": self.request, "beam_size": size})
        return {"beam_size": size, "json": cast("BeamAnswer", answer.json)}

    def _effects(self, seconds: float) -> Iterator[SavedEffects]:
        focus = self.focus
        queries = self._attention()["queries"]
        nearest = sorted(range(queries), key=lambda query: abs(query - focus.query))
        positions = [None] if focus.position is None else [None, focus.position]
        places = [(focus.query, position) for position in positions]
        places += [(query, None) for query in nearest[1:]]
        end = time.monotonic() + seconds
        for query, position in places:
            if query != focus.query and time.monotonic() >= end:
                return
            params: SavedPlace = {
                "part": focus.part,
                "layer": focus.layer,
                "head": focus.head,
                "query": query,
                "position": position,
            }
            answer = self.explorer.answer(
                "effects", {**params, "run": self.request, "most": MOST_LINKS}
            )
            yield {"params": params, "json": cast("EffectsAnswer", answer.json)}

    def _holds(self, step: StepAnswer, content: Content) -> bool:
        path, name = step["path"], step["path"].rpartition(".")[2]
        # Contributions are products of two arrays that are stored; a whole vocabulary is too large.
        if name == "contributions" or (path in WHOLE_VOCABULARY and "labels" not in self.model):
            return False
        if math.prod(step["shape"]) > self.model["limits"]["numbers"]:
            return False
        return content.all_layers or ".layers." not in path or path.startswith(self._scopes())

    def _scopes(self) -> tuple[str, ...]:
        """Return the path prefixes of the focused layer; a decoder's layer has two attentions."""
        entry = self._attention()
        stack, layers, rest = entry["path"].partition(".layers.")
        whole = f"{stack}{layers}{rest.partition('.')[0]}." if layers else f"{entry['path']}."
        return whole, f"{entry['path']}."

    def _attention(self) -> AttentionAnswer:
        """Return the answer's entry for the focused attention."""
        return next(
            entry
            for entry in self.run["attention"]
            if (entry["part"], entry["layer"]) == (self.focus.part, self.focus.layer)
        )

    def _weights(self, content: Content) -> Iterator[str]:
        """Yield the weights of all norms, all biases, and the weights of the focused attention."""
        attention = f"weights/{self._attention()['path']}."
        for path in self._operands():
            if not path.startswith("weights/"):
                continue
            vector = path.endswith(".bias") or ".norm." in path or "_norm." in path
            if vector or path.startswith(attention):
                yield path

    def _add_vocabulary(self, numbers: Pack) -> None:
        """Add the logits of the words on the page, and their rows of the embeddings."""
        steps = {step["path"]: step for step in self.run["steps"]}
        if "logits" not in steps:
            return
        ids = {
            entry["token"]["id"]
            for place in self.run["next"]
            for entry in (*place["likeliest"], place["taken"])
        }
        input_ids = {
            token["id"] for side in ("source", "decoder_input") for token in self.run[side]
        }
        if "labels" not in self.model:  # a classifier's logits are stored completely
            for path in WHOLE_VOCABULARY:
                self._add_columns(numbers, steps[path], sorted(ids))
        for path in self._matrices():
            if path == OUTPUT and "labels" in self.model:
                numbers.add(path, self._array(path))
            else:
                self._add_rows(numbers, path, sorted(ids | input_ids))

    def _matrices(self) -> list[str]:
        paths = self._operands()
        names = ("embedding", "source_embedding", "target_embedding")
        embeddings = [f"weights/{name}.weight" for name in names]
        return [path for path in (*embeddings, OUTPUT) if path in paths]

    def _operands(self) -> dict[str, None]:
        """Return the paths of all steps and weights that occur in derivations, in order."""
        return dict.fromkeys(
            cast("ArrayOperand", operand)["path"]
            for step in self.run["steps"]
            for derivation in step["derivations"]
            for operand in derivation["operands"]
            if "path" in operand
        )

    def _add_columns(self, numbers: Pack, step: StepAnswer, ids: Sequence[int]) -> None:
        _, positions, _ = step["shape"]
        windows = [[[0, 1], [0, positions], [i, i + 1]] for i in ids]
        columns = self._fetch([{"path": step["path"], "window": window} for window in windows])
        numbers.add(step["path"], np.concatenate(columns, axis=2), part=(2, ids))
        numbers.entries[-1]["shape"] = list(step["shape"])

    def _add_rows(self, numbers: Pack, path: str, ids: Sequence[int]) -> None:
        config = self.model["config"]
        assert config is not None  # a model with embeddings has a config
        width = config["d_model"]
        items: list[dict[str, object]] = [
            {"path": path, "window": [[i, i + 1], [0, width]]} for i in ids
        ]
        numbers.add(path, np.concatenate(self._fetch(items)), part=(0, ids))
        numbers.entries[-1]["shape"] = [config["vocab_size"], width]

    def _array(self, path: str) -> Array:
        if path not in self._arrays:
            (self._arrays[path],) = self._fetch([{"path": path, "window": None}])
        return self._arrays[path]

    def _fetch(self, items: Sequence[dict[str, object]]) -> list[Array]:
        """Return the arrays of these items, with several questions of a few items each."""
        arrays: list[Array] = []
        for start in range(0, len(items), MOST_ITEMS):
            part = list(items[start : start + MOST_ITEMS])
            answer = self.explorer.answer("array", {"run": self.request, "items": part})
            arrays += [answer.arrays[str(place)] for place in range(len(part))]
        return arrays
