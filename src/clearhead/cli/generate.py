"""``clearhead generate``: continues a text with any model, token by token."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ..visible import json_text, visible
from .resources.threads import one_blas_thread
from .texts import TextArgument, TextCommand

if TYPE_CHECKING:
    from ..tasks.generated_text import GeneratedText

_SETTINGS = (
    "max_new_tokens", "num_beams", "num_return_sequences", "length_penalty", "no_repeat_ngram_size",
    "repetition_penalty", "do_sample", "temperature", "top_k", "top_p", "seed",
)  # fmt: skip


@click.command(cls=TextCommand)
@click.argument("model")
@click.argument("prompt", type=TextArgument(), default="")
@click.option("--max-new-tokens", type=int, help="The most tokens to write. [256]")
@click.option("--num-beams", type=int, help="Prefixes kept; 1 is greedy. [as the model's files]")
@click.option("--num-return-sequences", type=int, help="Give so many texts. [1]")
@click.option("--length-penalty", type=float, help="Of a beam; larger favours longer texts. [1.0]")
@click.option("--no-repeat-ngram-size", type=int, help="No n-gram of this size twice. [0: off]")
@click.option("--repetition-penalty", type=float, help="Above 1 makes what was said unlikely. [1]")
@click.option("--do-sample/--greedy", default=None, help="Draw tokens, or take the likeliest.")
@click.option("--temperature", type=float, help="Of a draw; below 1 prefers the likely. [1.0]")
@click.option("--top-k", type=int, help="Draw among so many tokens; 0 is all. [50]")
@click.option("--top-p", type=float, help="Draw among the likeliest of this probability. [1.0]")
@click.option("--seed", type=int, help="Of the draws: the tokens of torch.manual_seed(seed).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with every token.")
def command(model: str, prompt: str, as_json: bool, **options: Any) -> None:
    """Continue PROMPT with MODEL: a folder of ours or of transformers, or a name on the hub.

    The text comes as it is written, and its tokens are those of transformers' generate. A model
    with an encoder writes a target for the prompt instead.
    """
    one_blas_thread()
    from ..tasks.loading import load

    settings = {name: options[name] for name in _SETTINGS if options[name] is not None}
    loaded = load(model)
    if as_json:
        click.echo(json_text(_plain(loaded.generate(prompt, **settings))))
        return
    if settings.get("num_return_sequences", 1) > 1 or loaded.uses_beam(**settings):
        text = loaded.generate(prompt, **settings)
        for one in text.alternatives or (text,):
            click.echo(_printable(one.text))
        return
    for piece in loaded.stream(prompt, **settings):
        click.echo(_printable(piece), nl=False)
        sys.stdout.flush()
    click.echo()


def _printable(text: str) -> str:
    """Return a text without control characters of the terminal."""
    return visible(text, keep="\n\t") if sys.stdout.isatty() else text


def _plain(text: GeneratedText) -> dict[str, Any]:
    rows = [
        {
            "text": one.text,
            "ids": list(one.ids),
            "tokens": list(one.tokens),
            "token_log_probs": list(one.token_log_probs),
            "score": one.score,
            "reason": one.reason,
        }
        for one in text.alternatives or (text,)
    ]
    return {"prompt": text.prompt, **rows[0], **({"alternatives": rows} if rows[1:] else {})}
