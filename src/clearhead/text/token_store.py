"""Tokenised pairs in a file, read through the page cache: memory does not grow with the corpus.

Plain and labelled texts are stored alike (`clearhead.text.kinds`): a window of a text is a target
without a source, and a label's number the target of its text.

A store is a folder: ``tokens.bin`` (uint16 or uint32, source and target of each pair in turn),
``offsets.npy`` (where each text begins) and ``store.json`` (what it was made of, and checksums of
all three). It is complete or absent: it is written under another name and renamed at the end.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np

from ..errors import CorpusError
from ..file_reading import FileProblem
from ..files import sync_folder
from ..json_fields import with_checksum
from .corpus import Pair, Skipped, corpus_files
from .kinds import PAIRS, Kind
from .shares import position_of
from .store_files import (
    CHECKSUMS,
    check_ids,
    checked_lengths,
    map_tokens,
    read_facts,
    read_offsets,
)
from .tags import BACK_TRANSLATION, register_of, tag_id
from .tokenizer import Tokenizer

_SPACES = re.compile(r"[^\S\n]+")
_NOT_LETTERS = re.compile(r"[\W_]+")  # all but what str.isalnum accepts
_ENCODED_AT_ONCE = 4096


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """The settings for pairs before they are stored.

    Attributes:
        max_tokens: a pair with a side longer than this is rejected (and counted).
        normalize_spaces: replace each run of spaces, including no-break spaces, by one plain space.
        held_out_share: share of distinct source texts kept out of training, in every corpus.
        skip_bad_lines: count unusable lines instead of stopping at the first.
        register_share: among pairs whose French target says "you" in one way, the share whose
            source begins with the tag of that way.
        back_translation_tag: whether every source begins with the tag of what a machine wrote.
        kind: what the rows of a corpus are.
        reason: returns the reason to reject a clean pair, or None to keep it.
    """

    max_tokens: int
    normalize_spaces: bool = True
    held_out_share: float = 0.0
    skip_bad_lines: bool = False
    register_share: float = 0.0
    back_translation_tag: bool = False
    kind: Kind = PAIRS
    reason: Callable[[Pair], str | None] | None = None

    def clean(self, pair: Pair) -> Pair:
        """Return the pair, with plain spaces if the settings say so."""
        if not self.normalize_spaces:
            return pair
        return Pair(_plain_spaces(pair.source), _plain_spaces(pair.target))

    def held_out(self, source: str) -> bool:
        """Return whether a source text is held out of training.

        A hash of its letters and digits without case decides, so that all versions of a sentence
        are on the same side in every corpus.
        """
        return self.held_out_share > 0 and split_position(source) < self.held_out_share

    @property
    def has_tags(self) -> bool:
        """Whether some sources get tags."""
        return self.back_translation_tag or self.register_share > 0

    def tags(self, pair: Pair, room: int) -> list[str]:
        """Return the tags that the source of a pair gets.

        Whether the register is one of them is decided by a hash of the pair.

        Args:
            pair: a clean one.
            room: tokens that the source may become longer by; a register without room is left.
        """
        names = [BACK_TRANSLATION] if self.back_translation_tag else []
        if len(names) < room and position_of("register", *pair) < self.register_share:
            register = register_of(pair.target)
            names += [register] if register else []
        return names


def _plain_spaces(text: str) -> str:
    """Replace each run of white space, except line feeds, by one space, and strip the ends."""
    if "\n" in text:
        return _SPACES.sub(" ", text).strip()
    return " ".join(text.split())  # the same, five times as fast


def split_position(source: str) -> float:
    """Return a number in [0, 1) that depends only on the letters and digits of a text."""
    folded = unicodedata.normalize("NFKC", source).casefold()
    letters = _NOT_LETTERS.sub("", folded)
    digest = hashlib.blake2b(letters.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


class TokenStore:
    """The tokenised pairs of one corpus. Length: the number of pairs.

    Args:
        folder: of the store.
        vocab_size: ids from here on are refused, and ids that are not those that were written;
            None does not look at them.
        max_tokens: longer texts are refused; None takes any.

    Raises:
        FileNotFoundError: there is no store.
        CorpusError: its files are damaged, or do not fit together.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        vocab_size: int | None = None,
        max_tokens: int | None = None,
    ) -> None:
        self.folder = Path(folder)
        try:
            facts = read_facts(self.folder)
            self.facts = facts.content
            self._offsets = read_offsets(self.folder, facts)
            self._tokens = map_tokens(self.folder, facts)
            lengths = checked_lengths(self._offsets, facts, max_tokens)
            if vocab_size is not None:
                check_ids(self._tokens, vocab_size, facts.token_sum)
        except FileProblem as error:
            raise CorpusError(
                f"The token store {self.folder} is damaged: {error.reason}. Remove that folder, "
                f"and the next start makes it anew."
            ) from error
        self.source_lengths = lengths[0::2]
        self.target_lengths = lengths[1::2]

    def __len__(self) -> int:
        return len(self.source_lengths)

    def source(self, index: int) -> np.ndarray:
        """Return the token ids of a source text, without specials."""
        return self._tokens[self._offsets[2 * index] : self._offsets[2 * index + 1]]

    def target(self, index: int) -> np.ndarray:
        """Return the token ids of a target text, without specials."""
        return self._tokens[self._offsets[2 * index + 1] : self._offsets[2 * index + 2]]


