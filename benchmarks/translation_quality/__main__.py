"""How good translations are, by references, by a list of everyday sentences, and by their words.

    python -m benchmarks.translation_quality MODEL [MODEL ...] [--pairs NAME=FILE ...] [--beam 4]

MODEL is a bundled model's name, a folder, or NAME=FOLDER; several stand beside each other in each
table. Sets are files with a tab between source and reference, or NAME=SOURCES,REFERENCES.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clearhead.errors import ConfigError
from clearhead.translation.translator import Translator

from ..machine import machine
from ..report import add_arguments, progress, publish
from .everyday import EVERYDAY, EverydaySentence, read_everyday
from .judging import Translate, judge_everyday, judge_pairs
from .pairs import PairSet, read_pairs
from .result import result_of
from .words import WORD_LIST, WordList

QUICK_SENTENCES, QUICK_LINES = 8, 4


def models_of(arguments: Sequence[str]) -> dict[str, str]:
    """Return the name under which each model is shown, and where it is.

    Raises:
        ConfigError: two models have one name.
    """
    models: dict[str, str] = {}
    for argument in arguments:
        name, equals, place = argument.partition("=")
        if not equals or not name:
            name, place = Path(argument).name or argument, argument
        if name in models:
            raise ConfigError(f"Two models are called {name}: write before=FOLDER after=FOLDER.")
        models[name] = place
    return models


def judge(
    place: str,
    sentences: Sequence[EverydaySentence],
    pair_sets: Sequence[PairSet],
    word_list: WordList,
    beam_size: int,
) -> dict[str, Any]:
    """Return what one model makes of the everyday list and of each set."""
    translator = Translator.load(place)

    def translate(sources: Sequence[str]) -> list[str]:
        return [x.text for x in translator.translate(sources, beam_size=beam_size)]

    progress(f"{place}: {len(sentences)} everyday sentences ...")
    everyday = judge_everyday(sentences, translate, word_list)
    return {"everyday": everyday, "pairs": _judge_sets(place, pair_sets, translate, word_list)}


def _judge_sets(
    place: str, pair_sets: Sequence[PairSet], translate: Translate, word_list: WordList
) -> dict[str, Any]:
    judgements = {}
    for pairs in pair_sets:
        progress(f"{place}: {len(pairs.sources):,} lines of {pairs.name} ...")
        judgements[pairs.name] = judge_pairs(pairs, translate, word_list)
    return judgements


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.translation_quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.add_argument("models", nargs="*", default=["en-fr"], metavar="MODEL")
    parser.add_argument("--pairs", nargs="+", default=[], metavar="NAME=FILE")
    parser.add_argument("--lines", type=int, help="of each set, evenly spread [all]")
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--list", type=Path, default=EVERYDAY, help="the everyday sentences")
    parser.add_argument("--word-list", type=Path, default=WORD_LIST, help="French words")
    options = parser.parse_args(arguments)
    if options.lines is not None and options.lines < 1:
        raise ConfigError(f"--lines must be at least 1; it is {options.lines}.")
    models, sentences = models_of(options.models), read_everyday(options.list)
    word_list = WordList.read(options.word_list)
    lines = QUICK_LINES if options.quick else options.lines
    if options.quick:
        sentences = sentences[:QUICK_SENTENCES]
    pair_sets = [read_pairs(argument, lines) for argument in options.pairs]
    facts = machine() | {"quiet": True}  # nothing here is timed: others do no harm
    judgements = {
        name: judge(place, sentences, pair_sets, word_list, options.beam)
        for name, place in models.items()
    }
    publish(result_of(sentences, judgements, options.beam, facts), options)


if __name__ == "__main__":
    main()
