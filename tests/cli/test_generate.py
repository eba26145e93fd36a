"""``clearhead generate`` in a terminal and in a pipe."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from clearhead.cli.generate import command
from clearhead.errors import CheckpointError, ConfigError
from clearhead.tasks.loading import load
from tests.tasks import tiny_models as tiny

TEXT = "The old house"


def output_of(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def folder():
    return str(tiny.folder_of("gpt2"))


def test_it_prints_what_is_written(folder):
    options = {"max_new_tokens": 6, "do_sample": True, "seed": 2, "temperature": 0.7}
    written = load(folder).generate(TEXT, **options).text
    arguments = ["--max-new-tokens", "6", "--do-sample", "--seed", "2", "--temperature", "0.7"]
    assert output_of(folder, TEXT, *arguments) == f"{written}\n"


def test_several_texts_stand_in_lines(folder):
    texts = load(folder).generate(TEXT, max_new_tokens=3, num_beams=3, num_return_sequences=2)
    arguments = ["--max-new-tokens", "3", "--num-beams", "3", "--num-return-sequences", "2"]
    assert output_of(folder, TEXT, *arguments) == "".join(
        f"{one.text}\n" for one in texts.alternatives
    )


def test_json_has_every_token(folder):
    content = json.loads(output_of(folder, TEXT, "--max-new-tokens", "3", "--json"))
    text = load(folder).generate(TEXT, max_new_tokens=3)
    assert content["prompt"] == TEXT
    assert content["ids"] == list(text.ids)
    assert content["tokens"] == list(text.tokens)
    assert content["reason"] == "length"
    assert "alternatives" not in content
    arguments = ["--num-beams", "2", "--num-return-sequences", "2", "--max-new-tokens", "3"]
    content = json.loads(output_of(folder, TEXT, *arguments, "--json"))
    assert content["alternatives"][0]["text"] == content["text"]


def test_without_a_prompt_it_begins_with_the_start_token(folder):
    written = load(folder).generate("", max_new_tokens=3).text
    assert output_of(folder, "--max-new-tokens", "3") == f"{written}\n"


def test_a_translator_writes_a_target():
    text = "The old house."
    assert output_of("en-fr", text) == f"{load('en-fr').translate(text).text}\n"


def test_what_a_model_cannot(folder):
    with pytest.raises(CheckpointError, match="which does not generate; its tasks: embed"):
        output_of(str(tiny.folder_of("bert")), TEXT)
    with pytest.raises(CheckpointError, match="There is no model 'klingon'"):
        output_of("klingon", TEXT)
    with pytest.raises(ConfigError, match="max_new_tokens must be at least 1"):
        output_of(folder, TEXT, "--max-new-tokens", "0")
