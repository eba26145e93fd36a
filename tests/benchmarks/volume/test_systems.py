"""The commands that are timed."""

from __future__ import annotations

import sys

import pytest

from benchmarks.volume.systems import our_command, plain_settings, run


def test_the_plain_script_may_use_every_processor_in_several_ways():
    settings = plain_settings(2)
    assert {(one.workers, one.threads) for one in settings} == {(2, 1), (1, 2)}
    assert {one.kind for one in settings} == {"examples", "tokens"}
    assert {(one.workers, one.threads) for one in plain_settings(1)} == {(1, 1)}


def test_a_run_is_timed_and_a_failure_tells_what_was_said(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_text("a")
    code = "import sys, shutil, time; time.sleep(0.05); shutil.copy(*sys.argv[1:])"
    once = run([sys.executable, "-c", code], source, target, plain=True)
    assert target.read_text() == "a"
    assert once.seconds > 0.05
    assert once.processor_seconds > 0
    assert once.peak > 1e6
    with pytest.raises(RuntimeError, match="no such thing"):
        run([sys.executable, "-c", "raise SystemExit('no such thing')"], source, target, plain=True)


def test_our_command_names_the_engine():
    command = our_command("en-fr", "torch", "bfloat16", 4)
    assert command[-6:] == ["--engine", "torch", "--compute", "bfloat16", "--beam-size", "4"]
