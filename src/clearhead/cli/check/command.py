"""The command ``clearhead check``: tests a learner's functions and describes their mistakes."""

from __future__ import annotations

import os

import click


@click.command()
@click.argument("file", metavar="FILE.py")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0.1, max=3600),
    default=10.0,
    show_default=True,
    help="Seconds for all of it.",
)
@click.option(
    "--language",
    type=click.Choice(["en", "pt"]),
    default="en",
    show_default=True,
    help="Of the answer: English or Portuguese.",
)
def command(file: str, time_limit: float, language: str) -> int:
    """Try the functions of FILE.py on hand-worked cases, and say what is off.

    Looked for are attention(query, key, value, mask=None), softmax(x),
    multi_head_attention(x, W_query, W_key, W_value, W_output, num_heads) and
    layer_norm(x, weight, bias), on arrays of NumPy; "my_" may stand before a name. True in a mask
    means that a query may attend. The file runs in a process of its own. The exit status is 0 when
    all of them are right, and 1 otherwise.
    """
    from ...lessons.review.run import run
    from ...lessons.review.words import report
    from ...visible import visible

    lines, is_right = report(os.path.basename(file), run(file, limit=time_limit), language)
    click.echo(visible("\n".join(lines), keep="\n"))
    return 0 if is_right else 1
