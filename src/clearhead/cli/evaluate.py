"""``clearhead evaluate``: scores a model, or existing translations, with signatures."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..files import write_whole
from ..training.run_folder.models import checkpoint_step, is_run, model_of_run, test_set_of_run
from .lines import Progress
from .resources.threads import one_blas_thread, processors

if TYPE_CHECKING:
    from ..translation.pretrained_translator import PretrainedTranslator
    from ..translation.score import Score
    from ..translation.translator import Translator

_CHUNK = 256


@click.command()
@click.argument("model", default="en-fr")
@click.option("--pairs", metavar="FILE.tsv", help="Source, tab, reference on each line (.gz too).")
@click.option("--source", metavar="FILE", help="Source sentences, one a line (.gz too).")
@click.option("--reference", metavar="FILE", help="Their references, one a line (.gz too).")
@click.option("--hypotheses", metavar="FILE", help="Score these lines instead of a model's.")
@click.option(
    "--which",
    type=click.Choice(["mean", "best", "last"]),
    help="Of a training run: the mean of the last checkpoints, the best model, or the last "
    "checkpoint. [the mean, or the best while it is not finished]",
)
@click.option("--save", metavar="FILE", help="Write the model's translations here.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many sentences.")
@click.option("--tokenize", default="13a", show_default=True, help="sacreBLEU's tokenizer.")
@click.option("--lowercase", is_flag=True, help="Compare lowercased text.")
@click.option(
    "--tokenised",
    metavar="LANGUAGE",
    help="Also BLEU of Moses tokens by this language's rules (multi-bleu.perl); with --lowercase "
    "of lowercased ones. 'none': the lines are tokens already.",
)
@click.option(
    "--multi30k",
    type=click.Choice(["de", "fr"]),
    help="Also BLEU as in arXiv 2105.14462: lowercased, punctuation normalised, Moses tokens.",
)
@click.option("--beam-size", type=int, help="Prefixes kept for each sentence; 1 is greedy. [4]")
@click.option("--length-penalty", type=float, help="Larger favours longer translations. [1.0]")
@click.option("--stop", help="When a beam is done: exact, patience or first (fairseq's). [exact]")
@click.option(
    "--patience", type=float, help="So many times the beam must end. [2: --stop patience]"
)
@click.option("--no-protect", is_flag=True, help="Do not check placeholders and numbers.")
@click.option(
    "--no-adapt", is_flag=True, help="Give the model each sentence as it is typed, by no rule."
)
@click.option("--no-split", is_flag=True, help="A line is one sentence, whatever marks it holds.")
@click.option("--batch-tokens", type=int, help="Source tokens computed at once. [1024]")
@click.option(
    "--threads", type=click.IntRange(min=1), help="Batches translated at once. [all processors]"
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(model: str, **options: Any) -> None:
    """Score MODEL's translations of a test set: sacreBLEU and chrF with their signatures.

    MODEL may be the folder of a training run. Its test set is then what the run has held out for
    it, or else its development set, unless another is named.
    """
    one_blas_thread()
    run = Path(model) if is_run(model) else None
    if options["which"] and (run is None or options["hypotheses"]):
        raise click.UsageError("--which is of a training run, and MODEL is none.")
    if run is not None and not options["hypotheses"]:
        model = str(model_of_run(run, options["which"]))
        if not (options["pairs"] or options["source"] or options["reference"]):
            options["pairs"] = test_set_of_run(run)
            click.echo(f"test set: {options['pairs']}", err=True)
    sources, references = _test_set(options)
    result: dict[str, Any] = {"sentences": len(references)}
    if options["hypotheses"]:
        result["hypotheses"] = options["hypotheses"]
        hypotheses = _read(options["hypotheses"])[: options["limit"]]
    else:
        start = time.monotonic()
        hypotheses = _translate(model, sources, options)
        result["model"] = model
        result["seconds"] = round(time.monotonic() - start, 1)
    all_scores = _scores(hypotheses, references, options)
    if options["as_json"]:
        result["scores"] = [score.to_dict() for score in all_scores]
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
        return
    for score in all_scores:
        click.echo(f"{score.name:<14} {score.value:6.2f}  {score.signature}")
        if score.details:
            click.echo(f"{'':<22} {score.details}")
    about = ", ".join(f"{name} {value}" for name, value in result.items())
    click.echo(f"{about}", err=True)


def _test_set(options: dict[str, Any]) -> tuple[list[str], list[str]]:
    from ..text.corpus import read_pairs

    if options["pairs"]:
        if options["source"] or options["reference"]:
            raise click.UsageError("Give --pairs, or --source and --reference, not both.")
        corpus = options["pairs"]
    elif options["reference"] and options["source"]:
        corpus = f"{options['source']},{options['reference']}"
    elif options["reference"] and options["hypotheses"]:
        return [], _read(options["reference"])[: options["limit"]]
    else:
        raise click.UsageError(
            "Say what to score on: --pairs FILE.tsv, or --source FILE --reference FILE."
        )
    pairs = list(read_pairs(corpus))[: options["limit"]]
    return [pair.source for pair in pairs], [pair.target for pair in pairs]


def _read(path: str) -> list[str]:
    from ..errors import CorpusError
    from ..text.corpus import read_lines

    lines = []
    for number, line in enumerate(read_lines(path), 1):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise CorpusError(
                f"{path}, line {number}: byte {error.start + 1} of the line is not UTF-8 "
                f"({error.reason})."
            ) from None
    return lines


def _translate(model: str, sources: list[str], options: dict[str, Any]) -> list[str]:
    from ..translation.translator import Translator

    names = ("beam_size", "length_penalty", "stop", "patience", "batch_tokens")
    settings = {name: options[name] for name in names if options[name] is not None}
    translator = _load(model)
    if isinstance(translator, Translator):
        settings["protect"] = not options["no_protect"]
        settings["adapt"] = not options["no_adapt"]
        settings["threads"] = options["threads"] or processors()
    progress = Progress(is_visible=sys.stderr.isatty())
    hypotheses: list[str] = []
    try:
        for start in range(0, len(sources), _CHUNK):
            chunk = sources[start : start + _CHUNK]
            translations = translator.translate(chunk, split=not options["no_split"], **settings)
            assert isinstance(translations, list)
            hypotheses += [translation.text for translation in translations]
            progress.advance(len(chunk))
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        progress.close()
    if options["save"]:
        lines = "".join(f"{hypothesis}\n" for hypothesis in hypotheses)
        write_whole(options["save"], lines)
    return hypotheses


def _load(model: str) -> Translator | PretrainedTranslator:
    """Return the translator of a model, or of a training run's checkpoint."""
    from ..translation.checkpoint import read_run_checkpoint
    from ..translation.translator import Translator

    path = Path(model)
    step = checkpoint_step(path)
    if step is not None and is_run(path.parent):
        return Translator.from_checkpoint(read_run_checkpoint(path.parent, step))
    return Translator.load(model)


def _scores(hypotheses: list[str], references: list[str], options: dict[str, Any]) -> list[Score]:
    from ..translation.score import MULTI30K, Preparation, scores, tokenised_bleu

    lowercase = options["lowercase"]
    all_scores = scores(hypotheses, references, tokenize=options["tokenize"], lowercase=lowercase)
    language = options["tokenised"]
    if language:
        how = Preparation(None if language == "none" else language, lowercase=lowercase)
        all_scores.append(tokenised_bleu(hypotheses, references, how))
    if options["multi30k"]:
        all_scores.append(tokenised_bleu(hypotheses, references, MULTI30K[options["multi30k"]]))
    return all_scores
