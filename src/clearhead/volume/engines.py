"""The engines of one model, each created on first use."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from ..config import TransformerConfig
from ..engine.protocols import Engine
from ..reference.weights import expected_shapes
from ..search.batches import search_batches
from ..search.hypothesis import Hypothesis
from ..search.settings import SearchSettings
from ..search.special_tokens import SpecialTokens
from ..shapes import Array
from ..text.tokenizer import Tokenizer
from .choice import COMPUTES, EngineChoice, choose
from .ctranslate2_engine import CTranslate2Engine, Vocabulary
from .ctranslate2_model import write_model
from .layout import Layout, fastest, processors, store_layout, stored_layout
from .model_cache import fingerprint, stored_model
from .recent_answers import RecentAnswers
from .torch_engine import TorchEngine, best_device, faster_compute
from .verification import verify

Sources = Sequence[Sequence[int]]
# Takes sources, settings, prefixes and a progress callback; returns the hypotheses of each source,
# the n best and then spares.
BatchSearch = Callable[
    [Sources, SearchSettings, Sequence[Sequence[int]], Callable[[int], None] | None],
    list[list[Hypothesis]],
]
_MEASURED_FROM = 5000  # sources in one call from which measuring layouts pays off
_SAMPLE = 192  # sources used for measuring
_GPU_TOKENS = 16384  # source tokens of a batch on a GPU


class WithWeights(Protocol):
    """A model that was read, such as a `clearhead.translation.checkpoint.Checkpoint`."""

    @property
    def weights(self) -> Mapping[str, Array]:
        """Arrays in float32, by the names of docs/formats.md."""
        ...


@dataclass(frozen=True)
class Work:
    """A call's wishes for its batches; None leaves the choice to the engine.

    Attributes:
        batch_tokens: source tokens of a batch, including padding.
        threads: the number of threads.
    """

    batch_tokens: int | None = None
    threads: int | None = None


class VolumeEngines:
    """The engines that can translate with a model instead of the readable engine.

    Args:
        config: of the model, which has an encoder and a decoder.
        read_model: reads the model again; called when an engine is created.
        tokenizer: of the model.
        own_engine: the readable engine, for sources that another engine cannot handle.
    """

    def __init__(
        self,
        config: TransformerConfig,
        read_model: Callable[[], WithWeights],
        tokenizer: Tokenizer,
        own_engine: Engine,
    ) -> None:
        self.config, self.tokenizer = config, tokenizer
        self._read_model, self._own_engine = read_model, own_engine
        self._special = SpecialTokens.of(config)
        self._torch: dict[str, TorchEngine] = {}
        self._torch_compute = ""
        self._ctranslate2: dict[tuple[str, Layout], CTranslate2Engine] = {}
        self._answers: dict[EngineChoice, RecentAnswers] = {}
        self._lock = threading.RLock()  # held while an engine is created

    def choose(
        self,
        engine: str,
        compute: str,
        settings: SearchSettings,
        *,
        explicit: Collection[str] = (),
        characters: int = 0,
    ) -> EngineChoice:
        """Return the choice of engine; see `clearhead.volume.choice.choose`."""
        return choose(
            engine, compute, self.config, self.parameters, settings,
            explicit=explicit, characters=characters,
        )  # fmt: skip

    def search(
        self, choice: EngineChoice, batch_tokens: int | None = None, threads: int | None = None
    ) -> BatchSearch | None:
        """Return the search function of the chosen engine; None for the readable engine.

        Recent results are reused.

        Args:
            choice: the result of `choose`.
            batch_tokens: source tokens of a batch, including padding; None leaves it to the engine.
            threads: the number of threads; None leaves it to the engine.
        """
        if choice.engine == "numpy":
            return None
        work = Work(batch_tokens, threads)
        run = self._run_torch if choice.engine == "torch" else self._run_ctranslate2
        with self._lock:
            answers = self._answers.setdefault(choice, RecentAnswers())

        def search(
            sources: Sources,
            settings: SearchSettings,
            prefixes: Sequence[Sequence[int]],
            on_progress: Callable[[int], None] | None,
        ) -> list[list[Hypothesis]]:
            def fresh(new: Sources, their: Sequence[Sequence[int]]) -> list[list[Hypothesis]]:
                if not new:
                    return []
                return run(choice, work, new, settings, their, on_progress)

            return answers.answer(sources, settings, prefixes, fresh)

        return search

    def forget_answers(self) -> None:
        """Drop the stored results, so that the next texts do not depend on earlier ones."""
        with self._lock:
            self._answers.clear()

    def repeats(self, choice: EngineChoice) -> int:
        """Return the number of sources whose results were reused."""
        return self._answers[choice].hits if choice in self._answers else 0

    # --- PyTorch ---------------------------------------------------------------------------------

    def _run_torch(
        self,
        choice: EngineChoice,
        work: Work,
        sources: Sources,
        settings: SearchSettings,
        prefixes: Sequence[Sequence[int]],
        on_progress: Callable[[int], None] | None,
    ) -> list[list[Hypothesis]]:
        engine = self.torch_engine(choice.compute, sources)
        on_gpu = engine.device != "cpu"
        return search_batches(
            engine, sources, settings, special=self._special, prefixes=prefixes,
            batch_tokens=work.batch_tokens or (_GPU_TOKENS if on_gpu else 1024),
            threads=1 if on_gpu else work.threads or 1,
            spares=True, on_progress=on_progress,
        )  # fmt: skip

    def torch_engine(self, compute: str, sources: Sources) -> TorchEngine:
        """Return the PyTorch engine.

        Args:
            compute: a type, or ``auto``: on the first call, the types are compared on some of the
                sources.
            sources: the sources to translate.
        """
        with self._lock:
            if compute != "auto":
                return self._torch_of(compute)
            if not self._torch_compute:
                engines = {name: self._torch_of(name) for name in COMPUTES["torch"]}
                self._torch_compute = faster_compute(engines, _sample(sources)[:32])
                self._torch = {self._torch_compute: engines[self._torch_compute]}
            return self._torch_of(self._torch_compute)

    def _torch_of(self, compute: str) -> TorchEngine:
        if compute not in self._torch:
            self._torch[compute] = TorchEngine(
                self.config, self._read_model().weights, compute=compute, device=best_device()
            )
        return self._torch[compute]

    # --- CTranslate2 -----------------------------------------------------------------------------

    def _run_ctranslate2(
        self,
        choice: EngineChoice,
        work: Work,
        sources: Sources,
        settings: SearchSettings,
        prefixes: Sequence[Sequence[int]],
        on_progress: Callable[[int], None] | None,
    ) -> list[list[Hypothesis]]:
        # Where CTranslate2 supports int8 on a processor, it is the faster of its types.
        compute = "int8" if choice.compute == "auto" else choice.compute
        layout = self.layout(compute, work, sources, settings)
        engine = self._ctranslate2_of(compute, layout)
        return engine.search(sources, settings, prefixes, on_progress)

    def layout(
        self, compute: str, work: Work, sources: Sources, settings: SearchSettings
    ) -> Layout:
        """Return CTranslate2's distribution of work over the processors.

        An earlier measurement with this model is reused. With many sources it is measured now, and
        stored beside the model.
        """
        count = work.threads or processors()
        size = work.batch_tokens
        with self._lock:
            folder = self.folder(compute)
            key = f"{count} processors, beam {settings.beam_size}"
            layout = stored_layout(folder, key)
            if layout is None and len(sources) >= _MEASURED_FROM:
                layout = self._measured_layout(compute, count, sources, settings)
                store_layout(folder, key, layout)
        layout = layout or Layout(count)
        return Layout(layout.workers, layout.threads, size) if size else layout

    def _measured_layout(
        self, compute: str, count: int, sources: Sources, settings: SearchSettings
    ) -> Layout:
        sample = _sample(sources)
        prefixes: list[tuple[int, ...]] = [()] * len(sample)

        def run(layout: Layout) -> Callable[[], object]:
            engine = self._ctranslate2_of(compute, layout)
            return lambda: engine.search(sample, settings, prefixes)

        return fastest(count, run)

    def _ctranslate2_of(self, compute: str, layout: Layout) -> CTranslate2Engine:
        with self._lock:
            key = (compute, layout)
            if key not in self._ctranslate2:
                # Only one model is held in memory, so those of other layouts are dropped.
                self._ctranslate2 = {
                    key: CTranslate2Engine(
                        self.folder(compute), self._vocabulary, compute, layout, self._own_search
                    )
                }
            return self._ctranslate2[key]

    def folder(self, compute: str) -> Path:
        """Return the folder of the model for CTranslate2; write and verify it on first use."""
        with self._lock:
            if compute not in self._folders:
                self._folders[compute] = stored_model(
                    f"{self._fingerprint}-{compute}",
                    lambda draft: write_model(
                        self.config, self._read_model().weights, self._vocabulary.pieces, draft,
                        quantization=compute,
                    ),
                    lambda draft: verify(
                        draft, self.config, self._vocabulary, compute, self._own_search
                    ),
                )  # fmt: skip
            return self._folders[compute]

    def _own_search(
        self, sources: Sources, settings: SearchSettings, prefixes: Sequence[Sequence[int]]
    ) -> list[list[Hypothesis]]:
        """Search with the readable engine."""
        return search_batches(
            self._own_engine, sources, settings,
            special=self._special, prefixes=prefixes, batch_tokens=1024, spares=True,
        )  # fmt: skip

    @cached_property
    def parameters(self) -> int:
        """The number of the model's parameters."""
        return sum(math.prod(shape) for shape in expected_shapes(self.config).values())

    @cached_property
    def _folders(self) -> dict[str, Path]:
        return {}

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint(self.config, self._read_model().weights, self._vocabulary.pieces)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        pieces = self.tokenizer.pieces(range(self.tokenizer.vocab_size))
        # A vocabulary size may be rounded up; ids beyond the tokenizer's have no name.
        pieces += [f"<unused{number}>" for number in range(len(pieces), self.config.vocab_size)]
        return Vocabulary(pieces, self._special)


def _sample(sources: Sources) -> list[Sequence[int]]:
    """Return some of the sources, of all lengths."""
    step = max(1, len(sources) // _SAMPLE)
    return sorted(sources, key=len)[::step][:_SAMPLE]
