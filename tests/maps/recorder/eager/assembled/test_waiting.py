from __future__ import annotations

from types import SimpleNamespace

import torch

from clearhead.maps.recorder.eager.assembled._waiting import WaitingListener


class Heard:
    def __init__(self):
        self.told = []

    def add(self, owner, captured):
        self.told.append((owner, captured.value))

    def refuse(self, owner, why, kernel):
        self.told.append((owner, why))


def attention():
    return SimpleNamespace(value=torch.zeros(2))


def test_attentions_are_handed_on_at_once():
    heard = Heard()
    listener = WaitingListener(heard)
    listener.refuse("a", "why", "kernel")
    assert heard.told == [("a", "why")]


def test_others_come_behind_the_one_that_is_waited_for():
    heard = Heard()
    listener = WaitingListener(heard)
    place, later = listener.wait(), attention()
    memory = later.value
    listener.add("b", later)
    memory.fill_(1)  # the model writes to its values before they are told
    listener.refuse("c", "why", "kernel")
    assert not heard.told
    listener.add_at(place, "a", attention())
    assert [owner for owner, _ in heard.told] == ["a", "b", "c"]
    assert heard.told[1][1].tolist() == [0, 0]


def test_one_that_is_waited_for_may_be_refused():
    heard = Heard()
    listener = WaitingListener(heard)
    listener.refuse_at(listener.wait(), "a", "why", "kernel")
    assert heard.told == [("a", "why")]
