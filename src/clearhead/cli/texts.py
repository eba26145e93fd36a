"""Arguments of a command that are texts and may begin with a hyphen."""

from __future__ import annotations

import difflib
import shlex
from typing import Any

import click

# An argument of a program cannot contain a zero byte, so a leading one marks a text.
_MARK = "\0"


class TextArgument(click.ParamType):
    """The type of a TEXT argument of a `TextCommand`."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text as it was typed."""
        return str(value).removeprefix(_MARK)


class TextCommand(click.Command):
    """A command whose arguments are texts that may begin with a hyphen.

    An argument such as ``- Good evening.`` or ``--really? Yes.`` cannot be an option, since it
    contains a space and the command has no option of that name; so it is a text. An argument that
    could be both, such as ``-old cats`` if there is an option -o, is refused with a message that
    gives the two ways to write it.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Separate texts from options, then parse as click does."""
        marked, waits = [], False
        takes_value, flags = _options(self, ctx)
        for place, word in enumerate(args):
            if waits:
                waits = False
            elif word == "--":
                marked += args[place:]
                break
            elif word in takes_value:
                waits = True
            elif word.startswith("-") and len(word) > 1 and word not in flags:
                word = _text_or_option(word, takes_value, flags)
            marked.append(word)
        return super().parse_args(ctx, marked)


def _options(command: click.Command, ctx: click.Context) -> tuple[set[str], set[str]]:
    """Return the spellings of the command's options that take a value, and of the others."""
    takes_value: set[str] = set()
    flags: set[str] = set()
    for option in command.get_params(ctx):
        if isinstance(option, click.Option):
            names = {*option.opts, *option.secondary_opts}
            (flags if option.is_flag or option.count else takes_value).update(names)
    return takes_value, flags


def _text_or_option(word: str, takes_value: set[str], flags: set[str]) -> str:
    """Return the word, marked if it can only be a text.

    Raises:
        UsageError: it could be a text or an option with its value, or it is an unknown option.
    """
    name, _, value = word.partition("=")
    if word.startswith("--") and name in takes_value | flags:
        return word
    as_text = f"To give it as a text: -- {shlex.quote(word)}"
    if not word.startswith("--") and word[:2] in takes_value:
        value = word[2:].removeprefix("=")
        raise click.UsageError(
            f"{word!r} could be a text, or the option {word[:2]}. {as_text}. As an option: "
            f"{word[:2]} {shlex.quote(value)}."
        )
    if any(map(str.isspace, name)):
        return _MARK + word
    close = difflib.get_close_matches(name, sorted(takes_value | flags), 1)
    suggestion = f" Did you mean {close[0]}?" if close and word.startswith("--") else ""
    raise click.UsageError(f"There is no option {name}.{suggestion} {as_text}")
