"""Every model family of transformers, shrunk by the names of its configuration's fields.

Nothing is known of a family but its configuration and the parameters of its forward pass. What
can neither be built nor run that way is skipped, and said to be.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from .libraries import Subject, library, liveliest
from .transformers_sizes import small_config

MOST_PARAMETERS = 15_000_000
LENGTH = 14
Inputs = dict[str, Tensor]
_BUILDS: dict[str, tuple[Any, Inputs] | str] = {}


@cache
def _models() -> dict[str, str]:
    """Return class names of models by family; a family without a base model has another."""
    library("transformers").logging.set_verbosity_error()
    from transformers.models.auto import modeling_auto as auto

    classes: dict[str, str] = {}
    mappings = [n for n in dir(auto) if re.fullmatch("MODEL_.*MAPPING_NAMES", n)]
    for mapping in sorted(mappings, key=lambda n: n != "MODEL_MAPPING_NAMES"):
        for family, name in getattr(auto, mapping).items():
            if family not in classes:
                classes[family] = name if isinstance(name, str) else name[0]
    return classes


def names() -> list[str]:
    """Return families of the text, vision, audio and other models, each once."""
    return sorted(_models())


def settings(name: str) -> list[tuple[str, Callable[[], Subject]]]:
    """Return PyTorch's fused attention, and that written out."""
    return [("", lambda: subject(name, "sdpa")), ("eager", lambda: subject(name, "eager"))]


def subject(name: str, implementation: str) -> Subject:
    """Return a small model of a family that ran with the first inputs that it took.

    Raises:
        ValueError: none of the sizes and inputs that were tried will do.
    """
    kind = getattr(library("transformers"), _models()[name])
    before = _BUILDS.get(name)
    if isinstance(before, str):
        raise ValueError(before)
    config, inputs = before or searched(name, kind, implementation)
    try:
        return liveliest(partial(subject_of, partial(build, kind, config, implementation), inputs))
    except Exception:
        config, inputs = searched(name, kind, implementation)
    return liveliest(partial(subject_of, partial(build, kind, config, implementation), inputs))


def searched(name: str, kind: Any, implementation: str) -> tuple[Any, Inputs]:
    """Search for a configuration and inputs, and remember what comes of it."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    why: list[str] = []
    for config in small_config(getattr(library("transformers"), CONFIG_MAPPING_NAMES[name])):
        if count_of(kind, config) > MOST_PARAMETERS:
            why.append("it would be too large")
            continue
        try:
            inputs = first_that_runs(build(kind, config, implementation), why)
        except Exception as error:
            why.append(f"{type(error).__name__}: {str(error)[:160]}")
            if "attention implementation" in str(error) or "no attention of" in str(error):
                raise
            continue
        if inputs is not None:
            _BUILDS[name] = config, inputs
            return config, inputs
    lines = dict.fromkeys(x.splitlines()[0] for x in why if x)
    _BUILDS[name] = "; ".join(list(lines)[:3]) or "its configuration needs more than its defaults"
    raise ValueError(_BUILDS[name])


def subject_of(make: Callable[[], nn.Module], inputs: Inputs) -> Subject:
    return Subject(make(), inputs)


def count_of(kind: Any, config: Any) -> int:
    try:
        with torch.device("meta"):
            return sum(x.numel() for x in kind(config).parameters())
    except Exception:
        return 0


def build(kind: Any, config: Any, implementation: str) -> nn.Module:
    """Build a model in eval mode.

    Raises:
        ValueError: the model has no such attention.
    """
    torch.manual_seed(0)
    config = type(config).from_dict(config.to_dict())
    config._attn_implementation = implementation
    for part in (config, getattr(config, "text_config", None)):
        if hasattr(part, "use_cache"):
            part.use_cache = False  # one pass alone
    model: nn.Module = kind(config)
    implementations = {
        getattr(getattr(m, "config", None), "_attn_implementation", None) for m in model.modules()
    }
    if implementation not in implementations - {None}:
        raise ValueError(f"it has no attention of the kind {implementation!r}")
    return model.eval()


def first_that_runs(model: nn.Module, why: list[str]) -> Inputs | None:
    """Return the first inputs that fit the forward pass and with which it runs."""
    for inputs in plausible(model):
        try:
            with torch.no_grad():
                model(**inputs)
        except Exception as error:
            why.append(f"{type(error).__name__}: {str(error)[:160]}")
        else:
            return inputs
    return None


def plausible(model: nn.Module) -> Iterator[Inputs]:
    """Yield inputs by the names of the parameters, those that say the most first."""
    parameters = set(inspect.signature(model.forward).parameters)
    config = model.config
    texts = [text(config, parameters, padded=True), text(config, parameters, padded=False)]
    pictures = [{"pixel_values": x} for x in images(config)] if "pixel_values" in parameters else []
    sounds = list(sound(config, parameters))
    for inputs in texts:
        if inputs:
            yield inputs
            yield from ({**inputs, **picture} for picture in pictures)
            yield from ({**inputs, **one} for one in sounds)
    yield from pictures
    decoder = {"decoder_input_ids": ids(config, 5)} if "decoder_input_ids" in parameters else {}
    yield from ({**one, **decoder} for one in sounds)
    if "hidden_states" in parameters:
        yield {"hidden_states": torch.randn(2, LENGTH, width(config))}
    if "inputs_embeds" in parameters:
        yield {"inputs_embeds": torch.randn(2, LENGTH, width(config))}
    if "inputs" in parameters:
        yield {"inputs": torch.randn(2, LENGTH, getattr(config, "d_model", 32))}


def sub(config: Any, *fields: str) -> Any:
    """Return the first of the fields that the configuration, or one within it, has."""
    holders = [config]
    for name in ("text_config", "vision_config", "audio_config", "encoder", "backbone_config"):
        holders.append(getattr(config, name, None))
    for field in fields:
        for holder in holders:
            value = getattr(holder, field, None)
            if isinstance(value, int | list | tuple) and not isinstance(value, bool):
                return value
    return None


def width(config: Any) -> int:
    size = sub(config, "hidden_size", "d_model", "embed_dim")
    return size if isinstance(size, int) else 32


def ids(config: Any, length: int) -> Tensor:
    vocabulary = sub(config, "vocab_size") or 32
    generator = torch.Generator().manual_seed(1)
    return torch.randint(5, max(min(vocabulary, 60), 6), (2, length), generator=generator)


def text(config: Any, parameters: set[str], *, padded: bool) -> Inputs:
    """Return token ids, the second row shorter if padded; a decoder's, and boxes too."""
    if "input_ids" not in parameters:
        return {}
    inputs = {"input_ids": ids(config, LENGTH)}
    if padded and "attention_mask" in parameters:
        inputs["attention_mask"] = torch.ones(2, LENGTH, dtype=torch.int64)
        inputs["attention_mask"][1, LENGTH - 4 :] = 0
    if "decoder_input_ids" in parameters:
        inputs["decoder_input_ids"] = ids(config, 6)
    if "bbox" in parameters:
        inputs["bbox"] = torch.randint(0, 8, (2, LENGTH, 4)).sort(-1).values
    return inputs


