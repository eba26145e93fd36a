"""Scores each pair of a corpus by its likelihood under a model; an interrupted run is resumed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError, CorpusError
from ..files import lock_file
from ..reference.softmax import log_softmax
from ..reference.transformer import Transformer
from ..shapes import Array
from ..text.batches import Batch, make_batch
from ..text.corpus import Pair, read_pairs
from ..text.tags import tag_id
from ..text.token_store import corpus_hash
from ..translation.checkpoint import Checkpoint, read_checkpoint
from ..translation.directions.discovery import FILES
from .cleaning import clean_pair
from .scores import header_line, score_line

_AT_ONCE = 2048  # pairs, sorted by length and written together
BATCH_TOKENS = 2048


# The log-probability of each target token of a batch, Float["batch target_len"].
Likelihood = Callable[[Batch], Array]


def reference_likelihood(checkpoint: Checkpoint) -> Likelihood:
    """Return a likelihood function that computes a model with NumPy in float32."""
    model = Transformer(checkpoint.config, checkpoint.weights, dtype=np.float32)

    def likelihood(batch: Batch) -> Array:
        log_probabilities = log_softmax(model.forward(batch.source, batch.target_input))
        targets = batch.target_output[..., None]
        return np.take_along_axis(log_probabilities, targets, axis=-1)[..., 0]

    return likelihood


class PairScorer:
    """Scores pairs with a model: the mean log-probability of a target's tokens.

    Args:
        checkpoint: of a model with encoder and decoder.
        likelihood_of: returns a function that computes likelihoods with the model.
        tag: to put before each source, for a model that was trained with tags.
        batch_tokens: size of a batch: its number of rows times the tokens of its longest side.

    Raises:
        CheckpointError: the model is not a translation model.
        ConfigError: there is no such tag.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        likelihood_of: Callable[[Checkpoint], Likelihood] = reference_likelihood,
        tag: str | None = None,
        batch_tokens: int = BATCH_TOKENS,
    ) -> None:
        config = checkpoint.config
        if not (config.encoder_layers and config.decoder_layers):
            raise CheckpointError(
                f"Scoring pairs needs a model with encoder and decoder; {checkpoint.folder} has "
                f"{config.encoder_layers} encoder and {config.decoder_layers} decoder layers."
            )
        self._likelihood = likelihood_of(checkpoint)
        self._tokenizer = checkpoint.tokenizer
        self._before = [] if tag is None else [tag_id(tag)]
        self._limit = config.max_length - 1
        self._batch_tokens = batch_tokens

    def score(self, pairs: Sequence[Pair]) -> Array:
        """Return the score of each pair in nats, float32; NaN for a pair without a score.

        A pair has no score if a side is empty, or longer than the model's limit.
        """
        sources = self._tokenizer.encode_batch([pair.source for pair in pairs])
        targets = self._tokenizer.encode_batch([pair.target for pair in pairs])
        rows = [
            ([*self._before, *source], target) if source else ([], target)
            for source, target in zip(sources, targets, strict=True)
        ]
        usable = [i for i, row in enumerate(rows) if self._has_score(*row)]
        usable.sort(key=lambda i: (len(rows[i][1]), len(rows[i][0])))
        scores = np.full(len(pairs), np.nan, dtype=np.float32)
        for places in self._batches(usable, rows):
            scores[places] = self._mean_log_probabilities([rows[i] for i in places])
        return scores

    def _has_score(self, source: list[int], target: list[int]) -> bool:
        return bool(source and target) and max(len(source), len(target)) <= self._limit

    def _batches(
        self, order: list[int], rows: Sequence[tuple[list[int], list[int]]]
    ) -> Iterator[list[int]]:
        """Yield batches of pair indices, in the given order."""
        batch: list[int] = []
        width = 0
        for i in order:
            wider = max(width, *map(len, rows[i]))
            if batch and wider * (len(batch) + 1) > self._batch_tokens:
                yield batch
                batch, wider = [], max(map(len, rows[i]))
            batch.append(i)
            width = wider
        if batch:
            yield batch

    def _mean_log_probabilities(self, rows: Sequence[tuple[list[int], list[int]]]) -> Array:
        batch = make_batch(*zip(*rows, strict=True))
        is_real = batch.target_output != self._tokenizer.pad_id
        # Padding is left out of the sum; its numbers are finite but meaningless.
        scores: Array = (self._likelihood(batch) * is_real).sum(axis=1) / is_real.sum(axis=1)
        return scores


