"""The command ``clearhead``: a group that imports each command when it is called.

`clearhead --help` imports none of them, so their one-line descriptions are here; each command is
``command`` in its module. A ClearheadError, which says what to do, becomes one message on standard
error and exit status 2. Refusals of the system (a full disk, a missing file, no more memory) become
one message and status 1; an interrupt gives 130. Any other error is a bug of ours and keeps its
traceback.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from typing import Any, NoReturn

import click

from .._version import __version__
from ..errors import ClearheadError
from .resources.memory import go_on_in_a_forked_process, is_limited, lacks_memory, say_it_is_used_up

# Command -> its line in `clearhead --help`; its module is clearhead.cli.<command>.
COMMANDS = {
    "translate": "Translate arguments, files or standard input.",
    "generate": "Continue a text with any model, token by token.",
    "classify": "Give each text one of the labels that a model was trained with.",
    "trace": "Print every number between a text and what a model makes of it.",
    "explore": "Open a page that shows every number of a model at work.",
    "prepare": "Clean, filter and vary text to train on, by a recipe.",
    "score": "Say how likely a model finds each pair of a corpus.",
    "train": "Train a model from a configuration file.",
    "evaluate": "Score a model with sacreBLEU and chrF.",
    "inspect": "Show what a Hugging Face model attends to in a text.",
    "patch": "Find what in a model carries the difference of two texts.",
    "export": "Write a model for transformers, CTranslate2 or ONNX.",
    "bench": "Measure speed, with ratios to other systems.",
    "check": "Try a learner's attention, and say in words what is off.",
}


class LazyGroup(click.Group):
    """A click group that lists its commands by name and imports a command when it runs."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names in the order of `COMMANDS`, the most used first."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import and return a command; return None if there is no such command."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"clearhead.cli.{name}")
        return module.command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="clearhead")
def cli() -> None:
    """Transformers you can see through: translate, and follow every number on the way."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its status.

    Args:
        arguments: the arguments after the program's name; None means the process's own.
    """
    _replace_closed_streams()
    if is_limited():
        go_on_in_a_forked_process()
    try:
        status = cli.main(args=arguments, prog_name="clearhead", standalone_mode=False)
        sys.stdout.flush()
    except ClearheadError as error:
        _leave(f"clearhead: {error}", 2)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except OSError as error:
        _leave(f"clearhead: {_describe(error)}", 1)
    except BaseException as error:  # also those of Rust, which do not derive from Exception
        if isinstance(error, SystemExit) or not lacks_memory(error):
            raise
        say_it_is_used_up()
        if is_limited():  # cleanup in libraries would need memory too
            sys.stdout.flush()
            os._exit(1)
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


_ADVICE = {
    errno.ENOSPC: "Make room, or write to another disk.",
    errno.EDQUOT: "Make room, or write to another disk.",
    errno.EFBIG: "A limit on the size of files is in force: see `ulimit -f`.",
    errno.EROFS: "Write to another folder.",
    errno.EBADF: "Open it, or name a file with --output.",
    errno.EACCES: "Choose another place, or change its permissions.",
    errno.EISDIR: "Name a file in it.",
    errno.ENOENT: "Check the name and its folder.",
}


def _describe(error: OSError) -> str:
    name = "standard output" if error.filename is None else os.fsdecode(error.filename)
    advice = _ADVICE.get(error.errno or 0, "")
    return f"{name}: {error.strerror or error}. {advice}".rstrip()


def _leave(message: str, status: int) -> NoReturn:
    from ..visible import visible  # needed only for errors

    click.echo(visible(message, keep="\n"), err=True)
    try:
        sys.stdout.flush()
    except OSError:
        # The rest of the buffer cannot be written; the interpreter would try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(status)


class _ClosedStream(io.RawIOBase):
    """A standard stream that was closed before the program began."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._has_raised = False

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        raise click.ClickException(f"{self._name} is closed. Give the text itself, or a file.")

    def write(self, data: Any) -> int:
        if self._has_raised:  # reported only once; the interpreter flushes again at exit
            return len(data)
        self._has_raised = True
        raise OSError(errno.EBADF, "It is closed", self._name)


def _replace_closed_streams() -> None:
    """Replace closed standard streams, for which Python has None."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The next file to be opened would get this number, and be mistaken for the stream.
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    if sys.stdin is None:
        reader = io.BufferedReader(_ClosedStream("standard input"))
        sys.stdin = io.TextIOWrapper(reader, encoding="utf-8")
    if sys.stdout is None:
        writer: Any = io.BufferedWriter(_ClosedStream("standard output"))
        sys.stdout = io.TextIOWrapper(writer, encoding="utf-8", write_through=True)