def images(config: Any) -> Iterator[Tensor]:
    size = sub(config, "image_size", "input_size") or 64
    height, width = (size, size) if isinstance(size, int) else tuple(size)[-2:]
    channels = sub(config, "num_channels", "in_channels", "in_chans") or 3
    generator = torch.Generator().manual_seed(2)
    yield torch.randn(2, channels, height, width, generator=generator)
    yield torch.randn(2, 3, 64, 64, generator=generator)
    frames = sub(config, "num_frames") or 2
    yield torch.randn(2, frames, channels, height, width, generator=generator)


def sound(config: Any, parameters: set[str]) -> Iterator[Inputs]:
    generator = torch.Generator().manual_seed(3)
    bins = (
        sub(config, "num_mel_bins", "input_feat_per_channel", "feature_projection_input_dim") or 80
    )
    positions = sub(config, "max_source_positions") or 20
    lengths = (2 * positions, 40, 64)
    if "input_features" in parameters:
        for length in lengths:
            yield {"input_features": torch.randn(2, bins, length, generator=generator)}
            yield {"input_features": torch.randn(2, length, bins, generator=generator)}
    if "input_values" in parameters:
        yield {"input_values": torch.randn(2, 1200, generator=generator)}
        yield {"input_values": torch.randn(2, 64, bins, generator=generator)}
        yield {"input_values": torch.randn(2, 1, 2000, generator=generator)}
    if "past_values" in parameters:
        yield from series(config)


def series(config: Any) -> Iterator[Inputs]:
    """Yield past and future of a time series, as the forecasting families want them."""
    context = getattr(config, "context_length", 16)
    lags = max(getattr(config, "lags_sequence", None) or [0])
    channels = getattr(config, "num_input_channels", 1)
    past = context + lags
    generator = torch.Generator().manual_seed(4)
    yield {"past_values": torch.randn(2, past, channels, generator=generator)}
    ahead = getattr(config, "prediction_length", None) or 4
    feature_count = getattr(config, "num_time_features", 0)
    yield {
        "past_values": torch.randn(2, past, generator=generator),
        "past_time_features": torch.randn(2, past, feature_count, generator=generator),
        "past_observed_mask": torch.ones(2, past),
        "future_values": torch.randn(2, ahead, generator=generator),
        "future_time_features": torch.randn(2, ahead, feature_count, generator=generator),
    }
