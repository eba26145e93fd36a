from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from clearhead.cli.texts import TextArgument, TextCommand


@click.command(cls=TextCommand, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("texts", nargs=-1, type=TextArgument())
@click.option("-o", "--output")
@click.option("--target-prefix")
@click.option("--quiet", is_flag=True)
def command(texts, output, target_prefix, quiet):
    click.echo(repr((texts, output, target_prefix, quiet)))


def parsed(*words):
    return CliRunner().invoke(command, list(words))


@pytest.mark.parametrize(
    "text",
    ["- Good evening.", "-- What?", "--really? Yes.", "--target yes please", "-5 degrees outside.",
     "-\tTab", "—dash", "-", "- ", "--quiet night"],
)  # fmt: skip
def test_what_can_be_no_option_is_a_text(text):
    for words in [(text,), ("First.", text, "Last."), (text, "-o", "file")]:
        result = parsed(*words)
        texts = tuple(word for word in words if word not in ("-o", "file"))
        output = "file" if "-o" in words else None
        assert result.output == f"{(texts, output, None, False)!r}\n", result.output


@pytest.mark.parametrize("text", ["-old cats sleep.", "-okay", "-o=x y"])
def test_what_could_be_both_is_refused_with_the_two_ways_to_say_it(text):
    result = parsed(text)
    assert result.exit_code == 2
    assert f"{text!r} could be a text, or the option -o." in result.output
    assert "To give it as a text: -- " in result.output
    assert "As an option: -o " in result.output


@pytest.mark.parametrize("text", ["-x", "-hello", "--really?", "-5"])
def test_an_unknown_option_names_the_way_out(text):
    result = parsed(text)
    assert result.exit_code == 2
    assert f"There is no option {text}. To give it as a text: -- " in result.output


def test_a_misspelt_option_is_set_right():
    result = parsed("--targt-prefix", "Oui")
    assert "There is no option --targt-prefix. Did you mean --target-prefix?" in result.output


def test_options_keep_working():
    words = ["a", "-o", "my file", "--target-prefix", "- Bonjour", "--quiet", "b"]
    assert parsed(*words).output == f"{(('a', 'b'), 'my file', '- Bonjour', True)!r}\n"
    assert parsed("--output=-x y", "a").output == f"{(('a',), '-x y', None, False)!r}\n"
    assert parsed("a", "--", "-old cats").output == f"{(('a', '-old cats'), None, None, False)!r}\n"
    assert parsed("-h").output.startswith("Usage: ")
