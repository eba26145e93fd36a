"""The labels of a classifier: all labels of its corpora, sorted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ...errors import CheckpointError, CorpusError
from ...file_reading import FileProblem, read_json
from ...files import write_whole
from ...json_fields import Fields
from ...text.corpus import Skipped
from ...text.token_store import Preparation, usable_pairs
from ...visible import quoted

NAME = "labels.json"
MOST_LABELS = 1000


def run_labels(
    run: Path,
    corpora: Iterable[str],
    preparation: Preparation,
    vocab_size: int,
    before: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """Return the labels of a run: from the file of an earlier start, otherwise from its corpora.

    Args:
        run: its folder.
        corpora: the training corpora.
        preparation: of their texts. Held-out texts are not read.
        vocab_size: of the tokenizer, which bounds the number of labels: labels are stored as token
            ids.
        before: labels of the initial model; if they are the same labels, its order is kept.

    Raises:
        CorpusError: there are fewer than two labels, or too many.
        CheckpointError: the file of an earlier start cannot be read.
    """
    path = run / NAME
    if path.exists():
        return read_labels(path)
    labels: set[str] = set()
    most = min(MOST_LABELS, vocab_size)
    for corpus in corpora:
        for pair in usable_pairs(corpus, preparation, Skipped()):
            labels.add(pair.target)
            if len(labels) > most:
                raise CorpusError(
                    f"{corpus} has more than {most:,} labels, such as {quoted(pair.target)}. A "
                    f"line of it is a text, a tab and one of a few labels. For translations, set "
                    f'task = "translation".'
                )
    if len(labels) < 2:
        label = f" {quoted(*labels)}" if labels else ""
        raise CorpusError(
            f"A classifier needs two labels or more, and the corpora have {len(labels)}{label}. A "
            f"line is a text, a tab and its label."
        )
    in_order = before if labels == set(before) else tuple(sorted(labels))
    write_whole(path, json.dumps(in_order, ensure_ascii=False, indent=2))
    return in_order


def check_initial_labels(folder: Path, labels: tuple[str, ...]) -> None:
    """Check that an initial classifier has the labels of the run, in the same order.

    Args:
        folder: of the model that ``training.initial`` names.
        labels: of the run.

    Raises:
        CheckpointError: its labels differ, or it has none.
    """
    path = folder / "config.json"
    try:
        theirs = tuple(Fields(read_json(path), "the file").texts("labels"))
    except FileProblem as error:
        raise CheckpointError(f"Cannot read the labels in {path}: {error.reason}.") from error
    if theirs != labels:
        raise CheckpointError(
            f"training.initial has the labels {quoted(list(theirs))} and the corpora "
            f"{quoted(list(labels))}. A classifier goes on with its own labels alone: leave "
            f"training.initial out, or train on the same."
        )


def read_labels(path: Path) -> tuple[str, ...]:
    """Read the labels that an earlier start of a run wrote.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        content = {"labels": read_json(path)}
        labels = tuple(Fields(content, "the file").texts("labels"))
        if len(set(labels)) != len(labels) or not 2 <= len(labels) <= MOST_LABELS:
            raise FileProblem("it is no list of different labels")
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read {path}: {error.reason}. It says which label has which number; put it "
            f"back, or give the run another folder."
        ) from error
    return labels
