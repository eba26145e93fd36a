"""The command ``clearhead``: a group whose commands are imported when they are called.

`clearhead --help` imports none of them, so their one-line descriptions stand here, beside the
module that defines each as ``command``. A ClearheadError, which says what to do, becomes one
message on standard error and exit status 2; any other error is a fault of ours and keeps its
traceback.
"""

from __future__ import annotations

import importlib
import sys

import click

from clearhead import __version__
from clearhead.errors import ClearheadError

# Command -> its line in `clearhead --help`; its module is clearhead.cli.<command>.
COMMANDS = {
    "translate": "Translate arguments, files or standard input.",
    "trace": "Print every number between a sentence and its translation.",
    "explore": "Open a page that shows every number of a translation.",
    "train": "Train a model from a configuration file.",
    "evaluate": "Score a model with sacreBLEU and chrF.",
    "inspect": "Show what a Hugging Face model attends to in a text.",
    "bench": "Measure speed, with ratios to other systems.",
}


class LazyGroup(click.Group):
    """A click group that knows its commands' names and imports a command when it runs."""

    def list_commands(self, context: click.Context) -> list[str]:
        """The names in the order of `COMMANDS`, the most used first."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command, imported now; None when there is no such command."""
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
    """Run the command line and leave the process with its exit status.

    Args:
        arguments: what follows the program's name; None means the process's own.
    """
    try:
        cli.main(args=arguments, prog_name="clearhead")
    except ClearheadError as error:
        click.echo(f"clearhead: {error}", err=True)
        sys.exit(2)
