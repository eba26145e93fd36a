"""``clearhead translate``: translates texts and lines, in order."""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from clearhead.cli.lines import (
    Progress,
    check_apart,
    check_arguments,
    check_other_file,
    open_input,
    read_texts,
)
from clearhead.cli.resources.threads import one_blas_thread, processors
from clearhead.cli.texts import TextArgument, TextCommand
from clearhead.cli.translate._bulk import bulk_options, is_bulk, translate_in_parts
from clearhead.cli.volume import EngineForLines, ahead, amount_of_text, regular_size, windows
from clearhead.files import open_whole
from clearhead.visible import visible

if TYPE_CHECKING:
    from clearhead.translation.pretrained_translator import PretrainedTranslator
    from clearhead.translation.sentences.segments import CheckedText
    from clearhead.translation.translation import Translation
    from clearhead.translation.translator import Translator

    AnyTranslator = Translator | PretrainedTranslator


@click.command(cls=TextCommand)
@click.argument("texts", nargs=-1, type=TextArgument(), metavar="[TEXT]...")
@click.option("-i", "--input", "source", metavar="FILE", help="Translate a file's lines (.gz too).")
@click.option("-o", "--output", metavar="FILE", help="Write here instead of standard output.")
@click.option("-m", "--model", help="A name, or a folder. [en-fr, or what --to needs]")
@click.option("--to", metavar="LANGUAGE", help="Translate to this language, such as en.")
@click.option("--from", "source_language", metavar="LANGUAGE", help="Translate from this one.")
@click.option("--task", help="What someone else's model is to do, such as en-fr.")
@click.option("--register", type=click.Choice(["auto", "tu", "vous"]), default="auto",
              help="How a translation says you, of a model trained with it. [auto]")  # fmt: skip
@click.option("--beam-size", type=int, help="Prefixes kept for each sentence; 1 is greedy. [4]")
@click.option("--n-best", type=int, help="Give so many translations of each text. [1]")
@click.option("--length-penalty", type=float, help="Larger favours longer translations. [1.0]")
@click.option("--normalization", help="How length counts: length, gnmt or none. [length]")
@click.option("--min-length", type=int, help="Fewest tokens of a sentence's translation. [1]")
@click.option("--max-length", type=int, help="Most tokens of a sentence's translation.")
@click.option("--max-length-ratio", type=float, help="Most tokens for each of its own. [3.0]")
@click.option("--max-length-extra", type=int, help="Added to what the ratio allows. [20]")
@click.option("--no-repeat-ngram-size", type=int, help="No n-gram of this size twice. [0: off]")
@click.option("--sibling-diversity", type=float, help="Penalty for each better sibling. [0: off]")
@click.option("--stop", help="When a beam is done: exact, patience or first (fairseq's). [exact]")
@click.option(
    "--patience", type=float, help="So many times the beam must end. [2: --stop patience]"
)
@click.option("--sample", is_flag=True, default=None, help="Draw at random instead of searching.")
@click.option("--temperature", type=float, help="Of a draw; below 1 prefers the likely. [1.0]")
@click.option("--top-k", type=int, help="Draw among so many tokens. [0: all]")
@click.option("--top-p", type=float, help="Draw among the likeliest of this probability. [1.0]")
@click.option("--seed", type=int, help="Of the draws. [0]")
@click.option("--target-prefix", metavar="TEXT", help="Each translation begins with this.")
@click.option("--no-protect", is_flag=True, help="Do not check placeholders and numbers.")
@click.option(
    "--no-adapt", is_flag=True, help="Give the model each sentence as it is typed, by no rule."
)
@click.option("--scores", is_flag=True, help="Log-probability and a tab before each translation.")
@click.option("--alignments", is_flag=True, help="A tab and source-target token pairs after it.")
@click.option("--alignment-layer", type=int, default=-1, help="The decoder layer to ask. [-1]")
@click.option(
    "--alignment-rows",
    type=click.Choice(["output", "input"]),
    default="output",
    help="Rows of the positions that predict each token, or that read it. [output]",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with everything.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "numpy", "torch", "ctranslate2", "ray"]),
    default="auto",
    show_default=True,
    help="Who translates; auto goes by the amount of text. ray: workers, see --worker-engine.",
)
@click.option(
    "--compute",
    type=click.Choice(["float32", "bfloat16", "int8", "auto"]),
    default="float32",
    show_default=True,
    help="Of torch and ctranslate2; below float32 some texts differ.",
)
@click.option("--batch-tokens", type=int, help="Source tokens computed at once. [1024]")
@click.option(
    "--threads", type=click.IntRange(min=1), help="Batches translated at once. [all processors]"
)
@bulk_options
@click.option("--quiet", is_flag=True, help="No progress on a terminal's standard error.")
def command(texts: tuple[str, ...], source: str | None, output: str | None, **options: Any) -> None:
    """Translate TEXT, a file's lines, or standard input line by line.

    Each line becomes one line, in order. Line breaks inside of a TEXT argument are kept. Put --
    before texts that begin with a hyphen.
    """
    one_blas_thread()
    if texts and source is not None:
        raise click.UsageError("Give texts or --input, not both.")
    try:
        if is_bulk(options):
            translate_in_parts(texts, source, output, options, _load, _call_options)
        else:
            _translate(texts, source, output, options)
    except KeyboardInterrupt:
        # End quietly, with the status of an interrupted program. A normal exit would wait for a
        # window that another thread is still translating.
        sys.stdout.flush()
        if threading.active_count() > 1:
            os._exit(130)
        sys.exit(130)


