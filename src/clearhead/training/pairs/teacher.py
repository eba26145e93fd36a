"""Corpora with one side written by a model: distillation and back-translation.

A teacher of the run's translation direction writes the targets (Kim and Rush 2016, "Sequence-Level
Knowledge Distillation"); a teacher of the opposite direction, with ``from_target``, writes the
sources (Sennrich et al. 2016, "Improving Neural Machine Translation Models with Monolingual Data").
Its translations are stored in the run's folder, part by part, so a killed run resumes after the
last part.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from ...errors import ConfigError, CorpusError
from ...text.corpus import Pair, Skipped, read_texts, texts_of_lines
from ...text.kinds import PAIRS
from ...text.token_store import Preparation
from ..data_settings import CorpusSettings
from ..processes.parallel import Processes
from ..settings import Settings

FOLDER = "taught"
PART = 1000  # texts of one part, which a process translates at a time

Translate = Callable[[list[str]], list[str]]


def taught_settings(
    run: Path,
    settings: Settings,
    located: Settings,
    preparation: Preparation,
    processes: Processes,
    tell: Callable[[str], None],
    *,
    load: Callable[[str], Translate] | None = None,
) -> Settings:
    """Let teachers write their corpora; return the settings with the written files instead.

    All processes must call this. Each writes its share of the parts, and all wait until every part
    is written.

    Args:
        run: the folder of the run.
        settings: of the run.
        located: the same with paths that can be opened as they are.
        preparation: of the pairs. Held-out pairs are not translated.
        processes: of the run.
        tell: called with sentences on the progress.
        load: returns a function that translates with a model; None uses a `Translator` on PyTorch.
    """
    teachers: dict[str, Translate] = {}
    corpora = []
    for number, (row, place) in enumerate(
        zip(settings.data.corpus, located.data.corpus, strict=True)
    ):
        if row.teacher is None:
            corpora.append(row)
            continue
        path = run.resolve() / FOLDER / f"{number}.tsv"
        if not path.exists():
            if row.teacher not in teachers:
                teachers[row.teacher] = (load or _load)(row.teacher)
            _teach(path, place, preparation, teachers[row.teacher], processes, tell)
        corpora.append(
            replace(
                row,
                path=str(path),
                source_column=None,
                target_column=None,
                teacher=None,
                from_target=False,
            )
        )
    return replace(settings, data=replace(settings.data, corpus=tuple(corpora)))


def check_teachers(settings: Settings) -> None:
    """Check that the settings about teachers fit together.

    Raises:
        ConfigError: they do not; the message names the setting.
    """
    for i, row in enumerate(settings.data.corpus):
        name = f"data.corpus[{i}]"
        if row.teacher is None and row.from_target:
            raise ConfigError(
                f"{name}.from_target has the sources written by a teacher, and {name}.teacher "
                f"names none. Name a model that translates targets to sources."
            )
        if row.teacher is None and texts_of_lines(row.path) is not None:
            raise ConfigError(
                f"{name}.path = {row.path!r} has one side alone. Name a {name}.teacher, which "
                f"writes the other, or a corpus of pairs."
            )
        if row.teacher is not None and settings.task != "translation":
            raise ConfigError(f"{name}.teacher is for translators. Leave it out.")
        if row.back_translation_tag and row.held_out:
            raise ConfigError(
                f"{name}.held_out: what is tested with must be written by people, and "
                f"{name}.back_translation_tag says that a machine wrote the sources of this "
                f"corpus. Set one of them."
            )
        if row.back_translation_tag and row.teacher is not None and not row.from_target:
            raise ConfigError(
                f"{name}.back_translation_tag is for sources that a machine wrote, and "
                f"{name}.teacher writes the targets. Leave it out, or set {name}.from_target."
            )
        if row.teacher is not None and row.held_out:
            raise ConfigError(
                f"{name}.held_out: what is tested with must be written by people, and "
                f"{name}.teacher writes a side of this corpus. Set one of them."
            )


def _teach(
    path: Path,
    corpus: CorpusSettings,
    preparation: Preparation,
    translate: Translate,
    processes: Processes,
    tell: Callable[[str], None],
) -> None:
    """Write the pairs of a corpus, with one side translated by a model."""
    parts = path.with_suffix("")
    if processes.first:
        parts.mkdir(parents=True, exist_ok=True)
    processes.wait()
    texts = _texts(corpus, preparation)
    count = 0
    while chunk := list(islice(texts, PART)):
        part = parts / f"{count:06d}.tsv"
        if count % processes.count == processes.rank and not part.exists():
            _write(part, _lines(chunk, translate(chunk), corpus.from_target))
            tell(f"{corpus.teacher}: {count * PART + len(chunk):,} texts of {corpus.path} written")
        count += 1
    processes.wait()
    if not count:
        raise CorpusError(f"{corpus.path} holds no text that {corpus.teacher} could translate.")
    if processes.first:
        _write(path, (line for i in range(count) for line in _read(parts / f"{i:06d}.tsv")))
        for i in range(count):
            (parts / f"{i:06d}.tsv").unlink()
        parts.rmdir()
    processes.wait()


def _texts(corpus: CorpusSettings, preparation: Preparation) -> Iterator[str]:
    """Yield the texts to translate, without held-out ones."""
    lines = texts_of_lines(corpus.path)
    bad = Skipped() if preparation.skip_bad_lines else None
    if lines is not None:
        for text in read_texts(lines, "line", skip_counts=bad):
            if clean := preparation.clean(Pair(text, "")).source:
                yield clean
        return
    for raw in PAIRS.read(corpus.path, bad):
        pair = preparation.clean(raw)
        text = pair.target if corpus.from_target else pair.source
        if text and not preparation.held_out(pair.source):
            yield text


def _lines(texts: list[str], translations: list[str], from_target: bool) -> Iterator[str]:
    for text, translation in zip(texts, translations, strict=True):
        yield PAIRS.line(Pair(translation, text) if from_target else Pair(text, translation))


def _read(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="\n") as file:
        yield from file


def _write(path: Path, lines: Iterator[str]) -> None:
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
    os.replace(draft, path)


def _load(model: str) -> Translate:
    """Return a function that translates with a model, in Clearhead's format or another.

    A text's translation does not depend on the process or on earlier texts. So it runs in one
    thread, and forgets earlier answers, since cached texts would be missing from a batch.
    """
    from ...batch import one_thread
    from ...translation.translator import Translator

    translator = Translator.load(model)
    options: dict[str, Any] = {"engine": "torch"} if isinstance(translator, Translator) else {}

    def translate(texts: list[str]) -> list[str]:
        if isinstance(translator, Translator):
            translator.engines.forget_answers()
        with one_thread():
            translations = translator.translate(texts, **options)
        assert isinstance(translations, list)
        return [translation.text for translation in translations]

    return translate
