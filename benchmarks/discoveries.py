"""What can be discovered in a model, and in which of its layers and heads.

    python -m benchmarks.discoveries [--model NAME] [--crossing TEXT] [--negation TEXT]

The page, the lessons and the pictures show some of this. With other weights it stands elsewhere,
or no longer: this tells where, and ends with status 1 if words cross in no head or no hidden word
takes the negation away. No speed is measured.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.explorer import Explorer
from clearhead.translation.checkpoint import read_checkpoint
from clearhead.translation.translator import Translator

CROSSING = "The black cat sleeps."
NEGATION = "She did not see him."
SURE = 0.5  # a link counts from here: more of the row than all other links together
NEGATIVE = re.compile(r"\b(pas|jamais|plus|rien|aucune?)\b", re.IGNORECASE)

# Words with one plain counterpart, which any model must find: (English, French) pieces.
COUNTERPARTS = {
    "Tom": "Tom", "Mary": "Mary", "Boston": "Boston", "Paris": "Paris", "never": "jamais",
    "cat": "chat", "two": "deux", "three": "trois", "water": "eau", "house": "maison",
    "tea": "thé", "today": "aujourd", "here": "ici", "book": "livre", "with": "avec",
}  # fmt: skip
SENTENCES = (
    "Tom is in Boston.", "Mary never drinks tea.", "I have two books and three cats.",
    "Tom lives in Paris with Mary.", "I read this book in Boston.", "The cat is here.",
    "Mary never saw Tom.", "We have two cats.", "Tom is here with his cat.",
    "I never drink water.", "She is in the house with Tom.", "Is Mary in Paris today?",
    "Tom has three children.", "My cat never drinks tea.", "Mary is here today.",
    "I live in this house with two cats.", "Tom gave Mary a book.", "He never comes here.",
    "Boston is far from Paris.", "The book is in the house.",
)  # fmt: skip


@dataclass(frozen=True)
class Crossing:
    """A head in which two words draw on two source words that stand the other way round.

    Args:
        layer, head: of the cross-attention; its rows are those that predict a word.
        words: the two target pieces, each with its source piece and the weight between them.
    """

    layer: int
    head: int
    words: tuple[tuple[str, str, float], tuple[str, str, float]]

    @property
    def strength(self) -> float:
        """Return the smaller of the two weights."""
        return min(weight for *_, weight in self.words)

    def __str__(self) -> str:
        links = ", ".join(f"{to} <- {source} {weight:.2f}" for to, source, weight in self.words)
        return f"cross-attention layer {self.layer}, head {self.head}: {links}"


@dataclass(frozen=True)
class Change:
    """What one edit makes of a translation.

    Args:
        name: of the edit.
        edit: as the page's address has it.
        translation: with the edit.
        drop: by how much the log-probability of the translation without it falls.
    """

    name: str
    edit: dict[str, Any]
    translation: str
    drop: float

    def __str__(self) -> str:
        return f"{self.name}: {self.translation} (log-probability {-self.drop:+.1f})"


def crossings_in(
    weights: np.ndarray, source: Sequence[str], target: Sequence[str], layer: int
) -> Iterator[Crossing]:
    """Yield the strongest crossing of each head that has one.

    Args:
        weights: ``[heads, target, source]`` of one layer, each row that which predicts its piece.
        source, target: pieces; those that begin no word cross nothing.
    """
    for head, table in enumerate(weights):
        best = table.argmax(axis=-1)
        links = [
            (row, int(key))
            for row, key in enumerate(best)
            if table[row, key] > SURE and target[row][0] == source[key][0] == "▁"
        ]
        pairs = [(a, b) for a, b in combinations(links, 2) if a[1] > b[1]]
        if pairs:
            first, second = max(pairs, key=lambda pair: min(table[pair[0]], table[pair[1]]))
            words = tuple(
                (target[row], source[key], float(table[row, key])) for row, key in (first, second)
            )
            yield Crossing(layer, head, words)  # type: ignore[arg-type]


def crossings(explorer: Explorer, text: str) -> list[Crossing]:
    """Return the crossings of a sentence's translation in all heads, the strongest first."""
    answer = explorer.answer("run", {"text": text}).json
    trace = explorer.run(RunQuestion(text=text)).trace
    source = [token["piece"] for token in answer["source"]]
    target = [token["piece"] for token in answer["predicted"][:-1]]
    every: list[Crossing] = []
    for entry in answer["attention"]:
        if entry["part"] == "cross":
            table = trace[f"{entry['path']}.weights"].value[0]
            every += crossings_in(table[:, : len(target)], source, target, entry["layer"])
    return sorted(every, key=lambda crossing: -crossing.strength)


