"""What the benchmark of translation quality prints and keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .everyday import EverydaySentence
from .judging import EXAMPLES

EVERYDAY_NAME = "everyday list"
TARGET = 0.9  # of the everyday sentences
RIGHT = "right"


def result_of(
    sentences: Sequence[EverydaySentence],
    judgements: Mapping[str, Mapping[str, Any]],
    beam_size: int,
    machine: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the result for `benchmarks.report.publish`.

    Args:
        sentences: the everyday list.
        judgements: for each model ``everyday``, of `judge_everyday`, and ``pairs``, a mapping
            from the names of sets to what `judge_pairs` gave.
        beam_size: of the search.
        machine: what `benchmarks.machine.machine` gave.
    """
    tables = [
        _reference_table(judgements),
        _group_table(judgements),
        _flaw_table(judgements),
        _word_table(judgements),
        _failure_table(sentences, judgements),
    ]
    return {
        "name": "translation_quality",
        "title": "Translation quality",
        "machine": dict(machine),
        "beam_size": beam_size,
        "models": {model: dict(judgement) for model, judgement in judgements.items()},
        "tables": [table for table in tables if table["rows"]],
        "verdicts": [*map(_verdict, judgements, judgements.values()), *_notes(judgements)],
    }


def _reference_table(judgements: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    first = next(iter(judgements.values()))
    rows = []
    for name, pairs in first["pairs"].items():
        row = [name, f"{pairs['lines']:,} of {pairs['lines_of_the_file']:,}"]
        for judgement in judgements.values():
            scores = judgement["pairs"][name]
            row += [f"{scores['bleu']['value']:.1f}", f"{scores['chrf']['value']:.1f}"]
        rows.append(row)
    header = [f"{metric}, {model}" for model in judgements for metric in ("BLEU", "chrF2")]
    return {"title": "Against references", "header": ["set", "lines", *header], "rows": rows}


def _group_table(judgements: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    everyday = [judgement["everyday"] for judgement in judgements.values()]
    counts = {"all": everyday} | {
        group: [judgement["groups"][group] for judgement in everyday]
        for group in everyday[0]["groups"]
    }
    rows = [
        [group, str(of_models[0]["sentences"]), *map(_share, of_models)]
        for group, of_models in counts.items()
    ]
    header = ["group", "sentences", *(f"accepted, {model}" for model in judgements)]
    return {"title": "Everyday sentences", "header": header, "rows": rows}


def _flaw_table(judgements: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    rows = [
        [
            f"{name}, {model}",
            *(str(sum(part[kind].values())) for kind in ("invented", "capitals", "repeats")),
            str(part["long"]),
            str(part["empty"]),
            *(str(part["address"].get(kind, 0)) for kind in ("tu", "vous", "both")),
        ]
        for name, model, part in _parts(judgements)
    ]
    kinds = ["invented words", "other capitals", "repeats", "over twice as long", "empty"]
    header = ["set, model", *kinds, "tu", "vous", "tu and vous"]
    return {"title": "Flaws, and how readers are addressed", "header": header, "rows": rows}


def _word_table(judgements: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    rows = []
    for name, model, part in _parts(judgements):
        for kind in ("invented", "capitals", "repeats"):
            items = list(part[kind].items())
            if items:
                shown = ", ".join(f"{x} ({n})" if n > 1 else x for x, n in items[:EXAMPLES])
                more = f", and {len(items) - EXAMPLES} more" * (len(items) > EXAMPLES)
                rows.append([f"{name}, {model}", kind, shown + more])
    return {"title": "Such words", "header": ["set, model", "kind", "words"], "rows": rows}


def _failure_table(
    sentences: Sequence[EverydaySentence], judgements: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    rows = []
    for sentence in sentences:
        texts = [
            judgement["everyday"]["failures"].get(sentence.source)
            for judgement in judgements.values()
        ]
        if any(text is not None for text in texts):
            shown = [RIGHT if text is None else text.replace("|", "\\|") for text in texts]
            rows.append([sentence.source, *shown, sentence.accepted[0]])
    header = ["English", *judgements, "accepted, for example"]
    return {"title": "Everyday sentences that are not accepted", "header": header, "rows": rows}


def _parts(judgements: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Return the name of each set, each model, and its judgement, the sets together."""
    names = [EVERYDAY_NAME, *next(iter(judgements.values()))["pairs"]]
    return [
        (name, model, judgement["everyday"] if name == EVERYDAY_NAME else judgement["pairs"][name])
        for name in names
        for model, judgement in judgements.items()
    ]


def _share(count: Mapping[str, Any]) -> str:
    return f"{count['accepted']} ({count['accepted'] / count['sentences']:.0%})"


def _verdict(model: str, judgement: Mapping[str, Any]) -> str:
    count = judgement["everyday"]
    share = count["accepted"] / count["sentences"]
    word = "reached" if share >= TARGET else "MISSED"
    return (
        f"{model}: {share:.1%} of the everyday sentences are accepted (target {TARGET:.0%}: "
        f"{word}), with {sum(count['invented'].values())} invented words"
    )


def _notes(judgements: Mapping[str, Mapping[str, Any]]) -> list[str]:
    notes = [
        "Invented words are in no French word list (Debian's wfrench), in no right translation of "
        "the sentence, and no name of the source; other capitals are mostly French names."
    ]
    for pairs in next(iter(judgements.values()))["pairs"].values():
        notes.append(f"BLEU: {pairs['bleu']['signature']}; chrF2: {pairs['chrf']['signature']}")
        break  # one signature for all sets: one reference, the same settings
    return notes
