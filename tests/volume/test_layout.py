"""The fastest way to share out the processors is found by a clock, and kept."""

from __future__ import annotations

import json

import pytest

from clearhead.volume import layout as layout_module
from clearhead.volume.layout import FILE, Layout, candidates, fastest, store_layout, stored_layout


def test_all_processors_are_used_and_no_more():
    for count in (1, 2, 3, 8):
        layouts = list(candidates(count))
        assert layouts[0] == Layout(count, 1, 512)
        assert all(0 < layout.workers * layout.threads <= count for layout in layouts)
        assert len(set(layouts)) == len(layouts)
    assert {layout.threads for layout in candidates(8)} == {1, 2, 8}


class Clock:
    """A clock that goes on by what the work of a layout takes."""

    def __init__(self, seconds):
        self.seconds, self.now, self.runs = seconds, 0.0, []

    def run(self, layout):
        def work():
            self.runs.append(layout)
            self.now += self.seconds(layout)

        return work


@pytest.mark.parametrize(
    ("seconds", "best"),
    [
        # Ten times slower with two threads for a worker, as int8 is on two processors.
        (lambda x: x.threads**3 + abs(x.batch_tokens - 500), Layout(4, 1, 512)),
        (lambda x: 10 / x.threads + x.batch_tokens / 1e5, Layout(1, 4, 512)),
        (lambda x: 10 / x.threads - x.batch_tokens / 1e5, Layout(1, 4, 2048)),
    ],
)
def test_the_fastest_is_found(monkeypatch, seconds, best):
    clock = Clock(seconds)
    monkeypatch.setattr(layout_module.time, "perf_counter", lambda: clock.now)
    assert fastest(4, clock.run) == best
    assert len(clock.runs) <= 2 * len(list(candidates(4)))


def test_one_that_is_much_slower_is_not_timed_again(monkeypatch):
    clock = Clock(lambda layout: 1.0 if layout.threads == 1 else 50.0)
    monkeypatch.setattr(layout_module.time, "perf_counter", lambda: clock.now)
    fastest(2, clock.run)
    assert clock.runs.count(Layout(1, 2, 1024)) == 1


def test_what_was_measured_is_kept_beside_the_model(tmp_path):
    assert stored_layout(tmp_path, "2 processors") is None
    store_layout(tmp_path, "2 processors", Layout(2, 1, 512))
    store_layout(tmp_path, "1 processors", Layout(1, 1, 2048))
    assert stored_layout(tmp_path, "2 processors") == Layout(2, 1, 512)
    assert str(Layout(2, 1, 512)) == "2 x 1 threads, 512 tokens a batch"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"k": 3}', '{"k": {"cores": 1}}'])
def test_a_file_that_cannot_be_read_is_measured_anew(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    assert stored_layout(tmp_path, "k") is None
    store_layout(tmp_path, "k", Layout(3))
    assert json.loads((tmp_path / FILE).read_text())["k"]["workers"] == 3
