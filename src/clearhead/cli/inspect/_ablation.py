"""`clearhead inspect --ablate`: how well the model predicts a text without each of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ConfigError, TextError
from ...surveys.text_model import Model, Tokens
from ..terminal.heatmap import Paper
from ..terminal.paragraphs import prose
from ._page import bar, layer_table, opening, title_line

if TYPE_CHECKING:
    from ...sweeps.result import Sweep

CAUTION = (
    "A part whose loss hardly changes is not idle: others may take its place, or this text may not "
    "need it. Numbers set to 0 are none that the model meets otherwise; clearhead.sweep with "
    "edit='mean' puts the mean in their place."
)


@dataclass(frozen=True)
class Surprise:
    """The metric: the mean log p of a text's tokens, each given those before it.

    Attributes:
        ids: of the text; the first token is not predicted.
    """

    ids: tuple[int, ...]

    def __call__(self, output: Any) -> Any:
        """Return the mean of log p over all tokens but the first, in nats."""
        import torch

        ids = torch.tensor(self.ids[1:], device=output.logits.device)
        scores = output.logits[:, :-1].float().log_softmax(-1)
        return scores.gather(2, ids[None, :, None].expand(len(scores), -1, 1)).mean()


def ablate(model: Model, source: Tokens, target: Tokens | None, over: str) -> Sweep:
    """Return the change of the mean log p of the text's tokens without each head or layer.

    Raises:
        ConfigError: the model does not predict words.
        TextError: the text is too short.
    """
    import torch

    from ...sweeps.sweep import sweep

    if model.fills_masks:
        raise ConfigError(
            "--ablate measures how well each word is foreseen from those before it, and "
            f"{model.name} fills masks. clearhead.sweep takes any metric: of a mask, "
            "Target(answer, position=place)."
        )
    read = source if target is None else target
    if len(read.ids) < 2:
        raise TextError("--ablate needs a text of two tokens at least: the first is not foreseen.")
    inputs = {"input_ids": torch.tensor([source.ids], device=model.device)}
    if target is not None:
        inputs["decoder_input_ids"] = torch.tensor([target.ids], device=model.device)
    metric = Surprise(tuple(read.ids))
    return sweep(model.model, inputs, metric, "heads" if over == "heads" else "layers")


def ablation_page(
    model: Model, source: Tokens, target: Tokens | None, sweep: Sweep, paper: Paper, top: int
) -> Iterator[str]:
    """Yield the page in pieces."""
    from ...maps.pictures.layer_grid import short_names

    yield from opening(model, source, target, paper)
    yield title_line("loss", f"{-sweep.before:.4f} nats a token, with all parts", paper)
    rises = -sweep.values
    largest = float(np.nanmax(np.abs(rises))) or 1.0
    if rises.ndim == 2:
        yield title_line("rise of the loss without each head", "in nats a token", paper)
        levels = np.nan_to_num(np.clip(rises, 0.0, None)) / largest
        digits = 3 if largest < 10 else 1
        layers = short_names(list(sweep.axes["module"]))
        yield layer_table(rises, layers, levels, paper, f"{{:+.{digits}f}}")
    yield title_line("most needed", "by the rise of the loss", paper)
    for names, change in sorted(sweep.largest(rises.size), key=lambda pair: pair[1])[:top]:
        share = bar(max(-change, 0.0) / largest, paper)
        yield f"{-change:+.4f} {share:<10}  " + "  head ".join(names)
    yield ""
    yield prose(CAUTION, paper)


def ablation_json(sweep: Sweep) -> dict[str, Any]:
    """Return the numbers for JSON; a missing head is null."""
    rises = np.where(np.isfinite(sweep.values), -sweep.values, 0.0).tolist()
    if sweep.values.ndim == 2:
        rises = [
            [rise if there else None for rise, there in zip(row, own, strict=True)]
            for row, own in zip(rises, np.isfinite(sweep.values).tolist(), strict=True)
        ]
    return {
        "loss": -sweep.before,
        "axes": {name: list(entries) for name, entries in sweep.axes.items()},
        "rises": rises,
    }
