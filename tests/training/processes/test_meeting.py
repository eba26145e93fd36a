"""Processes of one attempt agree on a word, whatever an attempt before has left in the store."""

from __future__ import annotations

import threading

from torch.distributed import HashStore, Store

from clearhead.training.processes.meeting import _word_of_attempt


def words(store: Store, count: int) -> list[str]:
    """Those that the threads of an attempt agree on, by rank."""
    agreed = [""] * count

    def run(rank: int) -> None:
        agreed[rank] = _word_of_attempt(store, rank, count)

    threads = [threading.Thread(target=run, args=(rank,)) for rank in reversed(range(count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return agreed


def test_all_have_one_word_in_every_attempt() -> None:
    store = HashStore()
    first, second = words(store, 3), words(store, 3)
    assert len(set(first)) == len(set(second)) == 1
    assert first[0]
    assert first[0] != second[0]
    fewer = words(store, 2)  # as when a machine has gone
    assert len(set(fewer)) == 1
    assert fewer[0] not in (first[0], second[0])
    assert len(words(store, 1)) == 1


def test_a_name_that_is_left_over_is_not_waited_for() -> None:
    store = HashStore()
    store.set("name/0", "gone")
    store.set("name/1", "gone as well")
    store.set("list", '["old word", ["gone", "gone as well"]]')
    store.set("signed/old word/1", "")
    store.set("agreed/old word", "")
    agreed = words(store, 2)
    assert agreed[0] == agreed[1] != "old word"