def changes(explorer: Explorer, text: str, edits: dict[str, dict[str, Any]]) -> list[Change]:
    """Return what each edit makes of a sentence's translation, the largest drop first."""
    every = []
    for name, edit in edits.items():
        answer = explorer.answer("run", {"text": text, "edits": [edit]}).json
        before = answer["baseline"]
        drop = before["log_probability"] - before["target_log_probability"]
        every.append(Change(name, edit, answer["translation"], drop))
    return sorted(every, key=lambda change: -change.drop)


def hidden_words(explorer: Explorer, text: str) -> list[Change]:
    """Return what becomes of a translation when one source token is hidden."""
    source = explorer.answer("run", {"text": text}).json["source"]
    edits = {
        token["piece"]: {"kind": "mask_token", "position": position}
        for position, token in enumerate(source)
        if not token["special"]
    }
    return changes(explorer, text, edits)


def silent_heads(explorer: Explorer, text: str) -> list[Change]:
    """Return what becomes of a translation when one head adds nothing."""
    edits = {}
    for entry in explorer.answer("run", {"text": text}).json["attention"]:
        place = {"part": entry["part"], "layer": entry["layer"]}
        for head in range(entry["heads"]):
            name = f"{entry['part']} layer {entry['layer']}, head {head}"
            edits[name] = {"kind": "ablate_head", **place, "head": head}
    return changes(explorer, text, edits)


def loses_negation(before: str, after: str) -> bool:
    """Whether a French sentence is negative and what became of it is not."""
    return bool(NEGATIVE.search(before)) and not NEGATIVE.search(after)


def counterparts(translator: Translator, layer: int, rows: str) -> tuple[int, int]:
    """Return how many words look most at their counterpart, and how many there are."""
    right = total = 0
    french = {f"▁{word}": f"▁{english}" for english, word in COUNTERPARTS.items()}
    options = {"alignment": True, "alignment_layer": layer, "alignment_rows": rows}
    for one in translator.translate(list(SENTENCES), **options):
        for source, target in one.pairs():
            counterpart = french.get(one.tokens[target])
            if one.source_tokens.count(counterpart) == 1:
                total += 1
                right += one.source_tokens[source] == counterpart
    return right, total


def main(arguments: list[str] | None = None) -> int:
    """Print the discoveries; see the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="en-fr", help="a model's name or folder [en-fr]")
    parser.add_argument("--crossing", default=CROSSING, metavar="TEXT", help=f"[{CROSSING}]")
    parser.add_argument("--negation", default=NEGATION, metavar="TEXT", help=f"[{NEGATION}]")
    options = parser.parse_args(arguments)
    checkpoint = read_checkpoint(options.model)
    explorer = Explorer(checkpoint)

    def translation_of(text: str) -> str:
        return explorer.answer("run", {"text": text}).json["translation"]

    crossing = crossings(explorer, options.crossing)
    print(f"{options.crossing} -> {translation_of(options.crossing)}")
    print(f"  words cross in {len(crossing)} heads:")
    print(*(f"    {one}" for one in crossing[:5]), sep="\n")

    before = translation_of(options.negation)
    hidden = hidden_words(explorer, options.negation)
    lost = [change for change in hidden if loses_negation(before, change.translation)]
    print(f"{options.negation} -> {before}")
    for change in hidden:
        print(f"  without {change}{', the negation is lost' if change in lost else ''}")
    heads = [one for one in silent_heads(explorer, options.negation) if one.translation != before]
    print("  heads that change it when they are switched off:", len(heads))
    for change in heads[:5]:
        print(f"    {change}")

    print("words found in their counterparts, by the mean of a layer's heads:")
    translator = Translator.load(options.model)
    for layer in range(checkpoint.config.decoder_layers):
        for rows in ("output", "input"):
            right, total = counterparts(translator, layer, rows)
            print(f"  layer {layer}, {rows} rows: {right} of {total}")
    return 0 if crossing and lost else 1


if __name__ == "__main__":
    sys.exit(main())
