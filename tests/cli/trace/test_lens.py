"""The logit lens and the summands of a logit in the terminal."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from clearhead.cli.terminal.heatmap import Paper
from clearhead.cli.trace._lens import tell_attribution, tell_lens
from clearhead.cli.trace._subject import Subject
from clearhead.cli.trace.command import command
from clearhead.errors import ConfigError
from tests.tasks import tiny_models as tiny

PAPER = Paper.of()


def subject_of(name, text="The old house"):
    return Subject(str(tiny.folder_of(name)), text)


@pytest.mark.parametrize(("name", "text"), [("gpt2", "The old"), ("bert", "The old <mask>")])
def test_a_row_for_each_number_of_layers(name, text):
    subject = subject_of(name, text)
    lines = list(tell_lens(subject, subject.position, PAPER))
    readings = subject.lens(subject.position)
    rows = [line for line in lines if re.match(r" +\d", line)]
    assert [int(row.split()[0]) for row in rows] == [0, 1, 2]
    assert rows[-1].split()[1] == "1"
    (final,) = subject.labels([readings[-1].final_token])
    assert f"rank of {final}" in "\n".join(lines)
    assert f"position {subject.position}" in " ".join("\n".join(lines).split())


def test_the_summands_add_up_to_the_logit():
    subject = subject_of("gpt2")
    text = "\n".join(tell_attribution(subject, subject.position, None, PAPER))
    values = [float(value) for value in re.findall(r"^ *([+-]\d+\.\d+)", text, re.MULTILINE)]
    logit = subject.logits[-1].max()
    assert sum(values[:-1]) == pytest.approx(values[-1], abs=2e-3)
    assert values[-1] == pytest.approx(logit, abs=1e-4)
    assert "decoder.layers.1.self_attention head 2" in text
    assert re.search(r"sum, (exactly|\de-1\d away from) the logit", text)


def test_small_summands_are_told_together():
    subject = subject_of("marian", "The old.")
    text = "\n".join(tell_attribution(subject, 0, None, PAPER))
    assert re.search(r"\d+ others together", text)


def output_of(*arguments):
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    return result.output


def test_the_options():
    folder = str(tiny.folder_of("gpt2"))
    assert "logit lens" in output_of("The old", "--model", folder, "--lens")
    output = output_of("The old", "--model", folder, "--attribute", "--token", "The")
    assert "What adds to the logit of The" in output
    assert "Give one of --lens" in output_of("The", "--model", folder, "--lens", "--attribute")
    assert "--token is for --attribute" in output_of("The", "--model", folder, "--token", "The")
    with pytest.raises(ConfigError, match="'xyz' is no single token"):
        output_of("The", "--model", folder, "--attribute", "--token", "xyz")
    with pytest.raises(ConfigError, match="--position must be between 0 and 0"):
        output_of("The", "--model", folder, "--lens", "--position", "3")
    with pytest.raises(ConfigError, match="a logit is no sum"):
        output_of("The <mask>", "--model", str(tiny.folder_of("bert")), "--attribute")
