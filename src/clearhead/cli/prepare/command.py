"""``clearhead prepare``: makes training text from a recipe."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option(
    "--data",
    "data_folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder that relative paths of corpora begin from [the working folder]; those with ./ in "
    "front begin beside RECIPE.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder to write; it must not exist yet, or be empty.",
)
@click.option("--reverse", "is_reverse", is_flag=True, help="Write French to English.")
def command(recipe: Path, data_folder: Path | None, out: Path, is_reverse: bool) -> None:
    """Clean, filter, vary and split the corpora that RECIPE (a TOML file) names.

    Writes a file of pairs for each output of the recipe, development and test sets that no
    training may see, and a report. The folder appears when everything in it is complete.
    """
    from ...corpora.preparing import Preparation
    from ...corpora.recipe import Recipe

    preparation = Preparation(
        Recipe.from_toml(recipe),
        data_folder,
        beside=recipe.parent,
        is_reverse=is_reverse,
        tell=lambda sentence: click.echo(sentence, err=True),
    )
    preparation.write(out)
    click.echo(out)
