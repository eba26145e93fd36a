"""`clearhead export`: converts models for transformers, CTranslate2 or ONNX, back, or to 8 bits."""

from __future__ import annotations

import click

ENGINES = ("huggingface", "ctranslate2", "onnx", "clearhead")


@click.command()
@click.argument("model")
@click.option(
    "--to", "engine", type=click.Choice(ENGINES), required=True,
    help="Who is to read it; clearhead takes back what was written for huggingface, and stores a "
    "model of ours anew.",
)  # fmt: skip
@click.argument("folder")
@click.option(
    "--quantization",
    help="How weights are stored, for ctranslate2 (int8, float16, ...) and for clearhead "
    "(int8, float16). [float32]",
)
@click.option("--no-verify", is_flag=True, help="Do not run the model there and compare tokens.")
def command(
    model: str, engine: str, folder: str, quantization: str | None, no_verify: bool
) -> None:
    """Write MODEL, a name or a folder, to a new FOLDER that another engine reads.

    Then both decode twenty random inputs, and the tokens are compared.
    """
    if quantization is not None and engine not in ("ctranslate2", "clearhead"):
        raise click.UsageError("--quantization is for --to ctranslate2 and --to clearhead.")
    if engine == "clearhead":
        _store(model, folder, quantization or "float32")
        return
    from ..translation.checkpoint import read_checkpoint

    checkpoint = read_checkpoint(model)
    if engine == "huggingface":
        from ..export.huggingface import export_huggingface

        name = export_huggingface(checkpoint, folder).family.name
        click.echo(
            f"{folder}: from_pretrained of transformers opens it, as a {name}: the family there "
            f"that computes the same."
        )
    elif engine == "ctranslate2":
        from ..export.ctranslate2 import export_ctranslate2

        export_ctranslate2(checkpoint, folder, quantization=quantization)
        click.echo(f"{folder}: a model of CTranslate2, {quantization or 'float32'}")
    else:
        from ..export.onnx import export_onnx

        export_onnx(checkpoint, folder)
        click.echo(f"{folder}: model.onnx, from token ids to logits")
    if not no_verify:
        _verify(checkpoint, folder, engine, exact=quantization is None)


def _store(model: str, folder: str, storage: str) -> None:
    """Write a model, ours or one that was exported to transformers, to a folder of ours."""
    from ..export.conversion import convert
    from ..export.huggingface import import_huggingface
    from ..translation.checkpoint import is_pretrained, read_checkpoint
    from ..weight_storage.weight_file import STORAGES

    if storage not in STORAGES:
        raise click.UsageError(
            f"--quantization {storage} is not for --to clearhead, whose weights are "
            f"{', '.join(STORAGES[:-1])} or {STORAGES[-1]}."
        )
    if is_pretrained(model):
        conversion = import_huggingface(model, folder, storage=storage)
    else:
        conversion = convert(read_checkpoint(model), folder, storage)
    click.echo(f"{folder}: {conversion}")
    click.echo(f"{folder}: a model of clearhead; try it: clearhead translate -m {folder}")


def _verify(checkpoint: object, folder: str, engine: str, *, exact: bool) -> None:
    """Compare tokens; a difference is a failure unless the numbers were stored less precisely."""
    from ..export.verification import verify

    result = verify(checkpoint, folder, engine)  # type: ignore[arg-type]
    click.echo(f"{folder}: {result}")
    if exact and result.difference is not None:
        ids, there, here = result.difference
        raise click.ClickException(f"The input {ids} gives {there} there, and {here} here.")
