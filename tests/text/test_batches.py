"""Batches: every pair once a pass, in an order that seed and epoch decide, with little padding."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError
from clearhead.text.batches import (
    LABEL_BATCHES,
    TEXT_BATCHES,
    Corpus,
    make_batch,
    make_label_batch,
    make_text_batch,
    pad,
)


class Store:
    """The part of a TokenStore that batches are made from."""

    def __init__(self, source_lengths: list[int], target_lengths: list[int], first: int) -> None:
        self.source_lengths = np.array(source_lengths, dtype=np.int32)
        self.target_lengths = np.array(target_lengths, dtype=np.int32)
        self.first = first

    def __len__(self) -> int:
        return len(self.source_lengths)

    def source(self, index: int) -> np.ndarray:
        return np.full(self.source_lengths[index], self.first + index, dtype=np.uint16)

    def target(self, index: int) -> np.ndarray:
        return np.full(self.target_lengths[index], self.first + index, dtype=np.uint16)


def store(count: int, *, first: int = 3, seed: int = 0) -> Store:
    """Lengths like those of everyday sentences: a long tail, and sides that go together."""
    rng = np.random.default_rng(seed)
    source = np.clip(rng.lognormal(2.2, 0.6, count), 1, 90).astype(int)
    target = np.clip(source * rng.normal(1.15, 0.15, count), 1, 100).astype(int)
    return Store(source.tolist(), target.tolist(), first)


def corpus(counts: list[int], passes: list[float], seed: int = 1) -> Corpus:
    return Corpus([store(n, seed=i) for i, n in enumerate(counts)], passes, seed)  # type: ignore[misc]


def sizes(corpus_under_test: Corpus, epoch: int, batch_tokens: int = 500) -> list[int]:
    return np.concatenate(corpus_under_test.epoch(epoch, batch_tokens)).tolist()


def test_a_batch_has_its_special_tokens() -> None:
    batch = make_batch([np.array([7, 8, 9]), np.array([5])], [np.array([6]), np.array([4, 3])])
    assert batch.source.tolist() == [[7, 8, 9, 2], [5, 2, 0, 0]]
    assert batch.target_input.tolist() == [[1, 6, 0], [1, 4, 3]]
    assert batch.target_output.tolist() == [[6, 2, 0], [4, 3, 2]]
    assert batch.target_tokens == 5
    assert {batch.source.dtype, batch.target_input.dtype, batch.target_output.dtype} == {
        np.dtype("int64")
    }


def test_a_window_of_text_is_predicted_from_the_start_token_on() -> None:
    batch = make_text_batch([[], []], [np.array([7, 8, 2]), np.array([5])])
    assert batch.source.shape == (2, 0)
    assert batch.target_input.tolist() == [[1, 7, 8], [1, 0, 0]]
    assert batch.target_output.tolist() == [[7, 8, 2], [5, 0, 0]]
    assert batch.target_tokens == 4
    assert batch.first(1).target_output.tolist() == [[7, 8, 2]]


def test_a_label_is_one_prediction_even_if_its_number_is_that_of_padding() -> None:
    batch = make_label_batch([np.array([7, 8]), np.array([5])], [np.array([0]), np.array([3])])
    assert batch.source.tolist() == [[1, 7, 8, 2], [1, 5, 2, 0]]
    assert batch.target_input.shape == (2, 0)
    assert batch.target_output.tolist() == [[0], [3]]
    assert batch.target_tokens == batch.first(2).target_tokens == 2


@pytest.mark.parametrize("form", [TEXT_BATCHES, LABEL_BATCHES])
def test_batches_of_other_rows_have_no_more_tokens_than_they_may(form) -> None:
    rng = np.random.default_rng(0)
    lengths, none = rng.integers(1, 30, 200).tolist(), [form.source_specials // 2] * 200
    sides = (none, lengths) if form is TEXT_BATCHES else (lengths, none)
    some = Corpus([Store(*sides, 3)], [1.0], 1, form=form)  # type: ignore[list-item]
    batches = [some.batch(rows) for rows in some.epoch(0, 120)]
    assert sum(len(batch.source) for batch in batches) == 200
    for batch in batches:
        sizes = [ids.size for ids in (batch.source, batch.target_input)]
        assert max(sizes) <= 120


def test_padding_is_at_the_end() -> None:
    assert pad([[5], [6, 7, 8], []]).tolist() == [[5, 0, 0], [6, 7, 8], [0, 0, 0]]


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=60),
    st.integers(1, 200),
    st.integers(0, 2**31),
    st.integers(0, 5),
)
def test_every_pair_is_used_once_and_no_batch_is_too_large(
    lengths: list[tuple[int, int]], batch_tokens: int, seed: int, epoch: int
) -> None:
    source, target = (list(side) for side in zip(*lengths, strict=True))
    corpus_under_test = Corpus([Store(source, target, 3)], [1.0], seed)  # type: ignore[list-item]
    plan = corpus_under_test.epoch(epoch, batch_tokens)
    assert sorted(np.concatenate(plan).tolist()) == list(range(len(lengths)))
    for indices in plan:
        batch = corpus_under_test.batch(indices)
        width = max(batch.source.shape[1], batch.target_input.shape[1])
        assert len(indices) * width <= batch_tokens or len(indices) == 1
        for row, index in enumerate(indices):
            assert batch.source[row].tolist().count(3 + index) == source[index]
            assert batch.target_output[row].tolist().count(3 + index) == target[index]


def test_several_stores_are_told_apart() -> None:
    stores = [store(40, first=1000), store(30, first=2000, seed=1)]
    corpus_under_test = Corpus(stores, [1.0, 1.0], 1)  # type: ignore[arg-type]
    for indices in corpus_under_test.epoch(0, 300):
        batch = corpus_under_test.batch(indices)
        expected = [1000 + i if i < 40 else 2000 + i - 40 for i in indices]
        assert batch.source[:, 0].tolist() == expected
        assert batch.target_input[:, 1].tolist() == expected


@pytest.mark.parametrize("passes", [0.25, 0.12, 1 / 3, 0.7])
def test_parts_of_a_pass_add_up_to_passes(passes: float) -> None:
    """After k epochs the number of uses differs by at most one between pairs."""
    corpus_under_test = corpus([101], [passes])
    uses: Counter[int] = Counter()
    for epoch in range(25):
        pairs = sizes(corpus_under_test, epoch)
        assert abs(len(pairs) - passes * 101) <= 1
        uses.update(pairs)
        assert max(uses.values()) - min(uses[i] for i in range(101)) <= 1
    assert sum(uses.values()) == round(25 * passes * 101)


def test_several_passes_an_epoch() -> None:
    uses = Counter(sizes(corpus([50, 20], [2.0, 3.5]), 0))
    assert all(uses[i] == 2 for i in range(50))
    assert {uses[i] for i in range(50, 70)} == {3, 4}


def test_a_tiny_share_still_gives_a_pair() -> None:
    assert len(sizes(corpus([3], [0.01]), 0)) == 1


def plan(corpus_under_test: Corpus, epoch: int) -> list[list[int]]:
    return [indices.tolist() for indices in corpus_under_test.epoch(epoch, 400)]


def test_seed_and_epoch_decide_the_order_alone() -> None:
    first, second = corpus([200, 90], [1.0, 0.5]), corpus([200, 90], [1.0, 0.5])
    second.epoch(0, 400)  # what was asked before does not matter
    assert plan(first, 3) == plan(second, 3)
    assert plan(first, 3) != plan(first, 4)
    assert plan(first, 3) != plan(corpus([200, 90], [1.0, 0.5], seed=2), 3)


def test_the_order_of_batches_does_not_follow_length() -> None:
    corpus_under_test = corpus([3000], [1.0])
    widths = [
        int(corpus_under_test.target_lengths[indices].max())
        for indices in corpus_under_test.epoch(0, 400)
    ]
    assert abs(np.corrcoef(widths, range(len(widths)))[0, 1]) < 0.3
    assert abs(np.corrcoef(widths[1:], widths[:-1])[0, 1]) < 0.3


def test_pairs_of_one_length_meet_different_pairs_each_epoch() -> None:
    corpus_under_test = Corpus([Store([5] * 64, [5] * 64, 3)], [1.0], 1)  # type: ignore[list-item]
    partners = [
        {frozenset(indices.tolist()) for indices in corpus_under_test.epoch(e, 48)}
        for e in range(2)
    ]
    assert not partners[0] & partners[1]


def padding_share(corpus_under_test: Corpus, plan: list[np.ndarray]) -> float:
    places = real = 0
    for indices in plan:
        source, target = (
            corpus_under_test.source_lengths[indices] + 1,
            corpus_under_test.target_lengths[indices] + 1,
        )
        places += len(indices) * int(source.max() + target.max())
        real += int(source.sum() + target.sum())
    return 1 - real / places


def test_padding_is_a_small_share() -> None:
    corpus_under_test = corpus([20_000], [1.0])
    assert padding_share(corpus_under_test, corpus_under_test.epoch(0, 3072)) < 0.1
    shuffled = np.array_split(np.random.default_rng(0).permutation(20_000), 170)
    assert padding_share(corpus_under_test, shuffled) > 0.6  # what the order by length saves


def test_a_corpus_that_joins_later_changes_nothing_before() -> None:
    stores = [store(60), store(20, first=200, seed=1)]
    alone = Corpus(stores[:1], [1.0], 1)  # type: ignore[arg-type]
    both = Corpus(stores, [1.0, 2.0], 1, from_epochs=[0, 2])  # type: ignore[arg-type]
    for epoch in (0, 1):
        for ours, theirs in zip(both.epoch(epoch, 500), alone.epoch(epoch, 500), strict=True):
            assert ours.tolist() == theirs.tolist()
    uses = Counter(sizes(both, 2))
    assert [uses[i] for i in range(80)] == [1] * 60 + [2] * 20


@pytest.mark.parametrize("passes", [[], [1.0, 1.0], [0.0], [-1.0]])
def test_wrong_passes_are_refused(passes: list[float]) -> None:
    with pytest.raises(ConfigError, match="positive number of passes"):
        Corpus([store(3)], passes, 1)  # type: ignore[list-item]


def test_stores_on_disk_work_too(tmp_path: Path) -> None:
    from clearhead.text.token_store import Preparation, build_store
    from clearhead.text.tokenizer import Tokenizer

    rows = [f"cat {i}\tchat {i}\n" for i in range(30)]
    (tmp_path / "pairs.tsv").write_text("".join(rows))
    tokenizer = Tokenizer.train(rows, 280)
    store = build_store(
        tmp_path / "store", str(tmp_path / "pairs.tsv"), tokenizer, Preparation(max_tokens=20)
    )
    corpus_under_test = Corpus([store], [1.0], 1)
    for indices in corpus_under_test.epoch(0, 64):
        batch = corpus_under_test.batch(indices)
        assert [tokenizer.decode(row) for row in batch.source] == [f"cat {i}" for i in indices]
        assert [tokenizer.decode(r) for r in batch.target_input] == [f"chat {i}" for i in indices]