def score_corpus(
    model: str | Path,
    corpus: str,
    output: Path,
    *,
    is_reverse: bool = False,
    likelihood_of: Callable[[Checkpoint], Likelihood] = reference_likelihood,
    precision: str = "float32",
    tag: str | None = None,
    batch_tokens: int = BATCH_TOKENS,
    on_progress: Callable[[int], None] = lambda pairs: None,
) -> None:
    """Write the score of each pair of a corpus; see clearhead.corpora.scores.

    Scores are first written to ``OUTPUT.part``, which is renamed when all pairs have been scored.
    Repeating an interrupted call resumes from this file.

    Args:
        model: a bundled model's name, or a folder.
        corpus: English and French, as in clearhead.text.corpus; texts are cleaned before they are
            scored.
        output: the file to write.
        is_reverse: whether the model translates French to English.
        likelihood_of: returns a function that computes likelihoods with the model; by default with
            NumPy.
        precision: of this function, to be noted in the file.
        tag: to put before each source.
        batch_tokens: size of a batch, as in `PairScorer`.
        on_progress: called with the number of newly scored pairs.

    Raises:
        CheckpointError: the model cannot be read, or is not a translation model.
        CorpusError: the corpus cannot be read, or the scores of an earlier call belong to another
            model or corpus.
    """
    checkpoint = read_checkpoint(model)
    scorer = PairScorer(checkpoint, likelihood_of=likelihood_of, tag=tag, batch_tokens=batch_tokens)
    assert checkpoint.folder is not None
    facts: dict[str, Any] = {
        "corpus_sha256": corpus_hash(corpus),
        "direction": "fr-en" if is_reverse else "en-fr",
        "model": checkpoint.folder.name,
        "model_sha256": _folder_hash(checkpoint.folder),
        "precision": precision,
        "tag": tag,
    }
    header = header_line(facts).encode() + b"\n"
    if output.exists():
        raise CorpusError(f"{output} exists. Remove it, or write the scores to another file.")
    draft = output.with_name(output.name + ".part")
    with draft.open("ab") as file:
        # One process at a time; a file that another process has finished meanwhile is not
        # continued.
        is_free = lock_file(file)
        if not is_free or output.exists():
            if is_free and not os.fstat(file.fileno()).st_size:
                draft.unlink()  # the empty file created just now
            raise CorpusError(
                f"Another process writes {output}. Wait until it ends, or write the scores to "
                f"another file."
            )
        lines = _whole_lines(draft, header)
        pairs = read_pairs(corpus)
        on_progress(sum(1 for _ in islice(pairs, lines)))
        file.seek(0, os.SEEK_END)
        if not file.tell():
            file.write(header)
        while chunk := [clean_pair(pair) for pair in islice(pairs, _AT_ONCE)]:
            if is_reverse:
                chunk = [Pair(pair.target, pair.source) for pair in chunk]
            file.write("".join(f"{score_line(s)}\n" for s in scorer.score(chunk)).encode())
            file.flush()
            on_progress(len(chunk))
        os.fsync(file.fileno())
    os.replace(draft, output)


def _whole_lines(draft: Path, header: bytes) -> int:
    """Return the number of scores that an earlier call wrote; an incomplete last line is removed.

    Raises:
        CorpusError: the scores belong to another model or corpus.
    """
    with draft.open("r+b") as file:
        content = file.readline()
        if not content.endswith(b"\n"):
            file.truncate(0)
            return 0
        if content != header:
            raise CorpusError(
                f"{draft} has the scores of another model or corpus. Remove it to begin anew."
            )
        count, end = 0, file.tell()
        for line in file:
            if line.endswith(b"\n"):
                count, end = count + 1, end + len(line)
        file.truncate(end)
    return count


def _folder_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in FILES:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()