def usable_pairs(
    corpus: str, preparation: Preparation, skip_counts: Skipped, *, held_out: bool = False
) -> Iterator[Pair]:
    """Read the cleaned pairs of a corpus: those for training, or those held out."""
    bad = skip_counts if preparation.skip_bad_lines else None
    for raw in preparation.kind.read(corpus, bad):
        pair = preparation.clean(raw)
        if preparation.kind.is_empty(pair):
            skip_counts.reasons["with an empty side"] += 1
        elif preparation.reason is not None and (reason := preparation.reason(pair)):
            skip_counts.reasons[f"by the filter {reason}"] += 1
        elif preparation.held_out(pair.source) == held_out:
            yield pair


def build_store(
    folder: str | Path, corpus: str, tokenizer: Tokenizer, preparation: Preparation
) -> TokenStore:
    """Tokenise a corpus into a store, or open an existing one."""
    folder = Path(folder)
    if (folder / "store.json").exists():
        return TokenStore(
            folder, vocab_size=tokenizer.vocab_size, max_tokens=preparation.max_tokens
        )
    draft = folder.with_name(folder.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        _write_store(draft, corpus, tokenizer, preparation)
        sync_folder(draft)
        os.replace(draft, folder)
    finally:  # after an error, including a full disk, nothing is left
        shutil.rmtree(draft, ignore_errors=True)
    return TokenStore(folder)


def _write_store(draft: Path, corpus: str, tokenizer: Tokenizer, preparation: Preparation) -> None:
    skip_counts = Skipped()
    tags: Counter[str] = Counter()
    dtype = np.uint16 if tokenizer.vocab_size <= 1 << 16 else np.uint32
    lengths: list[np.ndarray] = []
    token_sum = 0
    with (draft / "tokens.bin").open("wb") as file:
        pairs = usable_pairs(corpus, preparation, skip_counts)
        for rows in _encoded(pairs, tokenizer, preparation, skip_counts, tags):
            lengths.append(np.fromiter(map(len, rows), dtype=np.int32, count=len(rows)))
            # Not tofile, whose error for a full disk has no number to know it by.
            ids = np.fromiter(chain.from_iterable(rows), dtype=np.dtype(dtype).newbyteorder("<"))
            token_sum = zlib.crc32(ids.data, token_sum)
            file.write(ids.data)
    if not lengths:
        raise CorpusError(f"{corpus} holds no usable {preparation.kind.noun} ({skip_counts}).")
    if preparation.register_share and not tags.keys() - {BACK_TRANSLATION}:
        raise CorpusError(
            f"{corpus} gets no register tag: among its targets is none that says tu or vous. "
            f"register_share is for French targets; leave it out here."
        )
    offsets = np.concatenate(([0], np.cumsum(np.concatenate(lengths), dtype=np.int64)))
    np.save(draft / "offsets.npy", offsets)
    facts = {
        "corpus": Path((corpus_files(corpus) or [corpus])[0]).name,
        "pairs": (len(offsets) - 1) // 2,
        "tokens": int(offsets[-1]),
        "skipped": dict(skip_counts.reasons),
        "dtype": np.dtype(dtype).name,
        "sha256": corpus_hash(corpus),
    }
    if preparation.has_tags:
        facts["tags"] = dict(sorted(tags.items()))
    facts[CHECKSUMS] = {"tokens": token_sum, "offsets": zlib.crc32(offsets.astype("<i8").data)}
    facts_json = json.dumps(with_checksum(facts), indent=2)
    (draft / "store.json").write_text(facts_json, encoding="utf-8")


def _encoded(
    pairs: Iterable[Pair],
    tokenizer: Tokenizer,
    preparation: Preparation,
    skip_counts: Skipped,
    tags: Counter[str],
) -> Iterator[list[list[int]]]:
    """Yield token ids, source and target in turn, some thousand pairs at a time.

    A tag before a source is counted in ``tags``; a source that a register would make too long gets
    none, and one that has no room for the tag of what a machine wrote is left out.
    """
    max_tokens = preparation.max_tokens
    longest = max_tokens - preparation.back_translation_tag
    pairs = iter(pairs)
    while chunk := list(islice(pairs, _ENCODED_AT_ONCE)):
        rows: list[list[int]] = []
        for pair, source, target in preparation.kind.encode(
            chunk, tokenizer, max_tokens, skip_counts
        ):
            if len(source) > longest:
                skip_counts.reasons[f"longer than {max_tokens} tokens"] += 1
                continue
            names = preparation.tags(pair, max_tokens - len(source))
            tags.update(names)
            rows += [[*map(tag_id, names), *source], target]
        if rows:
            yield rows


def corpus_hash(corpus: str) -> str:
    """Return the SHA-256 of a corpus's files in order, or of its name if it is on a hub."""
    digest = hashlib.sha256()
    if corpus.startswith("hub:"):
        digest.update(corpus.encode())
        return digest.hexdigest()
    for name in corpus_files(corpus):
        with open(name, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def store_lengths(stores: Sequence[TokenStore]) -> tuple[np.ndarray, np.ndarray]:
    """Return source and target lengths of all pairs of several stores, one after the other."""
    return (
        np.concatenate([store.source_lengths for store in stores]),
        np.concatenate([store.target_lengths for store in stores]),
    )
