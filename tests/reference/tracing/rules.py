"""A small reader of declared rules: what a step's number is by its rule, from a trace alone."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from clearhead.config import TransformerConfig
from clearhead.reference.tracing.step import Step
from clearhead.reference.tracing.step_kind import Index, Operand, Rule
from clearhead.reference.tracing.steps import attention, kind_of
from clearhead.reference.tracing.trace import Trace


class RuleReader:
    """Evaluates the rules of the steps of one forward pass.

    Args:
        trace: of the pass.
        config, weights: of the model.
    """

    def __init__(
        self, trace: Trace, config: TransformerConfig, weights: dict[str, np.ndarray]
    ) -> None:
        self.trace, self.config, self.weights = trace, config, weights

    def rules(self, step: Step) -> tuple[Rule, ...]:
        """The rules of a step, of masked scores with what its layer hides."""
        rules = kind_of(step.path, step.formula).rules
        if step.path.startswith("decoder") and step.path.endswith("self_attention.masked"):
            hide = attention.windowed if self._window(step) else attention.causal
            return tuple(map(hide, rules))
        return rules

    def value(self, step: Step, index: tuple[int, ...]) -> float:
        """The number of a step by the first rule that holds for it."""
        for rule in self.rules(step):
            if rule.when is None or self._holds(rule.when, step, index):
                operands = {o.symbol: self._operand(o, step, index) for o in rule.operands}
                absent = [symbol for symbol, value in operands.items() if value is None]
                expression = rule.expression
                for symbol in absent:
                    expression = expression.removesuffix(f" + {symbol}")
                return float(eval(expression, {"np": np, "math": math}, operands))
        raise AssertionError(f"No rule of {step.path} holds for {index}.")

    def _window(self, step: Step) -> int:
        return self.config.window(int(step.path.split(".")[2]))

    def _holds(self, when: dict, step: Step, index: tuple[int, ...]) -> bool:
        changed = {name: entry for name, entry in when.items() if name != "equals"}
        return self._index({"mod": 2, **changed}, step, index) == when["equals"]

    def _operand(self, operand: Operand, step: Step, index: tuple[int, ...]) -> object:
        if operand.only_with and not getattr(self.config, operand.only_with):
            return None
        if operand.constant == "window":
            return self._window(step)
        if operand.constant:
            config = self._config(step)
            return reduce(getattr, operand.constant.split("."), config)
        if operand.position is not None:
            return self._index(operand.position, step, index)
        return self._array(operand.path, operand.index, step, index)

    def _array(
        self, path: str, entries: tuple[Index, ...], step: Step, index: tuple[int, ...]
    ) -> np.ndarray:
        scope = step.path.rpartition(".")[0]
        before = "embedded"
        if scope.rpartition(".")[2].isdigit() and not scope.endswith(".0"):
            end = "norm.output" if self.config.norm_place == "after" else "residual"
            before = f"layers.{int(scope.rpartition('.')[2]) - 1}.feed_forward_{end}"
        stack = scope.partition(".")[0]
        path = path.format(
            scope=scope, of=step.of, before=f"{stack}.{before}",
            side="source" if stack == "encoder" else "target",
            output_matrix=self.config.output_name,
        )  # fmt: skip
        place = tuple(
            slice(None) if entry == ":" else self._index(entry, step, index) for entry in entries
        )
        name = path.removeprefix("weights/")
        array = self.trace[path].value if name == path else self.weights[name]
        assert len(place) == array.ndim, (step.path, path)
        return array[place]

    def _index(self, entry: Index, step: Step, index: tuple[int, ...]) -> int:
        if isinstance(entry, int):
            return entry
        if "sum" in entry:
            return sum(self._index(part, step, index) for part in entry["sum"])
        if "value_of" in entry:
            source = entry["value_of"]
            return int(self._array(source["path"], tuple(source["index"]), step, index))
        sizes = self._sizes(step)
        number = {name: sizes.get(value, value) for name, value in entry.items()}
        result = index[number["axis"]] * number.get("times", 1) // number.get("floordiv", 1)
        return result % number.get("mod", 2**60) + number.get("plus", 0)

    def _config(self, step: Step) -> TransformerConfig:
        stack = step.path.partition(".")[0]
        return self.config.of_stack(stack) if stack in ("encoder", "decoder") else self.config

    def _sizes(self, step: Step) -> dict[object, int]:
        config = self._config(step)
        patches = config.patches
        images = {
            "patch_height": patches.height,
            "patch_width": patches.width,
            "patch_area": patches.height * patches.width,
            "patch_columns": patches.columns if config.reads_images else 0,
            "sequence_length": patches.length if config.reads_images else 0,
        }
        return {
            **images,
            "head_dim": config.head_dim,
            "group": config.num_heads // config.key_value_heads,
            "pairs": config.rotary_dim // 2,
            "minus_pairs": -config.rotary_dim // 2,
            "half_width": config.d_model // 2,
            "position_offset": config.embedding.position_offset,
        }
