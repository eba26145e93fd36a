"""Chooses the engine for translating: the one requested, or the one that suits the volume."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection
from dataclasses import dataclass

from ..config import TransformerConfig
from ..errors import ConfigError, require
from ..search.settings import SearchSettings
from . import ctranslate2_settings
from .ctranslate2_model import check_config

ENGINES = ("auto", "numpy", "torch", "ctranslate2")
# The types that each engine computes in; with the first, texts equal those of the readable engine.
COMPUTES = {
    "numpy": ("float32",),
    "torch": ("float32", "bfloat16"),
    "ctranslate2": ("float32", "int8"),
}
# Multiply-adds from which starting another engine pays off: about 800 everyday sentences with a
# beam of 4 and the bundled model, which take the readable engine seconds.
VOLUME_WORK = 2.5e11
_CHARACTERS_PER_TOKEN = 4
FEW_TEXTS = "few texts"  # the reason for the readable engine


@dataclass(frozen=True)
class EngineChoice:
    """The chosen engine.

    Attributes:
        engine: ``numpy``, ``torch`` or ``ctranslate2``.
        compute: the type that it computes in, or ``auto`` if it measures before the first batch.
        reason: the reason for the choice.
        note: its differences from our own search, if there are any.
    """

    engine: str
    compute: str
    reason: str
    note: str = ""

    def __str__(self) -> str:
        note = f"; it {self.note}" if self.note else ""
        return f"{self.engine}, {self.compute} ({self.reason}{note})"


def choose(
    engine: str,
    compute: str,
    config: TransformerConfig,
    parameters: int,
    settings: SearchSettings,
    *,
    explicit: Collection[str] = (),
    characters: int = 0,
) -> EngineChoice:
    """Return the engine for a translation.

    Args:
        engine: one of `ENGINES`.
        compute: ``float32``, ``bfloat16``, ``int8``, or ``auto``: the engine's fastest type.
        config: of the model.
        parameters: the number of the model's parameters.
        settings: of the search.
        explicit: names of the settings that the caller has set.
        characters: of all texts to translate, as far as known.

    Raises:
        ConfigError: there is no such engine, or it cannot do what is requested.
        MissingExtraError: the engine is not installed.
    """
    if engine not in ENGINES:
        raise ConfigError(f"engine must be one of {', '.join(ENGINES)}; it is {engine!r}.")
    every = dict.fromkeys(name for names in COMPUTES.values() for name in names)
    if compute not in (*every, "auto"):
        raise ConfigError(f"compute must be one of {', '.join(every)}, auto; it is {compute!r}.")
    if engine != "auto":
        return _checked_choice(engine, compute, config, settings, explicit, "as you asked")
    if compute in ("int8", "bfloat16"):
        name = "ctranslate2" if compute == "int8" else "torch"
        return _checked_choice(
            name, compute, config, settings, explicit, f"which computes in {compute}"
        )
    work = parameters * settings.beam_size * characters / _CHARACTERS_PER_TOKEN
    if work < VOLUME_WORK:
        return EngineChoice("numpy", "float32", FEW_TEXTS)
    reason = _why_not_ctranslate2(config, settings, explicit)
    if not reason:
        return _checked_choice("ctranslate2", compute, config, settings, explicit, "many texts")
    if has_gpu():
        return EngineChoice("torch", compute, f"a GPU is there, and {reason}")
    return EngineChoice("numpy", "float32", f"many texts, but {reason}")


def has_gpu() -> bool:
    """Return whether PyTorch is installed and finds a GPU."""
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


def _checked_choice(
    engine: str,
    compute: str,
    config: TransformerConfig,
    settings: SearchSettings,
    explicit: Collection[str],
    reason: str,
) -> EngineChoice:
    """Return the choice of an engine, after checking that it can be used."""
    if compute not in (*COMPUTES[engine], "auto"):
        engines = [name for name, computes in COMPUTES.items() if compute in computes]
        raise ConfigError(
            f"The engine {engine} computes in {' or '.join(COMPUTES[engine])}, not in {compute}; "
            f"{' and '.join(engines)} does."
        )
    if engine == "numpy":
        return EngineChoice(engine, "float32", reason)
    if engine == "torch":
        require("torch", extra="torch", purpose="The engine torch")
        return EngineChoice(engine, compute, reason)
    require("ctranslate2", extra="volume", purpose="The engine ctranslate2")
    check_config(config)
    ctranslate2_settings.check(settings, explicit)
    return EngineChoice(engine, compute, reason, ctranslate2_settings.stop_note(settings))


def _why_not_ctranslate2(
    config: TransformerConfig, settings: SearchSettings, explicit: Collection[str]
) -> str:
    """Return the reason why CTranslate2 cannot translate; empty if it can."""
    if importlib.util.find_spec("ctranslate2") is None:
        return 'CTranslate2 is not installed: pip install "clearhead[volume]"'
    reasons = ctranslate2_settings.problems(settings, explicit)
    if reasons:
        return f"CTranslate2 cannot do {'; '.join(reasons)}"
    try:
        check_config(config)
    except ConfigError as error:
        return f"CTranslate2 does not compute this model: {error}"
    return ""
