"""Translate sets with one model and count what is right and wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from clearhead.translation.score import scores

from .everyday import EverydaySentence
from .flaws import address, is_empty, is_long, repeats
from .pairs import PairSet
from .words import WordList, small_words

Translate = Callable[[Sequence[str]], list[str]]
EXAMPLES = 8  # of the most frequent words in each row


def judge_everyday(
    sentences: Sequence[EverydaySentence], translate: Translate, word_list: WordList
) -> dict[str, Any]:
    """Return the share of accepted translations, in all and by group, the others, and flaws."""
    sources = [sentence.source for sentence in sentences]
    texts = translate(sources)
    right = [x.accepts(text) for x, text in zip(sentences, texts, strict=True)]
    groups: dict[str, list[int]] = {}
    for sentence, is_right in zip(sentences, right, strict=True):
        count = groups.setdefault(sentence.group, [0, 0])
        count[0] += is_right
        count[1] += 1
    return {
        "accepted": sum(right),
        "sentences": len(sentences),
        "groups": {group: {"accepted": a, "sentences": n} for group, (a, n) in groups.items()},
        "failures": {
            sentence.source: text
            for sentence, text, is_right in zip(sentences, texts, right, strict=True)
            if not is_right
        },
        **flaws(texts, sources, [x.accepted for x in sentences], word_list),
    }


def judge_pairs(pairs: PairSet, translate: Translate, word_list: WordList) -> dict[str, Any]:
    """Return BLEU and chrF against the references, and flaws."""
    texts = translate(pairs.sources)
    bleu, chrf = scores(texts, pairs.references)
    return {
        "lines": len(texts),
        "lines_of_the_file": pairs.total,
        **{
            name: {"value": score.value, "signature": score.signature, "details": score.details}
            for name, score in (("bleu", bleu), ("chrf", chrf))
        },
        **flaws(texts, pairs.sources, [(x,) for x in pairs.references], word_list),
    }


def flaws(
    texts: Sequence[str],
    sources: Sequence[str],
    references: Sequence[Sequence[str]],
    word_list: WordList,
) -> dict[str, Any]:
    """Count unknown words, repeats, long and empty translations, and forms of address.

    Args:
        texts: translations.
        sources: of each.
        references: right translations of each, whose words exist.
        word_list: says which other words do.
    """
    rows = list(zip(texts, sources, references, strict=True))
    common = small_words(sources)
    unknown = [
        word_list.unknown(text, source, accepted=accepted, common=common)
        for text, source, accepted in rows
    ]
    return {
        "invented": _counts(word for row in unknown for word in row.invented),
        "capitals": _counts(word for row in unknown for word in row.capitals),
        "repeats": _counts(phrase for text, source, _ in rows for phrase in repeats(text, source)),
        "long": sum(is_long(*row) for row in rows),
        "empty": sum(is_empty(text, source) for text, source, _ in rows),
        "address": dict(Counter(filter(None, map(address, texts)))),
    }


def _counts(items: Iterable[str]) -> dict[str, int]:
    """Return how often each item occurs, the most frequent first."""
    return dict(sorted(Counter(items).items(), key=lambda item: (-item[1], item[0])))