def _translate(
    texts: tuple[str, ...], source: str | None, output: str | None, options: dict[str, Any]
) -> None:
    if texts:
        arguments = check_arguments(texts)
        translator = _load(options)
        _warn_about_file_names(texts)
        with _open_output(output) as out:
            _run(translator, [arguments], out, options, Progress(is_visible=False))
        return
    name = "standard input" if source in (None, "-") else str(source)
    with open_input(source) as stream:
        check_other_file(stream, output, name)
        translator = _load(options)
        with _open_output(output) as out:
            check_apart(stream, out, name)
            progress = Progress.of(stream, quiet=options["quiet"])
            try:
                chunks = progress.count(read_texts(stream, name=name))
                _run(translator, chunks, out, options, progress, stream, name)
            finally:
                progress.close()


def _load(options: dict[str, Any]) -> AnyTranslator:
    from clearhead.translation.directions.discovery import model_for
    from clearhead.translation.translator import Translator

    model = model_for(options["to"], options["source_language"], model=options["model"])
    return Translator.load(model, task=options["task"])


def _warn_about_file_names(texts: tuple[str, ...]) -> None:
    """Warn about an argument that was translated as a text but is the name of a file."""
    for text in texts:
        # os.path.isfile cannot ask about a name that is too long, or has a zero byte.
        if len(text) < 256 and "\0" not in text and os.path.isfile(text):
            click.echo(
                f"clearhead: {text!r} was translated as a text. To translate the lines of the file "
                f"of that name: --input {text}",
                err=True,
            )


def _open_output(path: str | None) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdout.buffer) if path is None else open_whole(path)


# Options that apply only to our models, and their defaults.
_OURS_ALONE = {
    "register": "auto",
    "normalization": None,
    "max_length_ratio": None,
    "max_length_extra": None,
    "sibling_diversity": None,
    "stop": None,
    "patience": None,
    "target_prefix": None,
    "no_protect": False,
    "no_adapt": False,
    "alignment_rows": "output",
    "engine": "auto",
    "compute": "float32",
}


def _call_options(translator: AnyTranslator, options: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `translate`, for a model of ours or someone else's.

    Raises:
        UsageError: an option does not apply to someone else's model.
    """
    from clearhead.search.settings import SearchSettings
    from clearhead.translation.translator import Translator

    names = [field.name for field in dataclasses.fields(SearchSettings)]
    call = {name: options[name] for name in names if options[name] is not None}
    call |= {"alignment": options["alignments"], "alignment_layer": options["alignment_layer"]}
    if options["batch_tokens"]:
        call["batch_tokens"] = options["batch_tokens"]
    if not isinstance(translator, Translator):
        for name, neutral in _OURS_ALONE.items():
            if options[name] != neutral:
                raise click.UsageError(
                    f"--{name.replace('_', '-')} is for models of clearhead; this one reads and "
                    f"searches as transformers does."
                )
        return call
    return {
        **call,
        "register": options["register"],
        "protect": not options["no_protect"],
        "adapt": not options["no_adapt"],
        "alignment_rows": options["alignment_rows"],
        "target_prefix": options["target_prefix"],
        "threads": options["threads"] or processors(),
    }


def _run(
    translator: AnyTranslator,
    chunks: Iterable[list[CheckedText]],
    out: BinaryIO,
    options: dict[str, Any],
    progress: Progress,
    stream: BinaryIO | None = None,
    name: str = "",
) -> None:
    """Translate texts as they arrive, and write their lines."""
    from clearhead.batch.output_lines import output_lines

    form = {name: options[name] for name in ("as_json", "scores", "alignments")}
    is_terminal = out.isatty()
    number = 0
    for translations in _translations(translator, chunks, options, progress, stream, name):
        for translation in translations:
            number += 1
            for line in output_lines(number, translation, **form):
                # A translation may contain control characters, which a terminal would obey.
                line = visible(line, keep="\n\t") if is_terminal else line
                out.write(line.encode("utf-8") + b"\n")
        out.flush()
        progress.advance(len(translations))


def _translations(
    translator: AnyTranslator,
    chunks: Iterable[list[CheckedText]],
    options: dict[str, Any],
    progress: Progress,
    stream: BinaryIO | None,
    name: str,
) -> Iterator[Sequence[Translation]]:
    """Yield the translations of the texts, window by window."""
    from clearhead.search.settings import SearchSettings
    from clearhead.translation.translator import Translator

    call = _call_options(translator, options)
    if not isinstance(translator, Translator):
        for texts in chunks:
            translations = translator.translate(texts, **call)
            assert isinstance(translations, list)
            yield translations
        return
    settings = {field.name for field in dataclasses.fields(SearchSettings)}
    search_settings = {key: value for key, value in call.items() if key in settings}
    characters = None if stream is None else amount_of_text(stream, name)
    engine = EngineForLines(translator, options, search_settings, characters)

    def translate(job: tuple[int, Sequence[str], dict[str, str]]) -> Sequence[Translation]:
        number, texts, who = job
        show = functools.partial(progress.show, number)
        return translator.translate(texts, **call, **who, on_progress=show)

    jobs = (
        (number, texts, engine.call(texts))
        for number, texts in enumerate(windows(chunks, stream, lambda: engine.lines))
    )
    # A pipe may be slow, so the first results are written before more is read.
    is_file = stream is not None and regular_size(stream) is not None
    yield from ahead(translate, jobs, 2 if is_file and engine.has_workers else 1)
