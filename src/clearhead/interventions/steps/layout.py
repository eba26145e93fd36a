"""The modules of a model of ours by name, and the step with which each ends."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from ...config import TransformerConfig
from ...errors import ConfigError

# The steps of an attention with an axis of heads, which can also be edited by their own names.
HEAD_STEPS = ("query", "key", "value", "scores", "scaled", "capped", "masked", "weights", "output")
_ATTENTIONS = ("self_attention", "cross_attention")


@dataclass(frozen=True)
class Layout:
    """The modules and attentions of a model.

    Attributes:
        outputs: for each module, the path of the step that is its output; for each step that can be
            edited by itself, its own path.
        attentions: the paths of attentions, in the order in which they first run.
        heads: for the path of an attention, how many heads it has.
    """

    outputs: dict[str, str]
    attentions: list[str]
    heads: dict[str, int]

    @classmethod
    def of(cls, config: TransformerConfig) -> Layout:
        """Return the layout of a model."""
        outputs: dict[str, str] = {}
        heads: dict[str, int] = {}
        for stack, count in (
            ("encoder", config.encoder_layers),
            ("decoder", config.decoder_layers),
        ):
            if not count:
                continue
            outputs[stack] = f"{stack}.output"
            outputs[f"{stack}.embedded"] = f"{stack}.embedded"
            crosses = stack == "decoder" and bool(config.encoder_layers)
            for number in range(count):
                layer = f"{stack}.layers.{number}"
                outputs |= _of_layer(layer, config, crosses=crosses)
                for attention in _ATTENTIONS[: 1 + crosses]:
                    heads[f"{layer}.{attention}"] = config.of_stack(stack).num_heads
            if config.norm_place != "after":
                outputs[f"{stack}.norm"] = f"{stack}.norm.output"
        if config.output.matrix:
            outputs["logits"] = "logits"
        return cls(outputs, list(heads), heads)

    def matching(self, choice: str) -> list[str]:
        """Return the names of the modules that match a name or a pattern.

        Raises:
            ConfigError: no module has such a name; the message suggests similar ones.
        """
        if choice in self.outputs:
            return [choice]
        names = [name for name in self.outputs if not self._is_step(name)]
        matches = [name for name in names if fnmatchcase(name, choice)]
        matches = matches or [name for name in self.outputs if fnmatchcase(name, choice)]
        if matches:
            return matches
        close = get_close_matches(choice, self.outputs, n=3, cutoff=0.4)
        hint = (
            f"Did you mean {' or '.join(map(repr, close))}?"
            if close
            else f"Its modules are named {', '.join(map(repr, names[:5]))}, ..."
        )
        raise ConfigError(f"The model has no module {choice!r}. {hint}")

    def attention_of(self, name: str) -> str | None:
        """Return the attention of a module, or of a step's path; None for others."""
        if name in self.heads:
            return name
        scope, _, last = name.rpartition(".")
        return scope if scope in self.heads and last in HEAD_STEPS else None

    def _is_step(self, name: str) -> bool:
        return self.outputs[name] == name


def _of_layer(layer: str, config: TransformerConfig, *, crosses: bool) -> dict[str, str]:
    """Return the modules and steps of a layer, each with the step that is its output."""
    last = "feed_forward_norm.output" if config.norm_place == "after" else "feed_forward_residual"
    outputs = {layer: f"{layer}.{last}", f"{layer}.input": f"{layer}.input"}
    for sublayer in (*_ATTENTIONS[: 1 + crosses], "feed_forward"):
        path = f"{layer}.{sublayer}"
        outputs[path] = f"{path}.{'output' if sublayer == 'feed_forward' else 'projected'}"
        outputs[f"{path}_norm"] = f"{path}_norm.output"
        if config.norm_place == "both":
            outputs[f"{path}_output_norm"] = f"{path}_output_norm.output"
        outputs[f"{path}_residual"] = f"{path}_residual"
        if sublayer != "feed_forward":
            outputs |= {f"{path}.{step}": f"{path}.{step}" for step in HEAD_STEPS}
            if not config.attention.softcap:
                del outputs[f"{path}.capped"]
    return outputs
