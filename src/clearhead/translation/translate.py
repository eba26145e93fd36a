"""`clearhead.translate`: translates text in one call, with models that are read once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from .directions.discovery import find_model, model_for
from .translation import Translation
from .translator import Translator

if TYPE_CHECKING:
    from .pretrained_translator import PretrainedTranslator


@overload
def translate(texts: str, **options: Any) -> Translation: ...
@overload
def translate(texts: Iterable[str], **options: Any) -> list[Translation]: ...
def translate(
    texts: str | Iterable[str],
    *,
    to: str | None = None,
    source_language: str | None = None,
    model: str | Path | None = None,
    **options: Any,
) -> Translation | list[Translation]:
    """Translate one text, or several together.

        clearhead.translate("Where is the station?").text
        clearhead.translate("Où est la gare ?", to="en").text

    The two latest models stay in memory; `Translator.load` returns one to keep.

    Args:
        texts: one text, or several.
        to: code of the language to translate to, such as ``en``.
        source_language: code of the language to translate from, if several are possible.
        model: a name or a folder; None for the model of these languages, or ``en-fr`` without any.
            See `clearhead.translation.directions.discovery`.
        options: of `Translator.translate`, such as ``beam_size`` and ``register``.

    Returns:
        a Translation for a single text, a list in the order of the texts otherwise.

    Raises:
        CheckpointError: there is no such model, or none of these languages.
        ConfigError: an option is unknown or out of its range, or the model is of other languages.
        TextError: a text holds what is no character, or is far too long.
    """
    name = model_for(to, source_language, model=model)
    translations: Translation | list[Translation] = _load(*_identity(name)).translate(
        texts, **options
    )
    return translations


def _identity(model: str | Path) -> tuple[str, int]:
    """Return where a model is and when it was written, so that a newer one is read again."""
    try:
        folder = find_model(model).resolve()
        return str(folder), (folder / "config.json").stat().st_mtime_ns
    except (OSError, ValueError):  # a name on the hub, or nothing, which loading will find out
        return str(model), 0


@lru_cache(maxsize=2)
def _load(model: str, written_ns: int) -> Translator | PretrainedTranslator:
    return Translator.load(model)
