"""Work that nobody waits for ends, and only that."""

from __future__ import annotations

import threading

import pytest

from clearhead.explorer.contract.stopping import (
    QuestionCancelled,
    Stop,
    check,
    check_from_anywhere,
    until,
)
from clearhead.explorer.explorer import Explorer
from clearhead.explorer.passes.run_cache import RunCache


def test_who_is_not_given_up_works_on():
    check()
    assert until(Stop(), lambda: (check(), 7)[1]) == 7


def test_work_ends_at_its_next_look():
    stop, halves = Stop(), []

    def work():
        check()
        halves.append("first half")
        stop.give_up()
        check()
        halves.append("second half")

    with pytest.raises(QuestionCancelled):
        until(stop, work)
    assert halves == ["first half"]
    check()  # what this thread does next is not given up
    with pytest.raises(QuestionCancelled):
        until(stop, lambda: pytest.fail("given up before it began"))


def test_threads_that_work_for_a_question_ask_for_it():
    stop, events = Stop(), []

    def work():
        ask = check_from_anywhere()
        stop.give_up()

        def helper():
            check()  # this thread itself works for nobody
            with pytest.raises(QuestionCancelled):
                ask()
            events.append("ended")

        thread = threading.Thread(target=helper)
        thread.start()
        thread.join()

    until(stop, work)
    assert events == ["ended"]


class Sized:
    nbytes = 1


def test_who_waits_for_the_same_run_does_not_end_with_another_s_question():
    cache, stop, has_begun, waits = RunCache(100), Stop(), threading.Event(), threading.Event()
    value, ended, events = Sized(), [], []

    def slow():
        has_begun.set()
        assert waits.wait(60)
        stop.give_up()
        check()

    def first():
        with pytest.raises(QuestionCancelled):
            until(stop, lambda: cache.get("run", slow))
        ended.append(True)

    def second():
        assert has_begun.wait(60)
        waits.set()
        events.append(cache.get("run", lambda: value))

    threads = [threading.Thread(target=each) for each in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [True]
    assert events == [value]


@pytest.mark.parametrize(
    ("name", "looks"),
    [("run", 0), ("beam", 3), ("run edited", 3), ("effects", 1), ("offline", 6)],
)
def test_long_questions_about_a_model_look_on_their_way(checkpoint, monkeypatch, name, looks):
    """Given up after so many looks, each of them ends."""
    explorer, stop, count = Explorer(checkpoint), Stop(), 0
    run = {"text": "the old house", "beam_size": 2}
    if name == "run edited":
        name = "run"
        run["edits"] = [{"kind": "output_temperature", "value": 2}]
    head = {"part": "cross", "layer": 0, "head": 0, "query": 0}
    params = {"run": run, "beam": {"run": run}, "effects": {"run": run, **head}}
    original = Stop.check

    def count_and_check(self):
        nonlocal count
        count += 1
        if count > looks:
            stop.give_up()
        original(self)

    monkeypatch.setattr(Stop, "check", count_and_check)

    def work():
        if name == "offline":
            from clearhead.explorer.offline.page import offline_answer

            return offline_answer(explorer, {"run": run, "state": ""})
        return explorer.answer(name, params[name])

    with pytest.raises(QuestionCancelled):
        until(stop, work)
    assert count == looks + 1
